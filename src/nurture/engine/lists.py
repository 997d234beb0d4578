"""Lists of people: put on from a file, taken off by name, each as a fact with who and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from nurture.core.address import match_key, parse_address
from nurture.core.condition import Happened, leaves
from nurture.core.errors import MisuseError, RefusedInput
from nurture.core.event import EventKind, NewEvent
from nurture.core.project import Project
from nurture.engine import intake
from nurture.engine.by_hand import Who
from nurture.engine.csv_rows import Line, Rejected, read_rows
from nurture.engine.runtime import Runtime
from nurture.store import leads, lists
from nurture.store.lists import Place

COLUMN = "email"
BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What came of a file: how many were put on the list, were on it, or are no leads of ours.

    `held` were taken off by hand before and stay off; with `back` they are among `added`.
    """

    rows: int
    added: int
    already: int
    held: int
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Who is to be taken off, one lead by id or all with these addresses, by whom and why."""

    people: Sequence[str] | int
    who: Who


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOff:
    """How many were taken off a list, were not on it, or are no leads of ours."""

    rows: int
    removed: int
    not_on: int
    unknown: tuple[str, ...]


def import_list(
    runtime: Runtime, name: str, content: bytes, *, now: datetime, back: Who | None = None
) -> Listed:
    """Put every lead of the file on the list of the segment; importing it twice adds nobody.

    Whoever was taken off by hand stays off, unless `back` says who brings them back and why.
    """
    project = _expect_list(runtime, name)
    addresses = addresses_of(content)
    unknown: list[str] = []
    added = already = held = 0
    for part in _parts(addresses):
        with runtime.database.write() as connection:
            ids = leads.ids_by_match_key(connection, part)
            unknown += [address for address in part if address not in ids]
            where = lists.places(connection, name, ids.values())
            off = {i: where[i].times_off for i in ids.values() if i in where and not where[i].on}
            fresh = dict.fromkeys((i for i in ids.values() if i not in where), 0)
            wanted = fresh if back is None else fresh | off
            new = [_put_on(name, i, times, back, now) for i, times in wanted.items()]
            added += len(intake.record(runtime, connection, new, project=project, now=now))
            held += 0 if back else len(off)
            already += len(ids) - len(off) - len(fresh)
    return Listed(
        rows=len(addresses), added=added, already=already, held=held, unknown=tuple(unknown)
    )


def take_off(
    runtime: Runtime, name: str, wanted: Removal, *, now: datetime, dry_run: bool = False
) -> TakenOff:
    """Take leads off the list of the segment; twice changes nothing, a dry run only counts."""
    project = _expect_list(runtime, name)
    people, who = wanted.people, wanted.who
    unknown: list[str] = []
    removed = not_on = 0
    for part in [people] if isinstance(people, int) else _parts(people):
        with runtime.database.write() as connection:
            if isinstance(part, int):
                ids = [part]
            else:
                known = leads.ids_by_match_key(connection, part)
                unknown += [address for address in part if address not in known]
                ids = list(known.values())
            where = lists.places(connection, name, ids)
            on = [lead_id for lead_id in ids if lead_id in where and where[lead_id].on]
            not_on += len(ids) - len(on)
            if dry_run:
                removed += len(on)
                continue
            gone = [_taken_off(name, lead_id, where[lead_id], who, now) for lead_id in on]
            removed += len(intake.record(runtime, connection, gone, project=project, now=now))
    rows = 1 if isinstance(people, int) else len(people)
    return TakenOff(rows=rows, removed=removed, not_on=not_on, unknown=tuple(unknown))


def _expect_list(runtime: Runtime, name: str) -> Project:
    """Expect a segment that asks for its list: else nobody would ever see who is on it."""
    with runtime.database.read() as connection:
        project = runtime.in_force(connection).project
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
    return project


# -- files ---------------------------------------------------------------------------------------


def addresses_of(content: bytes) -> list[str]:
    """Return the addresses of a CSV file as leads have them, each once."""
    return list(dict.fromkeys(address for address, _ in _rows(content)))


def strangers(content: bytes, unknown: Sequence[str]) -> list[Rejected]:
    """Return the rows of the file whose addresses are no leads of ours."""
    reason = "no lead of ours has this address; bring it in by `nurture import` first"
    strange = frozenset(unknown)
    return [
        Rejected(line=line.number, reason=reason, row=line.cells, surplus=line.surplus)
        for address, line in _rows(content)
        if address in strange
    ]


def _rows(content: bytes) -> Iterator[tuple[str, Line]]:
    for line in read_rows(content, needs=(COLUMN,)):
        address = line.cells.get(COLUMN, "").strip()
        if address:
            yield match_key(_spelled(address)), line


def _spelled(address: str) -> str:
    """Return the address as leads have it; what is none is nobody's and stays as it is."""
    try:
        return parse_address(address)
    except RefusedInput:
        return address


def _parts(addresses: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(addresses), BATCH):
        yield addresses[start : start + BATCH]


# -- facts ---------------------------------------------------------------------------------------
# The key counts how often somebody was taken off: so each word is a fact of its own, and the same
# word given twice, also by two people at once, is one.


def _put_on(name: str, lead_id: int, times_off: int, back: Who | None, now: datetime) -> NewEvent:
    again = f"/again-{times_off}" if times_off else ""
    return NewEvent(
        lead_id=lead_id,
        kind=EventKind.LIST_ADDED,
        subject=name,
        occurred_at=now,
        source=f"list {name}",
        source_key=f"{name}/{lead_id}{again}",
        detail=_by(back) if again and back is not None else {},
    )


def _taken_off(name: str, lead_id: int, place: Place, who: Who, now: datetime) -> NewEvent:
    return NewEvent(
        lead_id=lead_id,
        kind=EventKind.LIST_REMOVED,
        subject=name,
        occurred_at=now,
        source=f"list {name}",
        source_key=f"{name}/{lead_id}/off-{place.times_off + 1}",
        detail=_by(who),
    )


def _by(who: Who) -> dict[str, object]:
    return {"by": who.name, "reason": who.reason}
