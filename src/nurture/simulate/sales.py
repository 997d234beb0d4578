"""A pretend sales team: what it answers to a handoff, when, from a seed and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

FIRST: Sequence[tuple[str, int]] = (
    ("accepted", 74),
    ("rejected", 12),
    ("recycled", 8),
    ("", 6),
)
"""First answers and their shares in percent; '' is a colleague who does not answer."""

LATER: Sequence[tuple[str, int]] = (("won", 30), ("lost", 25), ("recycled", 10), ("", 35))

REASONS = {
    "rejected": ("wrong person", "no need", "already customer", "unreachable"),
    "recycled": ("bad timing", "budget next year"),
    "lost": ("stayed with the contractor", "no decision"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesAnswer:
    """What sales says, why, and how long after the handoff."""

    verb: str
    reason: str
    after: timedelta


def answers(seed: int, who: str) -> list[SalesAnswer]:
    """Return what sales says about the lead known as `who`, in order."""
    roll = Random(f"{seed}/sales/{who}")
    first = _pick(roll, FIRST)
    after = timedelta(hours=1 + roll.randrange(20))
    if not first:
        return []
    said = [SalesAnswer(verb=first, reason=_reason(roll, first), after=after)]
    if first == "accepted":
        after += timedelta(hours=20 + roll.randrange(30))
        said.append(SalesAnswer(verb="working", reason="", after=after))
        later = _pick(roll, LATER)
        after += timedelta(days=4 + roll.randrange(20))
        if later:
            said.append(SalesAnswer(verb=later, reason=_reason(roll, later), after=after))
    return said


def _pick(roll: Random, shares: Sequence[tuple[str, int]]) -> str:
    verbs = [verb for verb, _ in shares]
    return roll.choices(verbs, [weight for _, weight in shares])[0]


def _reason(roll: Random, verb: str) -> str:
    reasons = REASONS.get(verb)
    return roll.choice(reasons) if reasons else ""
