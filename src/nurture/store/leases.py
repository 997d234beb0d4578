"""Leases: what a worker is at, until when, so that no other is at the same. A lost one runs out.

A lease is no promise: whoever stores what came of a claim makes sure that the row is still as it
was read. It saves the work of doing everything twice, and no more. It has one of two forms:

- a row of `leases` for a stretch of a queue's order, from the first row that was claimed to the
  last. That is one row to write, however many were claimed; what is due in between waits as well.
- a time in the row itself (`is_free`), where few are claimed, and being claimed is all that keeps
  another from doing the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    bindparam,
    delete,
    exists,
    insert,
    not_,
    or_,
    select,
    tuple_,
)

from nurture.store import locks
from nurture.store.db import Connection, Database, Instant
from nurture.store.pauses import paused
from nurture.store.sets import among_given
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Queue(Generic[Claimable]):
    """A table in the order in which it is worked off: by time, then by id.

    `read` makes what is claimed of a row of the `columns`; more may follow them.
    """

    name: str
    at: Column[Any]
    row_id: Column[int]
    lead_id: Column[int]
    columns: Sequence[Column[Any]]
    read: Callable[[tuple[Any, ...]], Claimable]

    @property
    def is_free(self) -> ColumnElement[bool]:
        """The term that is true for rows outside every stretch that is leased."""
        place = tuple_(self.at, self.row_id)
        return ~exists().where(
            leases.c.queue == self.name,
            place >= tuple_(leases.c.first_at, leases.c.first_id),
            place <= tuple_(leases.c.last_at, leases.c.last_id),
        )

    def claim(
        self,
        connection: Connection,
        *,
        now: datetime,
        lease: timedelta,
        limit: int,
        lead_ids: Sequence[int] | None = None,
    ) -> Claimed[Claimable]:
        """Lease what is due, longest due first; a lost worker's comes up again.

        Rows of some leads are read and not leased: whoever first stores what came of them counts.
        """
        _wait_turn(connection, self.name, now=now, lease=lease)
        given = {"now": now, "most": limit, "lead_ids": lead_ids}
        rows = connection.execute(_due(self, of_some=lead_ids is not None), given).tuples().all()
        lease_id = None
        if rows and lead_ids is None:
            stretch = dict(zip(_STRETCH, (*rows[0][-2:], *rows[-1][-2:]), strict=True))
            taken = {"queue": self.name, "until": now + lease, **stretch}
            lease_id = connection.execute(_TAKE, taken).scalar_one()
        return Claimed(rows=list(map(self.read, rows)), lease_id=lease_id)


_STRETCH = ("first_at", "first_id", "last_at", "last_id")
_TAKE = insert(leases).returning(leases.c.id)


@lru_cache
def _due(queue: Queue[Any], *, of_some: bool) -> Select[Any]:
    now = bindparam("now", type_=Instant)
    due = select(*queue.columns, queue.at, queue.row_id).where(
        queue.at <= now, queue.is_free, not_(paused(queue.lead_id, now=now))
    )
    if of_some:
        due = due.where(among_given(queue.lead_id, "lead_ids"))
    return due.order_by(queue.at, queue.row_id).limit(bindparam("most"))


_OVER = delete(leases).where(
    leases.c.queue == bindparam("name"),
    or_(
        leases.c.until <= bindparam("now", type_=Instant),
        leases.c.until > bindparam("end", type_=Instant),
    ),
)


def _wait_turn(connection: Connection, queue: str, *, now: datetime, lease: timedelta) -> None:
    """Let one worker claim at a time, until its transaction ends, and drop leases that are over."""
    locks.before_claiming(connection, queue)
    connection.execute(_OVER, {"name": queue, "now": now, "end": longest(now, lease)})


def give_back(database: Database, claimed: Claimed[Any]) -> None:
    """End the lease, if there is one: whatever of its stretch is still due may be claimed again."""
    if claimed.lease_id is not None:
        with database.lease() as connection:
            connection.execute(_GIVE_BACK, {"lease_id": claimed.lease_id})


_GIVE_BACK = delete(leases).where(leases.c.id == bindparam("lease_id"))
