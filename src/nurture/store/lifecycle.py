"""Who has been in the inactive file for how long."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from nurture.core.lead import Stage
from nurture.store.db import Connection
from nurture.store.tables import leads


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


def stages(connection: Connection) -> dict[str, int]:
    """Return how many leads stand in each stage."""
    rows = connection.execute(
        select(leads.c.stage, func.count().label("n")).group_by(leads.c.stage)
    )
    return {row.stage: row.n for row in rows}
