"""Mails that a provider took with an answer that it does not usually give: how many of late.

Kept as a count an hour, in one row for each transport: nobody has to search every attempt for them.
"""

from __future__ import annotations

from datetime import datetime

import orjson
from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.db import Connection
from nurture.store.installation import value_of
from nurture.store.tables import installation

_NAME = "odd answers "
_HOUR_SECONDS = 3600
HOURS = 24


def note(connection: Connection, transport: str, mails: int, *, now: datetime) -> None:
    """Count mails that the transport's provider took oddly."""
    # Written first: the row is locked, and two workers count one after the other.
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(installation).values(name=_NAME + transport, value="{}")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"value": installation.c.value}
        )
    )
    hour = _hour(now)
    known = _lately(value_of(connection, _NAME + transport) or "{}", hour)
    known[str(hour)] = known.get(str(hour), 0) + mails
    connection.execute(
        update(installation)
        .where(installation.c.name == _NAME + transport)
        .values(value=orjson.dumps(known).decode())
    )


def lately(connection: Connection, *, now: datetime) -> dict[str, int]:
    """Return how many mails of the last day were taken oddly, by transport."""
    rows = connection.execute(
        select(installation.c.name, installation.c.value).where(
            installation.c.name.startswith(_NAME, autoescape=True)
        )
    ).tuples()
    found = {name.removeprefix(_NAME): _lately(value, _hour(now)) for name, value in rows}
    return {name: sum(hours.values()) for name, hours in sorted(found.items()) if hours}


def _hour(at: datetime) -> int:
    return int(at.timestamp()) // _HOUR_SECONDS


def _lately(value: str, hour: int) -> dict[str, int]:
    known: dict[str, int] = orjson.loads(value)
    return {at: mails for at, mails in known.items() if int(at) > hour - HOURS}
