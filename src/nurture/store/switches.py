"""Switches: what is paused or halted, why, and until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, delete, not_, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.db import Connection, Instant
from nurture.store.sets import among_given
from nurture.store.tables import switches

SENDING = "sending"
BREAKER = "breaker:"
"""Begins the name of the switch that stops a sending domain which too many complain about."""
SLOW = "slow:"
"""Begins the name of the switch that stops nothing, and slows a sending domain down."""
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


def halt_at_least(
    connection: Connection, name: str, *, reason: str, until: datetime | None, now: datetime
) -> None:
    """Switch something off, unless it is off for at least as long already."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {"reason": reason, "until": until, "set_at": now}
    sooner: ColumnElement[bool] = switches.c.until.is_not(None)
    if until is not None:
        sooner = and_(sooner, switches.c.until < until)
    connection.execute(
        make(switches)
        .values(name=name, **values)
        .on_conflict_do_update(index_elements=["name"], set_=values, where=sooner)
    )


def resume(connection: Connection, name: str) -> None:
    """Switch it on again."""
    connection.execute(delete(switches).where(switches.c.name == name))


def first_halted(connection: Connection, names: Sequence[str], *, now: datetime) -> str:
    """Return why the first of these that is off is off, '' if all are on."""
    rows = connection.execute(_OFF, {"names": list(names), "now": now}).tuples()
    off = dict(rows.all())
    return next((off[name] for name in names if name in off), "")


_OFF = select(switches.c.name, switches.c.reason).where(
    among_given(switches.c.name, "names"),
    or_(switches.c.until.is_(None), switches.c.until > bindparam("now", type_=Instant)),
)


def slowed(connection: Connection, *, now: datetime) -> list[tuple[str, str, datetime | None]]:
    """Return the sending domains that are slowed down now: name, reason, until."""
    rows = connection.execute(
        select(switches).where(switches.c.name.startswith(SLOW), switches.c.until > now)
    )
    return [(row.name.removeprefix(SLOW), row.reason, row.until) for row in rows]


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
            not_(switches.c.name.startswith(SLOW)),
        )
        .order_by(switches.c.name)
    )
    return [(row.name, row.reason, row.until) for row in rows]
