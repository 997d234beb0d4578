"""Match everybody against other rules, and store nothing: what an edited ICP would change.

Organizations may come into another tier, people may become another persona. Compared are the
project in force and one that is still a draft, on the same facts and at the same moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from nurture.core.account import of_accounts
from nurture.core.lead import Lead
from nurture.core.persona import persona_of
from nurture.core.project import FitModel, Project
from nurture.core.rematch import Because, Part, TierChange, comparison
from nurture.engine.runtime import today
from nurture.store import accounts
from nurture.store.accounts import AccountLine
from nurture.store.db import Connection

NOBODY = ""
"""The persona of those whom none fits."""
Move = tuple[str, str]
"""From what to what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherTier:
    """An organization that would come into another tier."""

    line: AccountLine
    change: TierChange


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPersona:
    """A lead that would be another persona."""

    lead: Lead
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rematch:
    """What would change: counts of all, and the first of each.

    `accounts` and `people` are how many were looked at; 0 if no rule about them differs.
    """

    accounts: int
    people: int
    tiers: Mapping[Move, int]
    personas: Mapping[Move, int]
    other_tiers: tuple[OtherTier, ...]
    other_personas: tuple[OtherPersona, ...]


def rematch(
    connection: Connection, old: Project, new: Project, *, now: datetime, limit: int
) -> Rematch:
    """Return whose tier or persona the new project would change; `limit` of each one by one."""
    seen: Counter[str] = Counter()
    tiers: Counter[Move] = Counter()
    personas: Counter[Move] = Counter()
    first_tiers: list[OtherTier] = []
    first_personas: list[OtherPersona] = []
    for one in _other_tiers(connection, (old, new), seen, now):
        tiers[one.change.before.tier, one.change.after.tier] += 1
        first_tiers.extend(islice([one], limit - len(first_tiers)))
    for other in _other_personas(connection, (old, new), seen, now):
        personas[other.before, other.after] += 1
        first_personas.extend(islice([other], limit - len(first_personas)))
    return Rematch(
        accounts=seen["accounts"],
        people=seen["people"],
        tiers=dict(sorted(tiers.items())),
        personas=dict(sorted(personas.items())),
        other_tiers=tuple(first_tiers),
        other_personas=tuple(first_personas),
    )


def _other_tiers(
    connection: Connection, both: tuple[Project, Project], seen: Counter[str], now: datetime
) -> Iterator[OtherTier]:
    compared = comparison(*(_rules(project) for project in both))
    if not compared.pieces:
        return
    day = today(both[1], now)
    for page in accounts.pages(connection):
        seen["accounts"] += len(page)
        for line in page:
            change = compared.tier_change(line.profile, today=day, now=now)
            if change is not None:
                yield OtherTier(line=line, change=change)


def _rules(project: Project) -> FitModel:
    # What is required decides the grade of a lead, never the tier of its account.
    return replace(of_accounts(project.qualification.fit), required=())


def _other_personas(
    connection: Connection, both: tuple[Project, Project], seen: Counter[str], now: datetime
) -> Iterator[OtherPersona]:
    old, new = ({p.name: p.when for p in project.personas.values()} for project in both)
    if old == new:
        return
    for page in accounts.people(connection):
        seen["people"] += len(page)
        for lead in page:
            before, after = (_persona(project, lead, now) for project in both)
            if before != after:
                yield OtherPersona(lead=lead, before=before, after=after)


def _persona(project: Project, lead: Lead, now: datetime) -> str:
    found = persona_of(project.personas.values(), lead, today=today(project, now), now=now)
    return found.name if found else NOBODY


def say_because(one: Because) -> str:
    """Say which rule made the difference, and how."""
    name, before, after = one.piece.id, one.before, one.after
    match one.piece.part:
        case Part.EXCLUSION if after:
            return f"excluded: {after.word}"
        case Part.EXCLUSION:
            return "no longer excluded" + (f": {before.word}" if before else "")
        case Part.LIMIT:
            assert before, "every project has all limits"
            assert after, "every project has all limits"
            return f"tier {after.word} begins at {after.points}, not at {before.points}"
        case Part.RULE:
            pass
    if before is None:
        assert after, "a rule that differs is in one of both"
        return f"{name} is new and gives {after.points} of at most {after.most} points"
    if after is None:
        return f"{name} is gone and gave {before.points} of at most {before.most} points"
    if before == after:
        return f"{name} asks for something else"
    was, then = (f"{one.points} of at most {one.most}" for one in (before, after))
    return f"{name} gives {then} points, not {was}"
