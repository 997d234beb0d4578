"""How recently each provider was heard: the newest time that a report names which counts.

Reports of several accounts may come in one post: each account is heard for itself.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.db import Connection, stored
from nurture.store.installation import put, value_of
from nurture.store.sets import among
from nurture.store.tables import attempts, installation

_FEED = "feed "
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def heard(connection: Connection, provider: str, at: datetime, *, account: str = "") -> None:
    """Note that the provider reported something that happened then; only the newest stays."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    # Of one length, so that the later one is also the greater text.
    statement = make(installation).values(name=_name(provider, account), value=f"{stored(at):020d}")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"value": statement.excluded.value},
            where=installation.c.value < statement.excluded.value,
        )
    )


def take_back(connection: Connection, provider: str, at: datetime) -> None:
    """Note that the provider was heard then, and no later: the clock was ahead."""
    put(connection, _name(provider, ""), f"{stored(at):020d}")


def heard_at(connection: Connection, provider: str, *, account: str = "") -> datetime | None:
    """Return the newest time that a report of the provider names."""
    value = value_of(connection, _name(provider, account))
    return None if value is None else _EPOCH + timedelta(microseconds=int(value))


def _name(provider: str, account: str) -> str:
    return f"{_FEED}{provider} {account}".rstrip()


def accounts(connection: Connection, provider: str, message_ids: Collection[int]) -> dict[int, str]:
    """Return through which account of the provider each mail left; not if there were several."""
    rows = connection.execute(
        select(attempts.c.message_id, func.min(attempts.c.account))
        .where(among(attempts.c.message_id, message_ids), attempts.c.transport == provider)
        .group_by(attempts.c.message_id)
        .having(func.min(attempts.c.account) == func.max(attempts.c.account))
    )
    return dict(rows.tuples().all())
