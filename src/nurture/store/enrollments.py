"""Enrollments: enter, lease what is due, store where each one stands afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Row,
    Select,
    Update,
    and_,
    case,
    delete,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.decision import Decision, End, Park
from nurture.core.enrollment import Awaiting, Enrollment
from nurture.store import leases, sets
from nurture.store.db import Connection, Instant, stored
from nurture.store.sets import Given, among, among_given
from nurture.store.tables import enrollments, past_enrollments


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A lead that enters a sequence at its first step."""

    lead_id: int
    sequence: str
    exclusive: str
    step: str


def enter(
    connection: Connection, entries: Sequence[Entry], *, release_id: int, now: datetime
) -> int:
    """Enroll leads, pinned to the release; an open passage of the same sequence wins a race."""
    if not entries:
        return 0
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = (
        make(enrollments)
        .on_conflict_do_nothing(index_elements=["lead_id", "sequence"])
        .returning(enrollments.c.id)
    )
    rows = [
        {
            "lead_id": entry.lead_id,
            "sequence": entry.sequence,
            "exclusive": entry.exclusive,
            "release_id": release_id,
            "step": entry.step,
            "awaiting": Awaiting.TURN,
            "due_at": now,
            "since": now,
            "entered_at": now,
            "jumps": {},
        }
        for entry in entries
    ]
    return len(connection.execute(statement, rows).all())


_READ = [enrollments.c[name] for name in Enrollment.__dataclass_fields__]
_AWAITING = {str(awaiting): awaiting for awaiting in Awaiting}


def _as_read(row: tuple[Any, ...]) -> Enrollment:
    # By place: names would take as long again.
    (row_id, lead_id, sequence, release_id, step, version, awaiting) = row[:7]
    (due_at, wait_until, since, entered_at, visit, jumps, failures) = row[7:14]
    return Enrollment(
        id=row_id,
        lead_id=lead_id,
        sequence=sequence,
        release_id=release_id,
        step=step,
        version=version,
        awaiting=_AWAITING[awaiting],
        due_at=due_at,
        wait_until=wait_until,
        since=since,
        entered_at=entered_at,
        visit=visit,
        jumps=jumps,
        failures=failures,
    )


_QUEUE = leases.Queue(
    name="enrollments",
    at=enrollments.c.due_at,
    row_id=enrollments.c.id,
    lead_id=enrollments.c.lead_id,
    columns=_READ,
    read=_as_read,
)
claim = _QUEUE.claim


def as_enrollment(row: Row[Any]) -> Enrollment:
    """Return a row of the whole table as a core value."""
    return _as_read(tuple(getattr(row, place.name) for place in _READ))


def of_lead(connection: Connection, lead_id: int) -> list[tuple[Enrollment, str]]:
    """Return the lead's open enrollments with the reason each waits for."""
    rows = connection.execute(
        select(enrollments).where(enrollments.c.lead_id == lead_id).order_by(enrollments.c.id)
    )
    return [(as_enrollment(row), row.reason) for row in rows]


def unchanged(connection: Connection, seen: Mapping[int, int]) -> set[int]:
    """Lock enrollments; return the ids still at the version read (`seen`: id to version)."""
    rows = connection.execute(_HOLD, {"ids": list(seen)}).tuples().all()
    return {row_id for row_id, version in rows if seen[row_id] == version}


def _locked_in_order(statement: Select[Any]) -> Select[Any]:
    """Lock row after row in one order, so that transactions wait but never lock each other up."""
    return statement.order_by(enrollments.c.id).with_for_update(key_share=True)


_HOLD = _locked_in_order(
    select(enrollments.c.id, enrollments.c.version).where(among_given(enrollments.c.id, "ids"))
)


_PARKED = [
    *(enrollments.c.id, enrollments.c.step, enrollments.c.awaiting, enrollments.c.due_at),
    *(enrollments.c.wait_until, enrollments.c.since, enrollments.c.visit, enrollments.c.jumps),
    enrollments.c.reason,
]


def _park(given: Given) -> Update:
    return (
        update(enrollments)
        .where(enrollments.c.id == given["id"])
        .values(
            {place.name: given[place.name] for place in _PARKED[1:]}
            | {"version": enrollments.c.version + 1, "failures": 0}
        )
    )


def settle(
    connection: Connection,
    decided: Sequence[tuple[Enrollment, Decision]],
    *,
    now: datetime,
) -> None:
    """Store where enrollments stand; the caller holds them by `unchanged` in this transaction."""
    parked = [_parked(e, d, d.then) for e, d in decided if isinstance(d.then, Park)]
    sets.change(connection, _park, _PARKED, parked)
    end(connection, [(e, d.then) for e, d in decided if isinstance(d.then, End)], now=now)


def _parked(enrollment: Enrollment, decision: Decision, park: Park) -> sets.Row:
    return (
        *(enrollment.id, park.step, str(park.awaiting)),
        None if park.due_at is None else stored(park.due_at),
        None if park.wait_until is None else stored(park.wait_until),
        *(stored(park.since), decision.visit, dict(decision.jumps), park.reason),
    )


_ENDED = [
    *(past_enrollments.c.lead_id, past_enrollments.c.sequence, past_enrollments.c.release_id),
    *(past_enrollments.c.step, past_enrollments.c.entered_at, past_enrollments.c.ended_at),
    past_enrollments.c.reason,
]


def end(connection: Connection, ended: Sequence[tuple[Enrollment, End]], *, now: datetime) -> None:
    """Move finished enrollments out of the open work."""
    if not ended:
        return
    at = stored(now)
    rows = [
        (
            *(enrollment.lead_id, enrollment.sequence, enrollment.release_id, then.step),
            *(stored(enrollment.entered_at), at, then.reason),
        )
        for enrollment, then in ended
    ]
    sets.add(connection, _ENDED, rows)
    ids = [enrollment.id for enrollment, _ in ended]
    connection.execute(delete(enrollments).where(among(enrollments.c.id, ids)))


def set_aside(
    connection: Connection, enrollment: Enrollment, *, until: datetime, reason: str
) -> None:
    """Push a failing enrollment's turn back with the reason, so that it stops nobody else."""
    connection.execute(
        update(enrollments)
        .where(enrollments.c.id == enrollment.id, enrollments.c.version == enrollment.version)
        .values(
            due_at=until,
            reason=reason,
            failures=enrollments.c.failures + 1,
            version=enrollments.c.version + 1,
        )
    )


def wake(connection: Connection, lead_ids: Iterable[int], *, now: datetime) -> None:
    """Let the open enrollments of these leads be looked at now.

    `wait_until` stays: an early look ends no wait. The version rises, so that a decision that is
    being made from older facts is refused.
    """
    waiting = select(enrollments.c.id).where(
        among(enrollments.c.lead_id, lead_ids),
        or_(
            enrollments.c.due_at.is_(None),
            and_(enrollments.c.due_at > now, enrollments.c.awaiting != Awaiting.TURN),
            # Somebody is at it, and does not know yet why it is woken. At who enters nobody can be.
            and_(
                enrollments.c.due_at <= now,
                enrollments.c.entered_at < now,
                not_(_QUEUE.is_free),
            ),
        ),
    )
    ids = connection.scalars(_locked_in_order(waiting)).all()
    if ids:
        connection.execute(
            update(enrollments)
            .where(among(enrollments.c.id, ids))
            .values(
                # What is due stays where it is: waits are counted from there.
                due_at=case(
                    (enrollments.c.due_at <= now, enrollments.c.due_at), else_=literal(now, Instant)
                ),
                version=enrollments.c.version + 1,
            )
        )
