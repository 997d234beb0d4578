"""What a date or a limit brings about: the day a temperature waited for, and too long a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from nurture.core.condition import Facts, ValueType
from nurture.core.history import History
from nurture.core.lead import Lead, Stage, Temperature
from nurture.core.moves import with_sales
from nurture.core.policy import zone
from nurture.core.project import Project
from nurture.core.recheck import Ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A day that a lead named has come: the field, and when its day began."""

    key: str
    at: datetime


def named_days(lead: Lead, project: Project) -> Iterator[Arrival]:
    """Yield the days that temperatures wait for and the lead has named, past or to come."""
    keys = dict.fromkeys(key for rule in project.qualification.temperatures for key in rule.needs)
    for key in keys:
        field = project.fields.get(key)
        if field is None or field.type is not ValueType.DATE:
            continue
        profile = lead.profile if field.owner == "lead" else lead.account
        try:
            day = date.fromisoformat(str(profile.get(field.name)))
            begins = datetime.combine(day, time(0), tzinfo=zone(project.workspace.time_zone))
            yield Arrival(key=key, at=begins.astimezone(UTC))
        except (ValueError, OverflowError):
            # Not known, or at an end of the calendar, which nobody waits for.
            continue


def arrivals(facts: Facts, history: History, project: Project, now: datetime) -> list[Arrival]:
    """Return the named days that have come and of which nothing was said yet."""
    return [
        one
        for one in named_days(facts.lead, project)
        if one.at <= now and history.arrived.get(one.key) != one.at
    ]


def new_until(lead: Lead, project: Project) -> datetime | None:
    """Return until when a prospect may stay new, None if it is not new or may for ever."""
    standing = lead.standing
    limits = [r.at_most_seconds for r in project.qualification.temperatures if r.at_most_seconds]
    if not limits or standing.temperature is not Temperature.NEW:
        return None
    if standing.stage is not Stage.PROSPECT:
        return None
    # A prospect of this very moment has been new since now: the next look knows.
    since = lead.temperature_at
    return since + timedelta(seconds=min(limits)) if since is not None else None


def unclear(facts: Facts, project: Project, now: datetime) -> tuple[Ask, ...]:
    """Return the question to the stage's owner about a prospect that has been new too long."""
    end = new_until(facts.lead, project)
    if end is None or end > now:
        return ()
    standing = facts.lead.standing
    key = f"unclear/{standing.stage}/{standing.cycle}/{end.date()}"
    return (Ask(key=key, stage=standing.stage, failing=()),)


def stage_until(lead: Lead, history: History, project: Project) -> datetime | None:
    """Return until when a lead may be at its stage, None if for ever."""
    definition = project.qualification.stages.get(lead.standing.stage)
    since = _at_stage_since(lead, history)
    if definition is None or definition.at_most_seconds is None or since is None:
        return None
    return since + timedelta(seconds=definition.at_most_seconds)


def _at_stage_since(lead: Lead, history: History) -> datetime | None:
    # Who never moved has been at the stage since the first look; that began the temperature too,
    # which stays new before a lead is a prospect.
    return history.stage_at or lead.temperature_at


def overstays(facts: Facts, history: History, project: Project, now: datetime) -> tuple[Ask, ...]:
    """Return the question to the owner about a lead that has been at its stage for too long."""
    end = stage_until(facts.lead, history, project)
    if end is None or end > now:
        return ()
    standing, since = facts.lead.standing, _at_stage_since(facts.lead, history)
    assert since is not None
    key = f"overstays/{standing.stage}/{standing.cycle}/{since.isoformat()}"
    return (Ask(key=key, stage=standing.stage, failing=(), since=since),)


def answer_hot_within(project: Project) -> timedelta | None:
    """Return how fast sales is to answer who is hot, None if nobody promised anything."""
    promised = (r.answer_within_seconds for r in project.qualification.temperatures)
    return min((timedelta(seconds=each) for each in promised if each), default=None)


def urgent(facts: Facts, history: History, project: Project) -> tuple[Ask, ...]:
    """Return the question to sales to call somebody who is hot, once for each time they become so.

    Whom sales has already needs none: the clock of the handoff runs.
    """
    standing, since = facts.lead.standing, facts.lead.temperature_at
    within = answer_hot_within(project)
    if standing.temperature is not Temperature.HOT or within is None or since is None:
        return ()
    if standing.stage not in (Stage.PROSPECT, Stage.OPPORTUNITY) or with_sales(history):
        return ()
    key = f"hot/{standing.cycle}/{since.date()}"
    return (Ask(key=key, stage=standing.stage, failing=(), within=within),)
