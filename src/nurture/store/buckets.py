"""Buckets of tokens: read, held, kept; and what came back from mailboxes of late."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.throttle import Bucket, Trouble
from nurture.store.db import Connection, Instant, stored
from nurture.store.tables import TROUBLE, buckets, events

_TROUBLES = dict(zip(TROUBLE, Trouble, strict=True))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Rows = Select[tuple[str, list[list[int]], datetime, datetime]]


def read(connection: Connection, names: Sequence[str]) -> dict[str, Bucket]:
    """Return the buckets as they are; one that was never used is full."""
    found = _buckets(connection, _rows(names))
    return {name: found.get(name, Bucket(name=name)) for name in names}


def hold(connection: Connection, names: Iterable[str]) -> dict[str, Bucket]:
    """Lock the buckets until the transaction ends and return them.

    Whoever also locks leads does so first. On SQLite there is one writer at a time anyway.
    """
    wanted = sorted(set(names))
    # New ones before any lock, and both in one order: nobody locks anybody else up.
    there = set(connection.scalars(select(buckets.c.name).where(buckets.c.name.in_(wanted))))
    if len(there) < len(wanted):
        make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        rows = [{"name": name, "taken": []} for name in wanted if name not in there]
        connection.execute(make(buckets).on_conflict_do_nothing(), rows)
    return _buckets(connection, _rows(wanted).with_for_update())


def _rows(names: Sequence[str]) -> _Rows:
    columns = (buckets.c.name, buckets.c.taken, buckets.c.since, buckets.c.last_at)
    return select(*columns).where(buckets.c.name.in_(names)).order_by(buckets.c.name)


def _buckets(connection: Connection, statement: _Rows) -> dict[str, Bucket]:
    return {
        name: Bucket(
            name=name,
            taken=tuple((_EPOCH + timedelta(microseconds=at), count) for at, count in taken),
            since=since,
            last_at=last_at,
        )
        for name, taken, since, last_at in connection.execute(statement).tuples()
    }


def keep(connection: Connection, changed: Sequence[Bucket]) -> None:
    """Store buckets that `hold` has locked."""
    if changed:
        connection.execute(
            update(buckets)
            .where(buckets.c.name == bindparam("key"))
            .values(
                taken=bindparam("new_taken", type_=buckets.c.taken.type),
                since=bindparam("new_since", type_=Instant),
                last_at=bindparam("new_last_at", type_=Instant),
            ),
            [
                {
                    "key": bucket.name,
                    "new_taken": [[stored(at), count] for at, count in bucket.taken],
                    "new_since": bucket.since,
                    "new_last_at": bucket.last_at,
                }
                for bucket in changed
            ],
        )


def empty(connection: Connection, name: str, *, now: datetime) -> None:
    """Forget what the bucket has counted, and count from now on."""
    hold(connection, [name])
    keep(connection, [Bucket(name=name, since=now)])


def forget_idle(connection: Connection, *, beginning: str, before: datetime) -> None:
    """Drop buckets of the name's beginning that nobody has used since: they are full."""
    connection.execute(
        delete(buckets).where(
            buckets.c.name.startswith(beginning, autoescape=True), buckets.c.last_at < before
        )
    )


def troubles(connection: Connection, *, since: datetime) -> dict[Trouble, int]:
    """Return how many people complained, bounced or were deferred since then."""
    # Written out, and just as the partial index says it: SQLite uses it for nothing else.
    kinds: list[ColumnElement[str]] = [literal_column(f"'{kind}'") for kind in TROUBLE]
    rows = connection.execute(
        select(events.c.kind, func.count(events.c.lead_id.distinct()))
        .where(events.c.kind.in_(kinds), events.c.occurred_at > since)
        .group_by(events.c.kind)
    ).tuples()
    return {_TROUBLES[kind]: count for kind, count in rows}
