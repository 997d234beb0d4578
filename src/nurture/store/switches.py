"""Switches: what is paused or halted, why, and until when."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, not_, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.db import Connection
from nurture.store.tables import switches

SENDING = "sending"
OF_A_LEAD = "lead:"
"""Begins the names of switches that concern one lead only; see `pauses`."""


def halt(
    connection: Connection, name: str, *, reason: str, until: datetime | None, now: datetime
) -> None:
    """Switch something off, for ever or until a time."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {"reason": reason, "until": until, "set_at": now}
    connection.execute(
        make(switches)
        .values(name=name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values)
    )


def resume(connection: Connection, name: str) -> None:
    """Switch it on again."""
    connection.execute(delete(switches).where(switches.c.name == name))


def halted(connection: Connection, name: str, *, now: datetime) -> str | None:
    """Return why it is off now, None if it is on."""
    return connection.scalar(
        select(switches.c.reason).where(
            switches.c.name == name, or_(switches.c.until.is_(None), switches.c.until > now)
        )
    )


def all_halted(connection: Connection, *, now: datetime) -> list[tuple[str, str, datetime | None]]:
    """Return everything that is off for everybody now: name, reason, until."""
    rows = connection.execute(
        select(switches)
        .where(
            or_(switches.c.until.is_(None), switches.c.until > now),
            not_(switches.c.name.startswith(OF_A_LEAD)),
        )
        .order_by(switches.c.name)
    )
    return [(row.name, row.reason, row.until) for row in rows]
