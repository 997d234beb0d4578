"""Fit and engagement: scores as functions of facts, with the rows that add up to them.

Engagement follows the usual half-life form: an event d days ago is worth
`points * 0.5 ** (d / half_life)`. Days are whole days of the workspace's calendar, so a score
changes at midnight or by an event, never in between, and the day of the next threshold crossing
can be found by search instead of polling. One rounding, into integer milli-points, at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nurture.core.condition import Facts, holds, judge
from nurture.core.event import EventKind
from nurture.core.lead import UNKNOWN_GRADE, Value, Verdict
from nurture.core.project import (
    EngagementGroup,
    EngagementModel,
    EngagementRule,
    FitModel,
    FitRule,
)

MILLI = 1000
GRADED_FROM_PERCENT = 50
"""With less of the fit weight known than this, a low score is called unknown, not bad."""
HORIZON_DAYS = 3 * 366
"""How far ahead a crossing is looked for; after three years every decaying point is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """So many human events of one kind and subject on one day (ordinal, workspace zone)."""

    kind: EventKind
    subject: str
    day: int
    count: int
    points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One row of an explained score. `net` rows of a score add up to it exactly (milli-points).

    `raw` is what the rule's events were worth on their days, `net` what is left of it today;
    rows with the rule `cap` say what a clamp took away or gave back.
    """

    group: str
    rule: str
    count: int
    last_day: int | None
    raw: int
    net: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score in milli-points and the rows that explain it."""

    value: int
    rows: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    group: str
    rule: str
    count: int
    last_day: int | None
    raw: float
    net: float


def engagement(model: EngagementModel, tallies: Sequence[Tally], *, day: int) -> Score:
    """Return the engagement score on the day, from what had happened up to that day."""
    past = [tally for tally in tallies if tally.day <= day]
    parts: list[_Part] = []
    total = 0.0
    for group in model.groups:
        group_parts, group_total = _group(group, past, day)
        parts.extend(group_parts)
        total += group_total
    adjusted = sum(t.points * t.count for t in past if t.kind is EventKind.SCORE_ADJUSTED)
    if adjusted:
        parts.append(_Part("manual", "adjusted", 1, None, adjusted, adjusted))
        total += adjusted
    clamped = min(max(total, 0.0), float(model.maximum))
    if clamped != total:
        parts.append(_Part("engagement", "cap", 0, None, 0.0, clamped - total))
    return _settle(parts, clamped)


def _group(group: EngagementGroup, past: Sequence[Tally], day: int) -> tuple[list[_Part], float]:
    parts = []
    total = 0.0
    for rule, counted in _counted(group, past):
        raw = sum(rule.points * n for _, n in counted)
        net = sum(rule.points * n * _decay(day - at, group.half_life_days) for at, n in counted)
        parts.append(_Part(group.id, rule.id, sum(n for _, n in counted), counted[0][0], raw, net))
        total += net
    clamped = min(max(total, float(group.minimum)), float(group.maximum))
    if clamped != total:
        parts.append(_Part(group.id, "cap", 0, None, 0.0, clamped - total))
    return parts, clamped


def _counted(
    group: EngagementGroup, past: Sequence[Tally]
) -> Iterable[tuple[EngagementRule, list[tuple[int, int]]]]:
    """Yield each rule with what it counts, newest day first.

    Within a group an event counts once, for the first rule that takes it.
    """
    taken: dict[str, dict[int, int]] = {}
    for tally in past:
        rule = next((rule for rule in group.rules if _takes(rule, tally)), None)
        if rule is not None:
            days = taken.setdefault(rule.id, {})
            days[tally.day] = days.get(tally.day, 0) + tally.count
    for rule in group.rules:
        counted = _capped(rule, taken.get(rule.id, {}))
        if counted:
            yield rule, counted


def _takes(rule: EngagementRule, tally: Tally) -> bool:
    return rule.kind is tally.kind and rule.subject in ("", tally.subject)


def _capped(rule: EngagementRule, days: Mapping[int, int]) -> list[tuple[int, int]]:
    left = rule.max_count
    counted = []
    for day in sorted(days, reverse=True):
        count = days[day] if rule.max_per_day is None else min(days[day], rule.max_per_day)
        if left is not None:
            count = min(count, left)
            left -= count
        if count:
            counted.append((day, count))
    return counted


def _decay(age_days: int, half_life_days: int | None) -> float:
    return 1.0 if half_life_days is None else 0.5 ** (age_days / half_life_days)


def _settle(parts: Sequence[_Part], total: float) -> Score:
    """Round once and share the remainder out, largest fraction first, so that rows add up."""
    value = round(total * MILLI)
    floors = [int(part.net * MILLI // 1) for part in parts]
    fractions = [part.net * MILLI - floor for part, floor in zip(parts, floors, strict=True)]
    short = value - sum(floors)
    order = sorted(range(len(parts)), key=lambda i: (-fractions[i], i))
    for i in order[:short]:
        floors[i] += 1
    rows = tuple(
        Contribution(
            group=part.group,
            rule=part.rule,
            count=part.count,
            last_day=part.last_day,
            raw=round(part.raw * MILLI),
            net=net,
        )
        for part, net in zip(parts, floors, strict=True)
    )
    return Score(value=value, rows=rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Fit in milli-points, its rows, the share of the weight that is known, and the grade."""

    score: Score
    coverage_percent: int
    grade: str


def fit(model: FitModel, facts: Facts, *, now: datetime) -> Fit:
    """Return the fit of the lead's profile. What is not known counts nothing either way."""
    parts = []
    total = known_weight = weight = 0
    for rule in model.rules:
        points, known = _fit_points(rule, facts, now)
        top = _fit_top(rule)
        weight += top
        known_weight += top if known else 0
        total += points
        if points:
            parts.append(_Part("fit", rule.id, 1, None, points, points))
    clamped = min(max(total, 0), 100)
    if clamped != total:
        parts.append(_Part("fit", "cap", 0, None, 0.0, clamped - total))
    coverage = 100 * known_weight // weight if weight else 0
    return Fit(
        score=_settle(parts, clamped),
        coverage_percent=coverage,
        grade=_grade(model, clamped, coverage),
    )


def _grade(model: FitModel, points: int, coverage_percent: int) -> str:
    """Grade by thresholds; a low score for want of answers is "?", not the worst grade."""
    for grade, low in sorted(model.grades.items(), key=lambda item: -item[1]):
        if points >= low:
            return grade
    return "D" if coverage_percent >= GRADED_FROM_PERCENT else UNKNOWN_GRADE


def _fit_points(rule: FitRule, facts: Facts, now: datetime) -> tuple[int, bool]:
    """Return what the rule gives, and whether what it asks is known: a "no" is known too."""
    if rule.when is not None:
        known = judge(rule.when, facts, now=now) is not Verdict.UNKNOWN
        return (rule.points if holds(rule.when, facts, now=now) else 0), known
    value = profile_value(rule.key, facts)
    if value is None:
        return 0, False
    if rule.bands:
        if not isinstance(value, int):
            return 0, False
        points = next(
            (
                b.points
                for b in rule.bands
                if b.low <= value and (b.high is None or value <= b.high)
            ),
            0,
        )
        return points, True
    keys = value if isinstance(value, tuple) else (str(value),)
    return max((rule.values.get(key, rule.otherwise) for key in keys), default=0), True


def profile_value(key: str, facts: Facts) -> Value | None:
    """Return the value of `lead.x` or `account.x`, None if it is not known."""
    owner, _, name = key.partition(".")
    profile = facts.lead.profile if owner == "lead" else facts.lead.account
    value = profile.get(name)
    return None if value in ("", ()) else value


def _fit_top(rule: FitRule) -> int:
    if rule.when is not None:
        return max(rule.points, 0)
    options = [band.points for band in rule.bands] + [*rule.values.values(), rule.otherwise]
    return max(*options, 0)


def crossing_day(
    model: EngagementModel, tallies: Sequence[Tally], thresholds: Iterable[int], *, day: int
) -> int | None:
    """Return the first day after `day` on which the score leaves its place among the thresholds.

    Thresholds are milli-points. Groups with negative points never decay (the checker refuses
    it), so without new events the score only falls and a binary search finds the day.
    """
    value = engagement(model, tallies, day=day).value
    below = [threshold for threshold in thresholds if 0 < threshold <= value]
    if not below:
        return None
    nearest = max(below)
    low, high = day, day + HORIZON_DAYS
    if engagement(model, tallies, day=high).value >= nearest:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if engagement(model, tallies, day=middle).value >= nearest:
            low = middle
        else:
            high = middle
    return high
