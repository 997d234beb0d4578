"""What people spent on leads: minutes of tasks that are done, by the stage at which it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from nurture.core.lead import Stage
from nurture.store.db import Connection
from nurture.store.sets import among
from nurture.store.tables import tasks


def spent(connection: Connection, lead_ids: Sequence[int]) -> dict[int, dict[Stage, int]]:
    """Return the minutes spent on each lead, by stage; a lead that cost none is left out."""
    rows = connection.execute(
        select(tasks.c.lead_id, tasks.c.stage, func.sum(tasks.c.minutes).label("minutes"))
        .where(among(tasks.c.lead_id, lead_ids), tasks.c.minutes.is_not(None))
        .group_by(tasks.c.lead_id, tasks.c.stage)
    )
    found: dict[int, dict[Stage, int]] = {}
    for row in rows:
        found.setdefault(row.lead_id, {})[Stage(row.stage)] = int(row.minutes)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """On so many leads so many minutes each were spent while they were at the stage."""

    stage: Stage
    minutes: int
    leads: int


def by_stage(connection: Connection) -> list[Spent]:
    """Count leads by stage and by what each cost there."""
    each = (
        select(tasks.c.stage, func.sum(tasks.c.minutes).label("minutes"))
        .where(tasks.c.minutes.is_not(None))
        .group_by(tasks.c.lead_id, tasks.c.stage)
        .subquery()
    )
    rows = connection.execute(
        select(each.c.stage, each.c.minutes, func.count().label("leads"))
        .group_by(each.c.stage, each.c.minutes)
        .order_by(each.c.stage, each.c.minutes)
    )
    return [
        Spent(stage=Stage(row.stage), minutes=int(row.minutes), leads=row.leads) for row in rows
    ]
