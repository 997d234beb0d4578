"""Segments as a whole: counts and how they changed, what they cost, and lists from a file.

Who is in a segment is never stored: it is asked of the leads' rows, so nothing can go stale but
those rows. `nurture verify` works them out anew and compares.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from nurture.core.address import match_key, parse_address
from nurture.core.condition import Happened, leaves
from nurture.core.errors import Finding, MisuseError, RefusedInput
from nurture.core.event import EventKind, NewEvent
from nurture.core.project import Project, Segment
from nurture.engine import intake
from nurture.engine.runtime import Runtime, today
from nurture.project.codes import Code
from nurture.store import leads, segment_cost, segment_days, segment_sql

LONGEST_SECONDS = 5.0
"""A segment that takes longer to ask of everybody may not go into force."""
COLUMN = "email"
BATCH = 1000


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
    """Count every segment and keep the counts for comparison; return how many segments."""
    found = counts(runtime, now=now)
    with runtime.database.write() as connection:
        project = runtime.in_force(connection).project
        segment_days.keep(
            connection, {one.segment.name: one.leads for one in found}, day=today(project, now)
        )
    return len(found)


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


# -- lists ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What came of a list: how many were put on it, were on it before, and are no leads of ours."""

    rows: int
    added: int
    already: int
    unknown: tuple[str, ...]


def import_list(runtime: Runtime, name: str, content: bytes, *, now: datetime) -> Listed:
    """Put every lead of the file on the list of the segment; importing it twice adds nobody."""
    with runtime.database.read() as connection:
        project = runtime.in_force(connection).project
    _expect_list(project, name)
    addresses = list(dict.fromkeys(_addresses(content)))
    unknown: list[str] = []
    known = added = 0
    for start in range(0, len(addresses), BATCH):
        part = addresses[start : start + BATCH]
        with runtime.database.write() as connection:
            ids = leads.ids_by_match_key(connection, part)
            unknown += [address for address in part if address not in ids]
            new = [_on_list(name, lead_id, now) for lead_id in ids.values()]
            known += len(new)
            added += len(intake.record(runtime, connection, new, project=project, now=now))
    return Listed(rows=len(addresses), added=added, already=known - added, unknown=tuple(unknown))


def _expect_list(project: Project, name: str) -> None:
    """Expect a segment that asks for its list: else nobody would ever see who is on it."""
    segment = project.segments.get(name)
    if segment is None:
        there = ", ".join(sorted(project.segments))
        raise MisuseError(f"there is no segment {name!r}; there are: {there}")
    asked = [leaf for leaf in leaves(segment.when) if isinstance(leaf, Happened)]
    if not any(a.kind is EventKind.LIST_ADDED and a.subject in (None, name) for a in asked):
        raise MisuseError(
            f"segments/{name}.yaml asks for no list; write "
            f"when: \"happened('{EventKind.LIST_ADDED}', '{name}')\" and apply it"
        )


def _addresses(content: bytes) -> Iterator[str]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedInput(f"the file is not UTF-8 text (byte {error.start}); save it so") from None
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = [column.strip().casefold() for column in reader.fieldnames or ()]
    if COLUMN not in columns:
        raise RefusedInput(f"the first line names no column {COLUMN!r}; it names: {columns}")
    at = list(reader.fieldnames or ())[columns.index(COLUMN)]
    for row in reader:
        address = (row[at] or "").strip()
        if address:
            yield match_key(_spelled(address))


def _spelled(address: str) -> str:
    """Return the address as leads have it; what is none is nobody's and stays as it is."""
    try:
        return parse_address(address)
    except RefusedInput:
        return address


def _on_list(name: str, lead_id: int, now: datetime) -> NewEvent:
    return NewEvent(
        lead_id=lead_id,
        kind=EventKind.LIST_ADDED,
        subject=name,
        occurred_at=now,
        source=f"list {name}",
        source_key=f"{name}/{lead_id}",
    )
