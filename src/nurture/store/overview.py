"""What an operator sees first: how many leads stand where, and who came last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from nurture.core.lead import Stage
from nurture.core.message import MessageState
from nurture.store.db import Connection
from nurture.store.tables import leads, messages


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadLine:
    """One lead in a list."""

    uid: str
    email: str
    stage: str
    temperature: str
    grade: str
    readiness: int
    suppressed: str
    captured_at: datetime
    last_life_at: datetime | None


def newest_leads(connection: Connection, *, limit: int) -> list[LeadLine]:
    """Return the leads that showed a sign of life or came in last, newest first."""
    latest = func.coalesce(leads.c.last_life_at, leads.c.captured_at)
    rows = connection.execute(
        select(*[leads.c[name] for name in LeadLine.__dataclass_fields__])
        .where(leads.c.stage != Stage.ERASED)
        .order_by(latest.desc(), leads.c.id.desc())
        .limit(limit)
    )
    return [LeadLine(**row._mapping) for row in rows]


def lines_of(connection: Connection, ids: list[int]) -> list[LeadLine]:
    """Return the lines of these leads."""
    rows = connection.execute(
        select(*[leads.c[name] for name in LeadLine.__dataclass_fields__])
        .where(leads.c.id.in_(ids))
        .order_by(leads.c.id)
    )
    return [LeadLine(**row._mapping) for row in rows]


def stage_counts(connection: Connection) -> Mapping[str, int]:
    """Return how many leads are at each stage."""
    rows = connection.execute(
        select(leads.c.stage, func.count().label("n")).group_by(leads.c.stage)
    )
    return {row.stage: row.n for row in rows}


def message_counts(connection: Connection) -> Mapping[MessageState, int]:
    """Return how many mails are in each state."""
    rows = connection.execute(
        select(messages.c.state, func.count().label("n")).group_by(messages.c.state)
    )
    return {MessageState(row.state): row.n for row in rows}
