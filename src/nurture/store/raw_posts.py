"""Raw posts of providers: stored before they are answered, worked afterwards."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from nurture.store.db import Connection
from nurture.store.tables import raw_posts


def keep(connection: Connection, *, provider: str, body: bytes, now: datetime) -> None:
    """Store a verified post."""
    connection.execute(insert(raw_posts).values(provider=provider, body=body, received_at=now))


def any_open(connection: Connection) -> bool:
    """Say whether any post is still to be worked."""
    found = select(raw_posts.c.id).where(raw_posts.c.worked_at.is_(None)).limit(1)
    return connection.execute(found).first() is not None


def take(connection: Connection, *, limit: int) -> list[tuple[int, str, bytes]]:
    """Return posts still to be worked, oldest first, locked for this transaction."""
    statement = (
        select(raw_posts.c.id, raw_posts.c.provider, raw_posts.c.body)
        .where(raw_posts.c.worked_at.is_(None))
        .order_by(raw_posts.c.id)
        .limit(limit)
    )
    if connection.dialect.name == "postgresql":
        statement = statement.with_for_update(skip_locked=True)
    return [(row.id, row.provider, row.body) for row in connection.execute(statement)]


def done(
    connection: Connection, post_id: int, *, now: datetime, error: str = "", keep: bool = True
) -> None:
    """Mark a post as worked; `error` says what of it could not be used. Not kept: body emptied."""
    values: dict[str, object] = {"worked_at": now, "error": error}
    connection.execute(
        update(raw_posts)
        .where(raw_posts.c.id == post_id)
        .values(values if keep else {**values, "body": b""})
    )


def drop_worked(connection: Connection, *, before: datetime) -> int:
    """Delete worked posts received before then: they are personal."""
    return connection.execute(
        delete(raw_posts).where(
            raw_posts.c.worked_at.is_not(None), raw_posts.c.received_at < before
        )
    ).rowcount
