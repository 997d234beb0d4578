"""What a date or a limit brings about: the day a temperature waited for, and new for too long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from nurture.core.condition import Facts, ValueType
from nurture.core.history import History
from nurture.core.lead import Lead, Stage, Temperature
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
