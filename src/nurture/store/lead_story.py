"""What only a story about one lead asks: its mails with their fate, its tasks, its next look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, or_, select

from nurture.core.message import DeliveryState, Message, MessageState
from nurture.store.db import Connection
from nurture.store.handoffs import Handoff
from nurture.store.messages import as_message
from nurture.store.records import Task
from nurture.store.tables import attempts, handoffs, leads, messages, tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When the lead was assessed last and is assessed next, and what was noted about it."""

    check_at: datetime | None
    assessed_at: datetime | None
    archived_at: datetime | None
    erased_at: datetime | None
    cycle_at: datetime
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail of the lead with what became of it. `tried` is how often it began to leave."""

    message: Message
    delivery: DeliveryState
    accepted_at: datetime | None
    delivered_at: datetime | None
    closed_at: datetime | None
    reason: str
    tried: int


def schedule_of(connection: Connection, lead_id: int) -> Schedule:
    """Return when the lead is looked at."""
    row = connection.execute(
        select(*[leads.c[name] for name in Schedule.__dataclass_fields__]).where(
            leads.c.id == lead_id
        )
    ).one()
    return Schedule(**row._mapping)


def mails_of(connection: Connection, lead_id: int) -> list[Mail]:
    """Return every mail of the lead, in the order in which they were planned."""
    tried = (
        select(func.count())
        .where(attempts.c.message_id == messages.c.id)
        .scalar_subquery()
        .label("tried")
    )
    rows = connection.execute(
        select(messages, tried)
        .where(messages.c.lead_id == lead_id)
        .order_by(messages.c.planned_at, messages.c.id)
    )
    return [
        Mail(
            message=as_message(row),
            delivery=DeliveryState(row.delivery),
            accepted_at=row.accepted_at,
            delivered_at=row.delivered_at,
            closed_at=row.closed_at,
            reason=row.reason,
            tried=row.tried,
        )
        for row in rows
    ]


def ready_mails(connection: Connection, lead_id: int) -> list[Message]:
    """Return the lead's mails that wait to leave, the next one first."""
    rows = connection.execute(
        select(messages)
        .where(messages.c.lead_id == lead_id, messages.c.state == MessageState.READY)
        .order_by(messages.c.not_before, messages.c.id)
    )
    return [as_message(row) for row in rows]


def tasks_of(connection: Connection, lead_id: int) -> list[Task]:
    """Return what people were asked to do about the lead, oldest first."""
    rows = connection.execute(
        select(tasks).where(tasks.c.lead_id == lead_id).order_by(tasks.c.created_at, tasks.c.id)
    )
    return [_task(row) for row in rows]


def _task(row: Row[Any]) -> Task:
    return Task(
        id=row.id,
        lead_id=row.lead_id,
        title=row.title,
        team=row.team,
        created_at=row.created_at,
        due_at=row.due_at,
        done_at=row.done_at,
        outcome=row.outcome,
    )


def waiting_before(connection: Connection, handoff: Handoff) -> int:
    """Return how many handoffs wait for capacity in front of this one."""
    own = select(leads.c.readiness).where(leads.c.id == handoff.lead_id).scalar_subquery()
    return connection.execute(
        select(func.count())
        .select_from(handoffs.join(leads, leads.c.id == handoffs.c.lead_id))
        .where(
            handoffs.c.state == "waiting",
            or_(
                leads.c.readiness > own,
                and_(leads.c.readiness == own, handoffs.c.created_at < handoff.created_at),
                and_(
                    leads.c.readiness == own,
                    handoffs.c.created_at == handoff.created_at,
                    handoffs.c.id < handoff.id,
                ),
            ),
        )
    ).scalar_one()
