"""Qualified accounts: the right tier, somebody who means it, and more than one kind of person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nurture.core.account import ENGAGED_FROM, OTHERS, Engaged, Icp
from nurture.core.account_rule import AccountRule
from nurture.core.project import EngagementModel, EngagementRule
from nurture.core.score import MILLI, Tally, takes

Deeds = Counter[EngagementRule]
"""How many events there were, by the rule that says what one is worth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One thing that a qualified account needs, whether it has it, and what was found."""

    what: str
    met: bool
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualified:
    """Whether an account is qualified: all that is asked is met."""

    asked: tuple[Asked, ...]

    @property
    def met(self) -> bool:
        """Say whether everything is met."""
        return all(one.met for one in self.asked)


def deeds(model: EngagementModel, actors: Iterable[Sequence[Tally]], *, since_day: int) -> Deeds:
    """Return what each actor did since the day, by the rule that gives most for it.

    What a rule takes of one actor on one day at most counts here too: ten clicks are no ten deeds.
    """
    found: Deeds = Counter()
    for tallies in actors:
        used: Counter[tuple[str, int]] = Counter()
        for tally in tallies:
            rule = _best(model, tally)
            if rule is None or tally.day < since_day:
                continue
            place = (rule.id, tally.day)
            most = tally.count if rule.max_per_day is None else rule.max_per_day - used[place]
            used[place] += min(tally.count, most)
            found[rule] += min(tally.count, most)
    return found


def _best(model: EngagementModel, tally: Tally) -> EngagementRule | None:
    """Return the rule that gives most for it; within a group the first that takes it counts."""
    firsts = (
        next((rule for rule in group.rules if takes(rule, tally)), None) for group in model.groups
    )
    giving = [rule for rule in firsts if rule is not None and rule.points > 0]
    return max(giving, key=lambda rule: rule.points, default=None)


def qualified(rule: AccountRule, fits: Icp, done: Deeds, people: Iterable[Engaged]) -> Qualified:
    """Return whether the account is qualified, with what is asked and what was found."""
    roles = sorted({p.persona for p in people if p.engagement >= ENGAGED_FROM} - {OTHERS})
    return Qualified(
        asked=(
            Asked(
                what=f"tier {_either(rule.tiers)}",
                met=fits.tier in rule.tiers,
                found=f"tier {fits.tier}" if fits.tier != "out" else f"out: {fits.excluded}",
            ),
            _intent(rule, done),
            Asked(
                what=f"{rule.roles} personas with {ENGAGED_FROM // MILLI} points or more",
                met=len(roles) >= rule.roles,
                found=", ".join(roles) or "none",
            ),
        )
    )


def _intent(rule: AccountRule, done: Deeds) -> Asked:
    high = {e: n for e, n in done.items() if e.hand_raise or e.points >= rule.high_points}
    some = {e: n for e, n in done.items() if e in high or e.points >= rule.medium_points}
    met = sum(high.values()) >= rule.high_events or sum(some.values()) >= rule.medium_events
    return Asked(
        what=(
            f"in {rule.within_days} days {rule.high_events} of {rule.high_points} points or more,"
            f" or {rule.medium_events} of {rule.medium_points} or more"
        ),
        met=met,
        found=_listed(some) or "none",
    )


def _listed(found: Mapping[EngagementRule, int]) -> str:
    named: Counter[str] = Counter()
    for rule, times in found.items():
        named[rule.id] += times
    return ", ".join(
        f"{name} {times} times" if times > 1 else name
        for name, times in sorted(named.items(), key=lambda item: (-item[1], item[0]))
    )


def _either(tiers: Sequence[str]) -> str:
    return " or ".join(tiers)
