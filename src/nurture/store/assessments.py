"""Whose turn it is to be assessed, and what an assessment found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select, update

from nurture.core.assess import Assessment
from nurture.core.lead import Lead, Stage, Standing, first_standing
from nurture.store.db import Connection
from nurture.store.sets import among
from nurture.store.tables import leads


def claim(
    connection: Connection,
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    lead_ids: Sequence[int] | None = None,
) -> list[int]:
    """Lease the leads whose turn it is, longest waiting first, and return their ids.

    The lease is the check itself moved ahead: a lost worker's leads come up again. An event that
    arrives meanwhile moves it back and raises the version, so that the older result is refused.
    """
    due = select(leads.c.id).where(leads.c.check_at <= now)
    if lead_ids is not None:
        due = due.where(among(leads.c.id, lead_ids))
    due = due.order_by(leads.c.check_at, leads.c.id).limit(limit)
    if connection.dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True)
    ids = sorted(connection.scalars(due))
    if ids:
        connection.execute(update(leads).where(among(leads.c.id, ids)).values(check_at=now + lease))
    return ids


_BESIDE = ("locked", "check_at", "temperature_at")
"""What an assessment stores beside the standing."""


def keep(connection: Connection, found: Sequence[tuple[Lead, Assessment]], *, now: datetime) -> int:
    """Store assessments by compare-and-swap on the version; return how many were in time."""
    statement = (
        update(leads)
        .where(leads.c.id == bindparam("key"), leads.c.version == bindparam("seen"))
        .values(
            {
                name: bindparam(f"new_{name}")
                for name in (*_standing_columns(first_standing()), *_BESIDE)
            }
            | {"version": bindparam("seen") + 1, "assessed_at": now}
        )
    )
    rows = [
        {
            "key": lead.id,
            "seen": lead.version,
            "new_locked": assessment.locked,
            "new_check_at": assessment.check_at,
            "new_temperature_at": assessment.temperature_at,
            **{f"new_{k}": v for k, v in _standing_columns(assessment.standing).items()},
        }
        for lead, assessment in found
    ]
    stored = connection.execute(statement, rows).rowcount
    new_cycles = [lead.id for lead, a in found if a.standing.cycle > lead.standing.cycle]
    if new_cycles:
        connection.execute(
            update(leads).where(leads.c.id.in_(new_cycles)).values(cycle_at=now, last_life_at=now)
        )
    archived = [
        lead.id
        for lead, a in found
        if a.standing.stage is Stage.INACTIVE and lead.standing.stage is not Stage.INACTIVE
    ]
    if archived:
        connection.execute(update(leads).where(leads.c.id.in_(archived)).values(archived_at=now))
    return stored


def _standing_columns(standing: Standing) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "stage": standing.stage,
        "temperature": standing.temperature,
        "grade": standing.grade,
        "fit": standing.fit,
        "engagement": standing.engagement,
        "readiness": standing.readiness,
        "cycle": standing.cycle,
    }
    columns |= {f"verdict_{gate}": verdict for gate, verdict in standing.verdicts.items()}
    columns |= {f"trait_{trait}": value for trait, value in standing.traits.items()}
    return columns
