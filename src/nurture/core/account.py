"""The organization: how well it is our kind of customer, and how much its people are engaged.

`score = 0.6 * fit + 0.4 * (sum over personas of weight * the most engaged of them + what somebody
unknown of it did) + a bonus for each engaged persona`, all in integer milli-points whose rows add
up exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from nurture.core.condition import Facts, holds, refs_of
from nurture.core.lead import Lead, Profile, first_standing
from nurture.core.project import Exclusion, FitModel, FitRule
from nurture.core.score import MILLI, Contribution, fit, most_of

FIT_PERCENT = 60
PEOPLE_PERCENT = 40
ENGAGED_FROM = 10 * MILLI
"""From here on somebody counts as engaged."""
BREADTH_BONUS = 3 * MILLI
"""For each persona of whom somebody is engaged."""
OTHERS = "others"
OTHERS_WEIGHT = 20
"""What people count, in percent, whom no persona fits."""
TOP = 100 * MILLI
TIERS = ("1", "2", "3")
UNKNOWN_TIER = "?"
LAST_TIER = "4"
OUT_TIER = "out"
ALL_TIERS = (*TIERS, LAST_TIER, UNKNOWN_TIER, OUT_TIER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Icp:
    """How well an organization fits the ideal customer, from facts about it alone.

    `value` is 0 to 100 points of what such facts can give, in milli-points; `rows` are the points
    of the rules as written. `tier` is 1, 2 or 3 by the grades' limits, 4 below, "?" while too
    little is known, and "out" if an exclusion holds.
    """

    value: int
    tier: str
    coverage_percent: int
    rows: tuple[Contribution, ...]
    excluded: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engaged:
    """One person of the organization: engagement in milli-points, persona and its weight."""

    persona: str
    weight: int
    engagement: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One row of an account's score; the `net` of all rows add up to it."""

    part: str
    what: str
    raw: int
    net: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountScore:
    """The score of an account in milli-points, and its rows."""

    value: int
    rows: tuple[AccountRow, ...]


def of_accounts(model: FitModel) -> FitModel:
    """Return the part of the fit rules that reads facts about organizations alone."""
    return replace(
        model,
        rules=tuple(rule for rule in model.rules if _reads_accounts(rule)),
        exclusions=tuple(rule for rule in model.exclusions if _all_of_account(rule)),
    )


def _reads_accounts(rule: FitRule) -> bool:
    if rule.when is None:
        return rule.key.startswith("account.")
    return bool(refs_of(rule.when)) and all(ref.owner == "account" for ref in refs_of(rule.when))


def _all_of_account(rule: Exclusion) -> bool:
    return all(ref.owner == "account" for ref in refs_of(rule.when))


def icp(model: FitModel, profile: Profile, *, today: date, now: datetime) -> Icp:
    """Return how well the organization fits. `model` is one of `of_accounts`."""
    facts = Facts(lead=_somebody_of(profile), today=today)
    found = fit(model, facts, now=now)
    most = sum(most_of(rule) for rule in model.rules)
    value = min(found.score.value * 100 // most, TOP) if most else 0
    excluded = next((r.reason for r in model.exclusions if holds(r.when, facts, now=now)), "")
    return Icp(
        value=value,
        tier=OUT_TIER if excluded else _tier(model, value, found.coverage_percent),
        coverage_percent=found.coverage_percent,
        rows=found.score.rows,
        excluded=excluded,
    )


def _tier(model: FitModel, value: int, coverage_percent: int) -> str:
    limits = sorted(model.grades.values(), reverse=True)
    for tier, low in zip(TIERS, limits, strict=False):
        if value >= low * MILLI:
            return tier
    return LAST_TIER if coverage_percent >= 50 else UNKNOWN_TIER  # noqa: PLR2004 (half is known)


def _somebody_of(profile: Profile) -> Lead:
    """Return a lead of whom nothing is known but the organization."""
    return Lead(
        id=0,
        uid="",
        version=0,
        email="",
        time_zone="UTC",
        language="",
        source="",
        account_id=0,
        profile={},
        account=profile,
        standing=first_standing(),
        topics=frozenset(),
        suppressed="",
        locked=False,
        captured_at=datetime(2000, 1, 1, tzinfo=UTC),
        last_life_at=None,
    )


def account_score(
    fit_value: int, people: Iterable[Engaged], signals: Iterable[Contribution] = ()
) -> AccountScore:
    """Return the account's score with the rows that add up to it exactly.

    `signals` is the engagement that those of the organization show of whom nobody knows who they
    are, faded and within the limits of its groups.
    """
    rows = [AccountRow(part="fit", what="fit", raw=fit_value, net=fit_value * FIT_PERCENT // 100)]
    best: dict[str, Engaged] = {}
    for one in people:
        if one.persona not in best or one.engagement > best[one.persona].engagement:
            best[one.persona] = one
    share = [*(_share(best[persona]) for persona in sorted(best)), *_signal_rows(signals)]
    rows += [*share, *_cap("people", share, PEOPLE_PERCENT * MILLI)]
    rows += [
        AccountRow(part="breadth", what=name, raw=BREADTH_BONUS, net=BREADTH_BONUS)
        for name in sorted(best)
        if best[name].engagement >= ENGAGED_FROM
    ]
    rows += _cap("account", rows, TOP)
    return AccountScore(value=sum(row.net for row in rows), rows=tuple(rows))


def _share(one: Engaged) -> AccountRow:
    net = one.engagement * one.weight * PEOPLE_PERCENT // 10_000
    return AccountRow(part="people", what=one.persona, raw=one.engagement, net=net)


def _signal_rows(signals: Iterable[Contribution]) -> list[AccountRow]:
    """Return one row a rule; the parts of a point are shared out so that the sum stays exact."""
    points: dict[str, int] = {}
    for one in signals:
        name = f"{one.group}: {one.rule}"
        points[name] = points.get(name, 0) + one.net
    rows, before = [], 0
    for name in sorted(points):
        after = before + points[name]
        net = after * PEOPLE_PERCENT // 100 - before * PEOPLE_PERCENT // 100
        rows.append(AccountRow(part="signals", what=name, raw=points[name], net=net))
        before = after
    return [row for row in rows if row.raw]


def _cap(part: str, rows: Sequence[AccountRow], top: int) -> list[AccountRow]:
    over = sum(row.net for row in rows) - top
    return [AccountRow(part=part, what="cap", raw=0, net=-over)] if over > 0 else []
