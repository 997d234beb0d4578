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
_Rows = Select[tuple[str, list[list[int]], datetime, datetime, datetime, int]]


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
    b = buckets.c
    columns = (b.name, b.taken, b.since, b.booked_to, b.last_at, b.missed)
    return select(*columns).where(b.name.in_(names)).order_by(b.name)


def _buckets(connection: Connection, statement: _Rows) -> dict[str, Bucket]:
    return {
        name: Bucket(
            name=name,
            taken=tuple((_EPOCH + timedelta(microseconds=at), count) for at, count in taken),
            since=since,
            booked_to=booked_to,
            last_at=last_at,
            missed=missed,
        )
        for name, taken, since, booked_to, last_at, missed in connection.execute(statement).tuples()
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
                booked_to=bindparam("new_booked_to", type_=Instant),
                last_at=bindparam("new_last_at", type_=Instant),
                missed=bindparam("new_missed"),
            ),
            [
                {
                    "key": bucket.name,
                    "new_taken": [[stored(at), count] for at, count in bucket.taken],
                    "new_since": bucket.since,
                    "new_booked_to": bucket.booked_to,
                    "new_last_at": bucket.last_at,
                    "new_missed": bucket.missed,
                }
                for bucket in changed
            ],
        )


def booked_beyond(connection: Connection, at: datetime) -> list[str]:
    """Return the names of the buckets that mails are booked in for later than that."""
    found = select(buckets.c.name).where(buckets.c.booked_to > at)
    return list(connection.scalars(found))


def empty(connection: Connection, name: str, *, now: datetime) -> None:
    """Forget what the bucket has counted, and count from now on."""
    hold(connection, [name])
    keep(connection, [Bucket(name=name, since=now)])


def forget_bookings(connection: Connection) -> None:
    """Let whoever finds no token be booked from now on, not behind what was booked before."""
    connection.execute(
        update(buckets).where(buckets.c.booked_to.is_not(None)).values(booked_to=None)
    )


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
