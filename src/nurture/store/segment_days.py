"""How many leads were in each segment at the last count of a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.db import Connection
from nurture.store.tables import segment_days

LOOK_BACK_DAYS = 31


def keep(connection: Connection, counts: Mapping[str, int], *, day: date) -> None:
    """Keep the counts of a day; a later count of the same day takes the place of an earlier."""
    if not counts:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(segment_days)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "segment"], set_={"leads": statement.excluded.leads}
        ),
        [
            {"segment": name, "day": day.toordinal(), "leads": count}
            for name, count in sorted(counts.items())
        ],
    )


def before(connection: Connection, *, day: date) -> dict[str, tuple[date, int]]:
    """Return each segment's last count before the day, and of which day it is.

    A count that is older than a month is nothing to compare with.
    """
    today = day.toordinal()
    rows = connection.execute(
        select(segment_days)
        .where(segment_days.c.day.between(today - LOOK_BACK_DAYS, today - 1))
        .order_by(segment_days.c.day)
    )
    return {row.segment: (date.fromordinal(row.day), row.leads) for row in rows}
