"""What was known of each handed-over lead at the moment of its handoff, and what sales made of it.

Nothing personal is read: fields are named by the caller, who leaves the personal ones out. What
was recorded after the handoff was not known then, however old it claims to be.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import CTE, and_, case, func, or_, select

from nurture.core.event import HANDOFF_ANSWERS, EventKind
from nurture.core.known import Statement, as_statement
from nurture.store.db import Connection, Instant
from nurture.store.handoffs import CREATED
from nurture.store.reporting import TAKEN_ON, rows
from nurture.store.tables import events, facts, handoffs, leads

Row = dict[str, Any]


def _cases() -> CTE:
    """Every handoff that sales has answered, with its lead's account."""
    following = func.lead(handoffs.c.created_at, type_=Instant)
    own = (handoffs.c.lead_id, handoffs.c.endpoint)
    found = (
        select(
            handoffs.c.id,
            *own,
            handoffs.c.readiness,
            handoffs.c.answer,
            handoffs.c.answer_reason,
            handoffs.c.created_at,
            following.over(partition_by=own, order_by=handoffs.c.cycle).label("next_at"),
            leads.c.account_id,
            leads.c.source,
        )
        .join(leads, leads.c.id == handoffs.c.lead_id)
        .where(handoffs.c.kind == CREATED, leads.c.erased_at.is_(None))
        .subquery()
    )
    return select(found).where(found.c.answer != "").cte("cases")


def decided(connection: Connection) -> list[Row]:
    """Return every answered handoff in the order of time.

    `taken_on` and `won` say whether any answer to it did so: a last word does not undo a first.
    """
    found = _cases()
    during = and_(
        events.c.lead_id == found.c.lead_id,
        events.c.kind.in_(sorted(HANDOFF_ANSWERS)),
        events.c.subject == found.c.endpoint,
        events.c.recorded_at >= found.c.created_at,
        or_(found.c.next_at.is_(None), events.c.recorded_at < found.c.next_at),
    )
    taken = func.max(case((events.c.kind.in_(sorted(TAKEN_ON)), 1), else_=0))
    won = func.max(case((events.c.kind == EventKind.HANDOFF_WON, 1), else_=0))
    names = ("id", "source", "readiness", "answer", "answer_reason", "created_at")
    kept = [found.c[name] for name in names]
    return rows(
        connection,
        select(
            *kept,
            func.coalesce(taken, 0).label("taken_on"),
            func.coalesce(won, 0).label("won"),
        )
        .outerjoin(events, during)
        .group_by(*kept)
        .order_by(found.c.created_at, found.c.id),
    )


def unanswered(connection: Connection) -> int:
    """Count handoffs that reached sales and have no answer yet."""
    waiting = (handoffs.c.delivered_at.is_not(None), handoffs.c.answer == "")
    found = select(func.count()).select_from(handoffs).where(handoffs.c.kind == CREATED, *waiting)
    return connection.execute(found).scalar_one()


def told_then(
    connection: Connection, *, of_lead: Collection[str], of_account: Collection[str]
) -> dict[int, list[Statement]]:
    """Return what had been told about the named fields by each handoff, oldest first."""
    found = _cases()
    of_person = and_(
        facts.c.account_id.is_(None),
        facts.c.lead_id == found.c.lead_id,
        facts.c.name.in_(sorted(of_lead)),
    )
    of_organization = and_(
        facts.c.account_id == found.c.account_id, facts.c.name.in_(sorted(of_account))
    )
    told: dict[int, list[Statement]] = {}
    for row in connection.execute(
        select(found.c.id.label("handoff_id"), facts)
        .join(facts, or_(of_person, of_organization))
        .where(facts.c.occurred_at <= found.c.created_at)
        .where(facts.c.recorded_at <= found.c.created_at)
        .order_by(facts.c.occurred_at, facts.c.id)
    ):
        told.setdefault(row.handoff_id, []).append(as_statement(dict(row._mapping)))
    return told


def done_then(connection: Connection, kinds: Collection[EventKind]) -> list[Row]:
    """Count what a person had done by each handoff: id, kind, subject, day, points, count."""
    found = _cases()
    told = (found.c.id, events.c.kind, events.c.subject, events.c.day, events.c.points)
    return rows(
        connection,
        select(*told, func.count().label("count"))
        .join(events, events.c.lead_id == found.c.lead_id)
        .where(
            events.c.kind.in_(sorted(kinds)),
            events.c.human.is_(True),
            events.c.occurred_at <= found.c.created_at,
            events.c.recorded_at <= found.c.created_at,
        )
        .group_by(*told)
        .order_by(*told),
    )
