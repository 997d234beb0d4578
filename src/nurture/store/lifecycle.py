"""Who has been in the inactive file for how long."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, func, select

from nurture.core.lead import Stage
from nurture.store.db import Connection
from nurture.store.tables import enrollments, leads


def inactive_since(connection: Connection, *, before: datetime, limit: int) -> list[int]:
    """Return inactive leads archived before then, oldest first."""
    return list(
        connection.scalars(
            select(leads.c.id)
            .where(leads.c.stage == Stage.INACTIVE, leads.c.archived_at < before)
            .order_by(leads.c.archived_at, leads.c.id)
            .limit(limit)
        )
    )


def silent_since(connection: Connection, stage: Stage, before: datetime) -> tuple[int, int]:
    """Return how many leads of a stage were last heard from by then: at rest, and in a sequence."""
    life = func.coalesce(leads.c.last_life_at, leads.c.captured_at)
    in_sequence = exists().where(enrollments.c.lead_id == leads.c.id)
    query = (
        select(func.count())
        .select_from(leads)
        .where(leads.c.stage == stage, leads.c.captured_at <= before, life <= before)
    )
    at_rest = connection.scalar(query.where(~in_sequence)) or 0
    return at_rest, connection.scalar(query.where(in_sequence)) or 0


def stages(connection: Connection) -> dict[str, int]:
    """Return how many leads stand in each stage."""
    rows = connection.execute(
        select(leads.c.stage, func.count().label("n")).group_by(leads.c.stage)
    )
    return {row.stage: row.n for row in rows}
