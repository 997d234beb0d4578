"""When a lead is looked at again without any new event, and what could change then.

`core.assess` works out the earliest of these moments for every lead it assesses; here they are
told with their reasons, for one lead that somebody asks about. A test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from nurture.core.condition import (
    Condition,
    DatePast,
    DateWithin,
    Happened,
    Sent,
    Silent,
    last_life,
    last_sent,
    last_time,
    value_of,
)
from nurture.core.lead import IN_PLAY
from nurture.core.next_check import REQUALIFY, engagement_thresholds, midnight
from nurture.core.score import crossing_day
from nurture.core.wakeups import stage_until
from nurture.engine.moments import say_seconds
from nurture.engine.person import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A moment at which something could change by itself, and what."""

    at: datetime
    why: str


def looks_ahead(person: Person, *, now: datetime) -> list[Look]:
    """Return every moment from now on at which something could change, earliest first."""
    found = [*_rules(person), *_expiry(person), *_crossing(person)]
    if person.found.standing.stage in IN_PLAY:
        found += [
            Look(at=now + REQUALIFY, why="everybody is looked at once a month at the least"),
            *_reentries(person),
            *_silence(person),
            *_stage_limit(person),
        ]
    return sorted((look for look in found if look.at > now), key=lambda look: look.at)


def _rules(person: Person) -> Iterator[Look]:
    for leaf in person.project.leaves:
        if isinstance(leaf, DateWithin | DatePast):
            yield from _date_turns(person, leaf)
        else:
            yield from _window_end(person, leaf)


def _window_end(person: Person, leaf: Condition) -> Iterator[Look]:
    match leaf:
        case Happened(kind, subject, int(within)):
            at = last_time(person.facts, kind, subject)
            ends = at + timedelta(seconds=within) if at else None
        case Sent(template, int(within)):
            at = last_sent(person.facts, template)
            ends = at + timedelta(seconds=within) if at else None
        case Silent(seconds):
            ends = last_life(person.lead) + timedelta(seconds=seconds)
            said = person.words.condition(leaf)
            yield Look(at=ends, why=f"from then on it is true that {said}")
            return
        case _:
            return
    if ends is not None:
        said = person.words.condition(leaf)
        yield Look(at=ends, why=f"from then on it is no longer true that {said}")


def _date_turns(person: Person, leaf: DateWithin | DatePast) -> Iterator[Look]:
    value = value_of(leaf.ref, person.facts)
    ahead = leaf.days if isinstance(leaf, DateWithin) else 0
    try:
        day = date.fromisoformat(str(value))
        turns = (day - timedelta(days=ahead), day, day + timedelta(days=1))
        moments = [midnight(turn, person.project.workspace.time_zone) for turn in turns]
    except (ValueError, OverflowError):
        # Not known, or at an end of the calendar.
        return
    label = person.words.label(leaf.ref)
    for at in moments:
        yield Look(at=at, why=f"{label} is {person.words.value(leaf.ref, value)}")


def _expiry(person: Person) -> Iterator[Look]:
    at = person.history.next_expiry
    if at is None:
        return
    labels = [
        person.project.fields[one.key].label
        for one in person.provenance.told
        if one.valid_until == at and one.key in person.project.fields
    ]
    named = ", ".join(dict.fromkeys(labels)) or "something we were told"
    yield Look(at=at, why=f"{named} counts as unknown from then on and may be asked again")


def _reentries(person: Person) -> Iterator[Look]:
    for name, left in person.history.left_at.items():
        sequence = person.project.sequences.get(name)
        if sequence is not None and sequence.reentry_seconds is not None:
            yield Look(
                at=left + timedelta(seconds=sequence.reentry_seconds),
                why=f"from then on they may enter {person.words.sequence(name)} again",
            )


def _silence(person: Person) -> Iterator[Look]:
    stage = person.found.standing.stage
    definition = person.project.qualification.stages.get(stage)
    if definition is not None and definition.silence_seconds is not None:
        yield Look(
            at=last_life(person.lead) + timedelta(seconds=definition.silence_seconds),
            why=f"{say_seconds(definition.silence_seconds)} without a sign of life: "
            f"time for the inactive file",
        )


def _stage_limit(person: Person) -> Iterator[Look]:
    stage = person.found.standing.stage
    until = stage_until(person.lead, person.history, person.project)
    if until is not None and stage is person.lead.standing.stage:
        owner = person.project.qualification.stages[stage].owner
        yield Look(at=until, why=f"at the stage for as long as was agreed: {owner} is asked, once")


def _crossing(person: Person) -> Iterator[Look]:
    day = crossing_day(
        person.project.qualification.engagement,
        person.history.tallies,
        engagement_thresholds(person.project, person.found.standing.fit),
        day=person.facts.today.toordinal(),
    )
    if day is not None:
        yield Look(
            at=midnight(date.fromordinal(day), person.project.workspace.time_zone),
            why="without any sign of life engagement has then faded below a limit that matters",
        )
