"""When to look at a lead again: the earliest time at which anything could change by itself."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta

from nurture.core.condition import (
    Compare,
    Condition,
    DatePast,
    DateWithin,
    Facts,
    Happened,
    OneOf,
    Sent,
    Silent,
    last_life,
    last_sent,
    last_time,
    value_of,
)
from nurture.core.history import History
from nurture.core.policy import zone
from nurture.core.project import Project
from nurture.core.score import MILLI, crossing_day

REQUALIFY = timedelta(days=30)
"""Every lead in play is looked at this often, whatever happens."""


def next_check(facts: Facts, history: History, project: Project, now: datetime) -> datetime:
    """Return the earliest time at which anything could change without a new event."""
    moments = [now + REQUALIFY, *_turns(facts, history, project)]
    for name, left in history.left_at.items():
        sequence = project.sequences.get(name)
        if sequence is not None and sequence.reentry_seconds is not None:
            moments.append(left + timedelta(seconds=sequence.reentry_seconds))
    definition = project.qualification.stages.get(facts.lead.standing.stage)
    if definition is not None and definition.silence_seconds is not None:
        moments.append(last_life(facts.lead) + timedelta(seconds=definition.silence_seconds))
    return min(moment for moment in moments if moment > now)


def next_turn(facts: Facts, history: History, project: Project, now: datetime) -> datetime | None:
    """Return when a stored answer about somebody out of play could next be another, None: never.

    No move and no mail waits for it, so nobody is looked at once a month; but segments ask of
    customers and of the lost too.
    """
    moments = (moment for moment in _turns(facts, history, project) if moment > now)
    return min(moments, default=None)


def _turns(facts: Facts, history: History, project: Project) -> Iterable[datetime]:
    """Yield when answers of rules turn: windows, dates, facts that expire, fading points."""
    yield from _window_ends(facts, project)
    yield from _date_turns(facts, project)
    if history.next_expiry is not None:
        yield history.next_expiry
    day = crossing_day(
        project.qualification.engagement,
        history.tallies,
        engagement_thresholds(project, facts.lead.standing.fit),
        day=facts.today.toordinal(),
    )
    if day is not None:
        yield midnight(date.fromordinal(day), project.workspace.time_zone)


def _window_ends(facts: Facts, project: Project) -> Iterable[datetime]:
    for leaf in project.leaves:
        match leaf:
            case Happened(kind, subject, int(within)):
                at = last_time(facts, kind, subject)
                if at is not None:
                    yield at + timedelta(seconds=within)
            case Sent(template, int(within)):
                at = last_sent(facts, template)
                if at is not None:
                    yield at + timedelta(seconds=within)
            case Silent(seconds):
                yield last_life(facts.lead) + timedelta(seconds=seconds)
            case _:
                pass


def _date_turns(facts: Facts, project: Project) -> Iterable[datetime]:
    for leaf in project.leaves:
        if not isinstance(leaf, DateWithin | DatePast):
            continue
        value = value_of(leaf.ref, facts)
        ahead = leaf.days if isinstance(leaf, DateWithin) else 0
        try:
            day = date.fromisoformat(str(value))
            turns = (day - timedelta(days=ahead), day, day + timedelta(days=1))
            yield from [midnight(turn, project.workspace.time_zone) for turn in turns]
        except (ValueError, OverflowError):
            # Not known, or at an end of the calendar, where nobody waits for it to turn.
            continue


def midnight(day: date, zone_name: str) -> datetime:
    """Return the instant at which the day begins in the zone."""
    return datetime.combine(day, time(0), tzinfo=zone(zone_name)).astimezone(UTC)


def engagement_thresholds(project: Project, fit_value: int) -> list[int]:
    """Return every engagement value (milli-points) at which some rule could change its answer.

    Readiness thresholds are turned into engagement at the lead's present fit.
    """
    rules = project.qualification
    found = [points * MILLI for points in rules.engagement.bands.values()]
    readiness = list(rules.readiness.bands.values())
    if rules.handoff.floor:
        readiness.append(rules.handoff.floor)
    for leaf in project.leaves:
        found.extend(_literals(leaf, "score", "engagement", MILLI))
        readiness.extend(_literals(leaf, "", "readiness", 1))
    for value in readiness:
        edge = engagement_for(project, fit_value, value)
        if edge is not None:
            found.append(edge)
    # `<=` and `>` turn one milli-point above the literal, `<` and `>=` on it: watch both.
    return sorted({edge for value in found for edge in (value, value + 1)})


def engagement_for(project: Project, fit_value: int, readiness: int) -> int | None:
    """Return the least engagement (milli-points) that gives this readiness at this fit.

    None where engagement has no weight in it.
    """
    weights = project.qualification.readiness
    if not weights.engagement_weight:
        return None
    fit_part = weights.fit_weight * fit_value
    return -((fit_part - readiness * 100 * MILLI) // weights.engagement_weight)


def _literals(leaf: Condition, owner: str, name: str, unit: int) -> Iterable[int]:
    match leaf:
        case Compare(ref, _, int(literal)) if (ref.owner, ref.name) == (owner, name):
            yield literal * unit
            if unit == 1:
                yield literal + 1
        case OneOf(ref, literals) if (ref.owner, ref.name) == (owner, name):
            for value in literals:
                if isinstance(value, int):
                    yield from (value * unit, value * unit + 1)
        case _:
            return
