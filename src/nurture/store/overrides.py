"""Read what stands about leads by a person's word, in one query for a batch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from nurture.core.event import EventKind
from nurture.core.moves import ANSWER_MOVES
from nurture.core.overrides import (
    KINDS,
    Endings,
    Override,
    Overrides,
    as_override,
    standing_overrides,
)
from nurture.store.db import Connection
from nurture.store.sets import among
from nurture.store.tables import audit, event_details, events, handoffs, leads, stage_moves


def commitments(
    connection: Connection, ids: Sequence[int], *, now: datetime
) -> dict[int, datetime]:
    """Return when leads expressly agreed to commit in their present cycle."""
    rows = connection.execute(
        select(events.c.lead_id, func.max(events.c.occurred_at).label("at"))
        .join(leads, leads.c.id == events.c.lead_id)
        .where(
            among(events.c.lead_id, ids),
            events.c.kind == EventKind.COMMITMENT_GIVEN,
            events.c.occurred_at <= now,
            events.c.occurred_at >= leads.c.cycle_at,
        )
        .group_by(events.c.lead_id)
    )
    return {row.lead_id: row.at for row in rows}


def read(connection: Connection, ids: Sequence[int], *, now: datetime) -> dict[int, Overrides]:
    """Return what stands about these leads by a person's word."""
    rows = connection.execute(
        select(
            *(events.c.id, events.c.lead_id, events.c.kind, events.c.subject),
            *(events.c.occurred_at, event_details.c.detail),
        )
        .outerjoin(event_details, event_details.c.event_id == events.c.id)
        .where(
            among(events.c.lead_id, ids),
            events.c.kind.in_(sorted(KINDS)),
            events.c.occurred_at <= now,
        )
        .order_by(events.c.occurred_at, events.c.id)
    )
    said: dict[int, list[Override]] = {}
    for row in rows:
        one = as_override(
            EventKind(row.kind), row.subject, row.occurred_at, row.detail or {}, row.id
        )
        said.setdefault(row.lead_id, []).append(one)
    endings = _endings(connection, list(said), now=now)
    return {
        lead_id: standing_overrides(many, now=now, endings=endings[lead_id])
        for lead_id, many in said.items()
    }


def _endings(connection: Connection, ids: Sequence[int], *, now: datetime) -> dict[int, Endings]:
    """Return what may have ended words about these leads; few have any, and most ask nothing."""
    if not ids:
        return {}
    answered = (
        select(handoffs.c.lead_id, func.max(handoffs.c.answered_at).label("at"))
        .where(
            among(handoffs.c.lead_id, ids),
            handoffs.c.answer.in_(sorted(ANSWER_MOVES)),
            handoffs.c.answered_at <= now,
        )
        .group_by(handoffs.c.lead_id)
        .subquery()
    )
    rows = connection.execute(
        select(leads.c.id, leads.c.cycle_at, leads.c.archived_at, answered.c.at)
        .outerjoin(answered, answered.c.lead_id == leads.c.id)
        .where(among(leads.c.id, ids))
    )
    return {
        row.id: Endings(cycle_at=row.cycle_at, answered_at=row.at, archived_at=row.archived_at)
        for row in rows
    }


def arrived_days(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, datetime]]:
    """Return the last day that came of each date field, by lead."""
    rows = connection.execute(
        select(events.c.lead_id, events.c.subject, func.max(events.c.occurred_at).label("at"))
        .where(among(events.c.lead_id, ids), events.c.kind == EventKind.DATE_ARRIVED)
        .group_by(events.c.lead_id, events.c.subject)
    )
    found: dict[int, dict[str, datetime]] = {}
    for row in rows:
        found.setdefault(row.lead_id, {})[row.subject] = row.at
    return found


def stage_entries(connection: Connection, ids: Sequence[int]) -> dict[int, datetime]:
    """Return when each lead last moved to another stage; who never moved is left out."""
    rows = connection.execute(
        select(stage_moves.c.lead_id, func.max(stage_moves.c.at).label("at"))
        .where(among(stage_moves.c.lead_id, ids))
        .group_by(stage_moves.c.lead_id)
    )
    return {row.lead_id: row.at for row in rows}


def overridden_leads(connection: Connection, action: str) -> list[str]:
    """Return the public ids of the leads about which somebody ever gave their word.

    The audit knows them: it is small, while the ledger would have to be read whole.
    """
    asked = select(audit.c.subject).where(audit.c.action == action).distinct()
    return sorted(connection.scalars(asked))
