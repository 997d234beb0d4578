"""Raw posts of providers: stored before they are answered, worked afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update

from nurture.store.db import Connection
from nurture.store.tables import raw_posts


def keep(connection: Connection, *, provider: str, body: bytes, now: datetime) -> None:
    """Store a verified post."""
    connection.execute(insert(raw_posts).values(provider=provider, body=body, received_at=now))


def any_due(connection: Connection, *, now: datetime) -> bool:
    """Say whether any post is to be worked now."""
    return (
        connection.execute(select(raw_posts.c.id).where(_is_due(now)).limit(1)).first() is not None
    )


def any_open(connection: Connection, *, provider: str) -> bool:
    """Say whether any post of the provider is still to be worked, by whomever and whenever."""
    found = select(raw_posts.c.id).where(raw_posts.c.worked_at.is_(None))
    return (
        connection.execute(found.where(raw_posts.c.provider == provider).limit(1)).first()
        is not None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPost:
    """A post still to be worked. `failures`: how often that was tried in vain."""

    id: int
    provider: str
    received_at: datetime
    body: bytes
    failures: int


def take(connection: Connection, *, now: datetime) -> RawPost | None:
    """Return the oldest post that is to be worked, locked for this transaction."""
    statement = (
        select(*(raw_posts.c[name] for name in RawPost.__dataclass_fields__))
        .where(_is_due(now))
        .order_by(raw_posts.c.id)
        .limit(1)
    )
    if connection.dialect.name == "postgresql":
        statement = statement.with_for_update(skip_locked=True)
    row = connection.execute(statement).first()
    return None if row is None else RawPost(**row._mapping)


def _is_due(now: datetime) -> ColumnElement[bool]:
    at_once = or_(raw_posts.c.retry_at.is_(None), raw_posts.c.retry_at <= now)
    return and_(raw_posts.c.worked_at.is_(None), at_once)


def set_aside(connection: Connection, post: RawPost, *, until: datetime, error: str) -> None:
    """Leave a post that cannot be worked for later, with the reason: it must not stop others."""
    connection.execute(
        update(raw_posts)
        .where(raw_posts.c.id == post.id)
        .values(retry_at=until, failures=post.failures + 1, error=error)
    )


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
    """Delete posts received before then that were worked, or tried in vain: they are personal."""
    over = or_(raw_posts.c.worked_at.is_not(None), raw_posts.c.failures > 0)
    return connection.execute(
        delete(raw_posts).where(over, raw_posts.c.received_at < before)
    ).rowcount
