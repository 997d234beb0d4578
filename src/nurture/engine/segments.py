"""Segments as a whole: counts and how they changed, and what they cost.

Who is in a segment is asked of the leads' rows, so nothing can go stale but those rows. `nurture
verify` works them out anew and compares. What the nightly look found is kept for comparison only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256

from nurture.core.errors import Finding
from nurture.core.project import Project, Segment
from nurture.engine.runtime import Runtime, today
from nurture.project.codes import Code
from nurture.store import segment_cost, segment_days, segment_sql
from nurture.store.db import Connection

MOST_KEPT = 50_000
"""Of a segment with more leads than this is not kept who they are, only how many."""
LONGEST_SECONDS = 5.0
"""A segment that takes longer to ask of everybody may not go into force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A segment with how many leads are in it, and how many were at the last count before today."""

    segment: Segment
    leads: int
    before: tuple[date, int] | None

    @property
    def change(self) -> int | None:
        """How many more there are since; None if nobody counted before."""
        return None if self.before is None else self.leads - self.before[1]


def counts(runtime: Runtime, *, now: datetime) -> list[Counted]:
    """Return every segment in force with its count now."""
    with runtime.database.read() as connection:
        project = runtime.in_force(connection).project
        day = today(project, now)
        before = segment_days.before(connection, day=day)
        return [
            Counted(
                segment=one,
                leads=segment_sql.count(connection, one.when, now=now, today=day),
                before=before.get(one.name),
            )
            for one in project.segments.values()
        ]


def keep_counts(runtime: Runtime, *, now: datetime) -> int:
    """Look at every segment, and keep its count and its members; return how many segments.

    Of a segment with more than `MOST_KEPT` leads only the count is kept.
    """
    found = counts(runtime, now=now)
    with runtime.database.read() as connection:
        project = runtime.in_force(connection).project
        day = today(project, now)
        known = segment_days.looks(connection, day=day)
    for one in found:
        with runtime.database.write() as connection:
            _look(connection, one, now, day)
    with runtime.database.write() as connection:
        for name in sorted(set(known) - set(project.segments)):
            segment_days.forget_members(connection, name)
        segment_days.prune(connection, now=now)
    return len(found)


def _look(connection: Connection, found: Counted, now: datetime, day: date) -> None:
    segment = found.segment
    look = segment_days.Look(day=day, leads=found.leads, rule=rule_of(segment), at=None)
    # First, as it makes whoever looks at the same time wait: each stay is noted once.
    segment_days.keep(connection, segment.name, look)
    if found.leads > MOST_KEPT:
        segment_days.forget_members(connection, segment.name)
        return
    asked = segment_days.Asked(name=segment.name, when=segment.when, now=now, today=day)
    members = segment_days.look_at_members(connection, asked)
    segment_days.keep(connection, segment.name, replace(look, leads=members, at=now))


def rule_of(segment: Segment) -> str:
    """Return what the rule is known by, with the segments that it asks for put in place."""
    return sha256(repr(segment.when).encode()).hexdigest()[:16]


# -- what it costs -------------------------------------------------------------------------------


def too_slow(
    runtime: Runtime, project: Project, *, now: datetime, limit_seconds: float = LONGEST_SECONDS
) -> list[Finding]:
    """Ask every segment of the project of everybody, and return those that take too long."""
    found = []
    for segment in project.segments.values():
        with runtime.database.read() as connection:
            cost = segment_cost.measure(
                connection,
                segment.when,
                now=now,
                today=today(project, now),
                limit_seconds=limit_seconds,
            )
            # What was stopped leaves a transaction in which nothing more can be asked.
            connection.rollback()
        if cost.leads is None:
            found.append(_finding(segment, limit_seconds))
    return found


def _finding(segment: Segment, limit_seconds: float) -> Finding:
    return Finding(
        file=f"segments/{segment.name}.yaml",
        line=1,
        code=Code.CONDITION_SLOW,
        message=f"takes longer than {limit_seconds:g} seconds to ask of everybody",
        remedy="ask first what few leads meet, such as a stage, and give `happened` a `within`",
    )
