"""Lists of people that somebody made: who stands on one is read from the ledger.

Being put on a list and being taken off it are events; of the two the one recorded later counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, exists, func, select

from nurture.core.event import EventKind
from nurture.store.db import Connection
from nurture.store.sets import among
from nurture.store.tables import events


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whether a lead that was once put on a list is on it now, and how often it was taken off."""

    on: bool
    times_off: int


def stands(now: datetime) -> ColumnElement[bool]:
    """Say of a row of `events` that put a lead on a list that nobody has taken it off since."""
    later = events.alias("taken_off")
    return ~(
        exists()
        .where(
            later.c.lead_id == events.c.lead_id,
            later.c.kind == str(EventKind.LIST_REMOVED),
            later.c.subject == events.c.subject,
            # In the order in which they were recorded: a clock may tell both the same time.
            later.c.id > events.c.id,
            later.c.occurred_at <= now,
        )
        .correlate(events)
    )


def places(connection: Connection, name: str, lead_ids: Iterable[int]) -> dict[int, Place]:
    """Return where these leads stand with the list; who was never on it is left out."""
    put_on = events.c.kind == str(EventKind.LIST_ADDED)
    last_on = func.coalesce(func.max(case((put_on, events.c.id))), 0)
    last_off = func.coalesce(func.max(case((~put_on, events.c.id))), 0)
    rows = connection.execute(
        select(
            events.c.lead_id,
            (last_on > last_off).label("is_on"),
            func.sum(case((put_on, 0), else_=1)).label("times_off"),
        )
        .where(
            among(events.c.lead_id, lead_ids),
            events.c.kind.in_([str(EventKind.LIST_ADDED), str(EventKind.LIST_REMOVED)]),
            events.c.subject == name,
        )
        .group_by(events.c.lead_id)
    )
    return {row.lead_id: Place(on=bool(row.is_on), times_off=int(row.times_off)) for row in rows}
