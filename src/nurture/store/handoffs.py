"""Handoffs: one row per qualification cycle, delivered at least once under one id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.event import EventKind
from nurture.core.lead import Stage
from nurture.store import leases
from nurture.store.db import Connection
from nurture.store.tables import handoff_attempts, handoffs, leads

CREATED = "lead.handoff.created"
SLA_BREACHED = "lead.sla_breached"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """A handoff as stored. `body` is the exact payload once it is released."""

    id: int
    uid: str
    lead_id: int
    cycle: int
    endpoint: str
    kind: str
    state: str
    readiness: int
    body: str
    completeness: int
    created_at: datetime
    released_at: datetime | None
    next_attempt_at: datetime | None
    tries: int
    delivered_at: datetime | None
    accept_by: datetime | None
    overdue_at: datetime | None
    answer: str
    answer_reason: str
    answered_at: datetime | None
    reason: str


_COLUMNS = [handoffs.c[name] for name in Handoff.__dataclass_fields__]


def _as_handoff(row: Row[Any]) -> Handoff:
    return Handoff(**row._mapping)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHandoff:
    """A handoff that a lead's qualification calls for."""

    uid: str
    lead_id: int
    cycle: int
    endpoint: str
    readiness: int


def create(connection: Connection, new: Sequence[NewHandoff], *, now: datetime) -> None:
    """Create waiting handoffs; one per lead, cycle and endpoint."""
    if not new:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Qualified again in a cycle whose handoff was withdrawn before it went out: it waits anew.
    connection.execute(
        make(handoffs).on_conflict_do_update(
            index_elements=["lead_id", "cycle", "endpoint", "kind"],
            set_={"state": "waiting", "reason": "", "created_at": now},
            where=and_(handoffs.c.state == "withdrawn", handoffs.c.reason != "erased"),
        ),
        [
            {
                "uid": h.uid,
                "lead_id": h.lead_id,
                "cycle": h.cycle,
                "endpoint": h.endpoint,
                "kind": CREATED,
                "state": "waiting",
                "readiness": h.readiness,
                "created_at": now,
            }
            for h in new
        ],
    )


Place = tuple[int, datetime, int]
"""Where a waiting handoff stands in line: readiness of the lead, since when, id."""


def waiting(connection: Connection, *, limit: int, after: Place | None = None) -> list[Handoff]:
    """Return handoffs that wait for capacity: the readiest first, then the oldest."""
    statement = (
        select(*_COLUMNS)
        .join(leads, leads.c.id == handoffs.c.lead_id)
        .where(handoffs.c.state == "waiting")
        .order_by(leads.c.readiness.desc(), handoffs.c.created_at, handoffs.c.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(_behind(after))
    if connection.dialect.name == "postgresql":
        statement = statement.with_for_update(of=handoffs, skip_locked=True)
    return [_as_handoff(row) for row in connection.execute(statement)]


def _behind(place: Place) -> ColumnElement[bool]:
    readiness, since, handoff_id = place
    later = or_(
        handoffs.c.created_at > since,
        and_(handoffs.c.created_at == since, handoffs.c.id > handoff_id),
    )
    less = leads.c.readiness < readiness
    return or_(less, and_(leads.c.readiness == readiness, later))


def released_since(connection: Connection, endpoint: str, since: datetime) -> int:
    """Count the handoffs released to the endpoint since then: what capacity is used."""
    return connection.execute(
        select(func.count()).where(
            handoffs.c.endpoint == endpoint,
            handoffs.c.kind == CREATED,
            handoffs.c.released_at > since,
        )
    ).scalar_one()


def release(
    connection: Connection,
    handoff_id: int,
    *,
    body: str,
    completeness: int,
    accept_by: datetime,
    now: datetime,
) -> None:
    """Pin the payload and let the handoff go out."""
    connection.execute(
        update(handoffs)
        .where(handoffs.c.id == handoff_id, handoffs.c.state == "waiting")
        .values(
            state="ready",
            body=body,
            completeness=completeness,
            released_at=now,
            next_attempt_at=now,
            accept_by=accept_by,
        )
    )


def keep_waiting(connection: Connection, handoff: Handoff, *, reason: str) -> None:
    """Say why a handoff waits although there is room for it; what it says already is left."""
    if handoff.reason != reason:
        connection.execute(
            update(handoffs)
            .where(handoffs.c.id == handoff.id, handoffs.c.state == "waiting")
            .values(reason=reason)
        )


def withdraw(connection: Connection, handoff_id: int, *, reason: str) -> None:
    """End a waiting handoff whose lead no longer qualifies."""
    connection.execute(
        update(handoffs)
        .where(handoffs.c.id == handoff_id, handoffs.c.state == "waiting")
        .values(state="withdrawn", reason=reason)
    )


def claim(
    connection: Connection,
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    lead_ids: Sequence[int] | None = None,
) -> list[Handoff]:
    """Lease the handoffs whose next attempt is due."""
    due = select(handoffs.c.id).where(
        handoffs.c.state == "ready",
        handoffs.c.next_attempt_at <= now,
        leases.is_free(handoffs.c.lease_until, now, leases.longest(now, lease)),
    )
    if lead_ids is not None:
        due = due.where(handoffs.c.lead_id.in_(lead_ids))
    due = due.order_by(handoffs.c.next_attempt_at, handoffs.c.id).limit(limit)
    if connection.dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True)
    rows = connection.execute(
        update(handoffs)
        .where(handoffs.c.id.in_(due.scalar_subquery()))
        .values(lease_until=now + lease)
        .returning(*_COLUMNS)
    ).all()
    return sorted((_as_handoff(row) for row in rows), key=lambda h: h.id)


def begin_attempt(connection: Connection, handoff_id: int, *, now: datetime) -> int:
    """Record an attempt before the call and return its id."""
    attempt_id: int = connection.execute(
        insert(handoff_attempts)
        .values(handoff_id=handoff_id, started_at=now)
        .returning(handoff_attempts.c.id)
    ).scalar_one()
    return attempt_id


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResult:
    """How an attempt ended. `state` is where it leaves the handoff."""

    attempt_id: int
    handoff_id: int
    status: int | None
    outcome: str
    detail: str
    state: str
    next_attempt_at: datetime | None = None


def finish_attempt(connection: Connection, result: AttemptResult, *, now: datetime) -> None:
    """Store how an attempt ended."""
    connection.execute(
        update(handoff_attempts)
        .where(handoff_attempts.c.id == result.attempt_id)
        .values(
            finished_at=now,
            status=result.status,
            outcome=result.outcome,
            detail=result.detail,
        )
    )
    delivered = {"delivered_at": now} if result.state == "delivered" else {}
    connection.execute(
        update(handoffs)
        .where(handoffs.c.id == result.handoff_id, handoffs.c.state == "ready")
        .values(
            state=result.state,
            next_attempt_at=result.next_attempt_at,
            lease_until=None,
            tries=handoffs.c.tries + 1,
            reason="" if result.state == "delivered" else result.detail[:200],
            **delivered,
        )
    )


def attempts_of(
    connection: Connection, handoff_id: int
) -> list[tuple[datetime, int | None, str, str]]:
    """Return the attempts of a handoff: when, HTTP status, outcome, detail."""
    rows = connection.execute(
        select(handoff_attempts)
        .where(handoff_attempts.c.handoff_id == handoff_id)
        .order_by(handoff_attempts.c.id)
    )
    return [(row.started_at, row.status, row.outcome, row.detail) for row in rows]


def replay(connection: Connection, handoff_id: int, *, now: datetime) -> bool:
    """Send a delivered or dead handoff again, under its id and with its bytes."""
    return (
        connection.execute(
            update(handoffs)
            .where(handoffs.c.id == handoff_id, handoffs.c.state.in_(("delivered", "dead")))
            .values(state="ready", next_attempt_at=now, tries=0, lease_until=None)
        ).rowcount
        == 1
    )


def by_uid(connection: Connection, uid: str) -> Handoff | None:
    """Return the handoff with the public id."""
    row = connection.execute(select(*_COLUMNS).where(handoffs.c.uid == uid)).one_or_none()
    return None if row is None else _as_handoff(row)


def of_lead(connection: Connection, lead_id: int) -> list[Handoff]:
    """Return the lead's handoffs, oldest first."""
    rows = connection.execute(
        select(*_COLUMNS).where(handoffs.c.lead_id == lead_id).order_by(handoffs.c.id)
    )
    return [_as_handoff(row) for row in rows]


def listing(
    connection: Connection, *, states: Sequence[str] = (), limit: int = 200
) -> list[Handoff]:
    """Return handoffs, newest first."""
    statement = select(*_COLUMNS).order_by(handoffs.c.id.desc()).limit(limit)
    if states:
        statement = statement.where(handoffs.c.state.in_(states))
    return [_as_handoff(row) for row in connection.execute(statement)]


_FINAL = (EventKind.HANDOFF_WON, EventKind.HANDOFF_LOST)
_BACK = (EventKind.HANDOFF_REJECTED, EventKind.HANDOFF_RECYCLED)
# Of two answers of one moment the one further down the line counts: a CRM may keep whole days.
_RANKS = (
    *((EventKind.HANDOFF_ACCEPTED,), (EventKind.HANDOFF_WORKING,)),
    *((EventKind.HANDOFF_MEETING,), _BACK, _FINAL),
)


def answer(
    connection: Connection,
    handoff_id: int,
    kind: EventKind,
    *,
    reason: str,
    occurred_at: datetime,
) -> bool:
    """Store sales' answer unless a newer one is stored or the matter is closed."""
    rank = next(place for place, kinds in enumerate(_RANKS) if kind in kinds)
    outranked = ["", *(str(one) for kinds in _RANKS[:rank] for one in kinds)]
    at_once = and_(handoffs.c.answered_at == occurred_at, handoffs.c.answer.in_(outranked))
    return (
        connection.execute(
            update(handoffs)
            .where(
                handoffs.c.id == handoff_id,
                handoffs.c.answer.not_in([str(kind) for kind in _FINAL]),
                or_(
                    handoffs.c.answered_at.is_(None),
                    handoffs.c.answered_at < occurred_at,
                    at_once,
                ),
            )
            .values(answer=kind, answer_reason=reason, answered_at=occurred_at)
        ).rowcount
        == 1
    )


def overdue(connection: Connection, *, now: datetime) -> list[Handoff]:
    """Return delivered handoffs that sales has not answered in time, not yet marked."""
    rows = connection.execute(
        select(*_COLUMNS).where(
            handoffs.c.state == "delivered",
            handoffs.c.answer == "",
            handoffs.c.accept_by < now,
            handoffs.c.overdue_at.is_(None),
        )
    )
    return [_as_handoff(row) for row in rows]


def mark_overdue(connection: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """Remember that the clock ran out."""
    connection.execute(update(handoffs).where(handoffs.c.id.in_(ids)).values(overdue_at=now))


def erased_leads(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Return which of the leads are erased."""
    return set(
        connection.scalars(
            select(leads.c.id).where(leads.c.id.in_(ids), leads.c.stage == Stage.ERASED)
        )
    )


def counts(connection: Connection) -> Mapping[str, int]:
    """Return how many handoffs are in each state."""
    rows = connection.execute(
        select(handoffs.c.state, func.count().label("n")).group_by(handoffs.c.state)
    )
    return {row.state: row.n for row in rows}
