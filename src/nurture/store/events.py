"""The ledger: append once, read back in aggregates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.event import Event, EventKind, NewEvent
from nurture.store.db import Connection
from nurture.store.sets import among
from nurture.store.tables import event_details, events, traces


def append(
    connection: Connection, new: Sequence[NewEvent], *, now: datetime, zone: ZoneInfo
) -> list[NewEvent]:
    """Append facts and return those that were not in the ledger yet.

    `zone` is the workspace's: scores count by its calendar days.
    """
    if not new:
        return []
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = (
        make(events)
        .on_conflict_do_nothing(index_elements=["source", "source_key"])
        .returning(events.c.id, events.c.source, events.c.source_key)
    )
    by_key = {(event.source, event.source_key): event for event in new}
    rows = [_row(event, now, zone) for event in by_key.values()]
    stored = connection.execute(statement, rows).all()
    details = [
        {"event_id": row.id, "detail": dict(detail)}
        for row in stored
        if (detail := by_key[row.source, row.source_key].detail)
    ]
    if details:
        connection.execute(insert(event_details), details)
    fresh = {(row.source, row.source_key) for row in stored}
    return [event for key, event in by_key.items() if key in fresh]


def _row(event: NewEvent, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "lead_id": event.lead_id,
        "kind": event.kind,
        "subject": event.subject,
        "occurred_at": event.occurred_at,
        "recorded_at": now,
        "day": event.occurred_at.astimezone(zone).toordinal(),
        "source": event.source,
        "source_key": event.source_key,
        "human": event.human,
        "points": event.points,
    }


def known_keys(connection: Connection, source: str, keys: Iterable[str]) -> set[str]:
    """Return which of the source's keys are in the ledger already."""
    rows = connection.scalars(
        select(events.c.source_key).where(
            events.c.source == source, events.c.source_key.in_(list(keys))
        )
    )
    return set(rows)


def of_lead(connection: Connection, lead_id: int) -> list[Event]:
    """Return everything that happened to one lead, oldest first."""
    return _read(connection, events.c.lead_id == lead_id)


def of_kinds(
    connection: Connection, lead_ids: Iterable[int], kinds: Iterable[EventKind]
) -> list[Event]:
    """Return what happened of these kinds to these leads, oldest first."""
    return _read(
        connection, and_(among(events.c.lead_id, lead_ids), events.c.kind.in_(sorted(kinds)))
    )


def _read(connection: Connection, where: ColumnElement[bool]) -> list[Event]:
    rows = connection.execute(
        select(events, event_details.c.detail, traces.c.id.label("trace_id"), traces.c.chance)
        .select_from(events)
        .outerjoin(event_details, event_details.c.event_id == events.c.id)
        .outerjoin(
            traces,
            and_(traces.c.source == events.c.source, traces.c.source_key == events.c.source_key),
        )
        .where(where)
        .order_by(events.c.occurred_at, events.c.id)
    )
    return [
        Event(
            id=row.id,
            lead_id=row.lead_id,
            kind=EventKind(row.kind),
            subject=row.subject,
            occurred_at=row.occurred_at,
            recorded_at=row.recorded_at,
            source=row.source,
            human=row.human,
            points=row.points,
            detail=row.detail or {},
            chance=row.chance,
            judged=row.trace_id is None or row.chance is not None,
        )
        for row in rows
    ]
