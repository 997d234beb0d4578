"""How recently each provider was heard: the newest time that any of its reports names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.db import Connection, stored
from nurture.store.installation import value_of
from nurture.store.tables import installation

_FEED = "feed "
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def heard(connection: Connection, provider: str, at: datetime) -> None:
    """Note that the provider reported something that happened then; only the newest stays."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Of one length, so that the later one is also the greater text.
    statement = make(installation).values(name=_FEED + provider, value=f"{stored(at):020d}")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"value": statement.excluded.value},
            where=installation.c.value < statement.excluded.value,
        )
    )


def heard_at(connection: Connection, provider: str) -> datetime | None:
    """Return the newest time that a report of the provider names."""
    value = value_of(connection, _FEED + provider)
    return None if value is None else _EPOCH + timedelta(microseconds=int(value))
