"""Leases: what a worker is at, until when, so that no other is at the same. A lost one runs out.

A lease is no promise: whoever stores what came of a claim makes sure that the row is still as it
was read. It saves the work of doing everything twice, and no more. It has one of two forms:

- a row of `leases` for a stretch of a queue's order, from the first row that was claimed to the
  last. That is one row to write, however many were claimed; what is due in between waits as well.
- a time in the row itself (`is_free`), where few are claimed, and being claimed is all that keeps
  another from doing the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    tuple_,
)

from nurture.store import locks
from nurture.store.db import Connection, Instant
from nurture.store.tables import leases

SKEW = timedelta(minutes=15)
"""So far the clocks of two workers may be apart before one takes what the other holds."""

Claimable = TypeVar("Claimable")


def longest(now: datetime, lease: timedelta) -> datetime:
    """Return until when a lease can last that anybody has taken by now."""
    return now + lease + SKEW


def is_free(
    lease_until: ColumnElement[datetime | None], now: datetime, end: datetime
) -> ColumnElement[bool]:
    """Return the term that is true for rows that nobody holds. `end`: `longest` of now.

    A lease that is longer than any can be was taken by a clock that has been set back since.
    """
    return or_(lease_until.is_(None), lease_until <= now, lease_until > end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed(Generic[Claimable]):
    """What was claimed, and the lease on it; None where there is none."""

    rows: list[Claimable]
    lease_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A table in the order in which it is worked off: by time, then by id."""

    name: str
    at: Column[Any]
    row_id: Column[int]

    @property
    def order(self) -> tuple[Column[Any], Column[int]]:
        """What the queue is sorted by."""
        return self.at, self.row_id

    @property
    def is_free(self) -> ColumnElement[bool]:
        """The term that is true for rows outside every stretch that is leased."""
        place = tuple_(*self.order)
        return ~exists().where(
            leases.c.queue == self.name,
            place >= tuple_(leases.c.first_at, leases.c.first_id),
            place <= tuple_(leases.c.last_at, leases.c.last_id),
        )


_OVER = delete(leases).where(
    leases.c.queue == bindparam("name"),
    or_(
        leases.c.until <= bindparam("now", type_=Instant),
        leases.c.until > bindparam("end", type_=Instant),
    ),
)


def wait_turn(connection: Connection, queue: Queue, *, now: datetime, lease: timedelta) -> None:
    """Let one worker claim at a time, until its transaction ends, and drop leases that are over."""
    locks.before_claiming(connection, queue.name)
    connection.execute(_OVER, {"name": queue.name, "now": now, "end": longest(now, lease)})


def take(
    connection: Connection,
    queue: Queue,
    places: Sequence[tuple[datetime, int]],
    *,
    until: datetime,
) -> int | None:
    """Lease the stretch from the first (time, id) of the queue to the last; None if it is empty."""
    if not places:
        return None
    (first_at, first_id), (last_at, last_id) = places[0], places[-1]
    stretch = {"first_at": first_at, "first_id": first_id, "last_at": last_at, "last_id": last_id}
    lease_id: int = connection.execute(
        _TAKE, {"queue": queue.name, "until": until, **stretch}
    ).scalar_one()
    return lease_id


_TAKE = insert(leases).returning(leases.c.id)


def give_back(connection: Connection, lease_id: int) -> None:
    """End a lease: whatever of its stretch is still due may be claimed again."""
    connection.execute(_GIVE_BACK, {"lease_id": lease_id})


_GIVE_BACK = delete(leases).where(leases.c.id == bindparam("lease_id"))
