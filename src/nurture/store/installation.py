"""What one database remembers about itself."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.db import Connection
from nurture.store.tables import installation

STOP_LIST_KEY = "stop list key"
"""By which mark the key is known that opt-outs and erasures are recognized with."""


def value_of(connection: Connection, name: str) -> str | None:
    """Return what is kept under the name."""
    return connection.scalar(select(installation.c.value).where(installation.c.name == name))


def keep(connection: Connection, name: str, value: str) -> str:
    """Keep the value unless there is one already, and return the one that is kept."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(installation).values(name=name, value=value)
    connection.execute(statement.on_conflict_do_nothing(index_elements=["name"]))
    kept = value_of(connection, name)
    assert kept is not None
    return kept


def put(connection: Connection, name: str, value: str) -> None:
    """Keep the value in place of the one that there is."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(installation).values(name=name, value=value)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"value": statement.excluded.value}
        )
    )
