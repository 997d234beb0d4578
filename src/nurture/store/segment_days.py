"""What the nightly look at the segments found: how many leads, and of smaller ones which.

Members are kept as stays: since which look a lead is in a segment, and the look that found it gone.
A night in which nobody moved writes nothing but the day's counts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.condition import Condition
from nurture.store import segment_sql, sets
from nurture.store.db import Connection, Instant, stored
from nurture.store.tables import leads, segment_days, segment_stays

LOOK_BACK_DAYS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One night's look at a segment. `at` None: there were too many leads to keep who they are."""

    day: date
    leads: int
    rule: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A lead that joined or left, and the look that saw it first; None: no look has seen it yet."""

    lead_id: int
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A segment by name and condition, to be asked as of now."""

    name: str
    when: Condition
    now: datetime
    today: date

    @property
    def inside(self) -> ColumnElement[bool]:
        """The condition in SQL."""
        return segment_sql.where(self.when, now=self.now, today=self.today)


# -- the nightly look ----------------------------------------------------------------------------


def keep(connection: Connection, name: str, look: Look) -> None:
    """Keep the look of a day; a later one of the same day takes its place."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(segment_days).values(
        segment=name, day=look.day.toordinal(), leads=look.leads, rule=look.rule, looked_at=look.at
    )
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["day", "segment"],
            set_={"leads": new.leads, "rule": new.rule, "looked_at": new.looked_at},
        )
    )


def look_at_members(connection: Connection, asked: Asked) -> int:
    """Note who has joined and left since the last look; return how many are in the segment."""
    stays, own = segment_stays.c, segment_stays.c.segment == asked.name
    connection.execute(
        update(segment_stays)
        .where(own, stays.left_at.is_(None), ~_still_inside(asked))
        .values(left_at=asked.now)
    )
    there = exists().where(own, stays.lead_id == leads.c.id, stays.left_at.is_(None))
    joined = (
        select(leads.c.id)
        .select_from(segment_sql.source(asked.when))
        .where(asked.inside, ~there)
        .order_by(leads.c.id)
    )
    # Read before the first is written: PostgreSQL would search through what it has just added.
    new = connection.scalars(joined).all()
    sets.add(
        connection,
        [stays.segment, stays.lead_id, stays.entered_at],
        [(asked.name, lead_id, stored(asked.now)) for lead_id in new],
    )
    inside = select(func.count()).select_from(segment_stays).where(own, stays.left_at.is_(None))
    return connection.scalar(inside) or 0


def _still_inside(asked: Asked) -> ColumnElement[bool]:
    """Say of a stay that its lead is in the segment now: looked up, not asked of everybody."""
    return exists(
        select(leads.c.id)
        .select_from(segment_sql.source(asked.when))
        .where(leads.c.id == segment_stays.c.lead_id, asked.inside)
        .correlate(segment_stays)
    )


def forget_members(connection: Connection, name: str) -> None:
    """Forget who was in the segment, and that this was ever known."""
    connection.execute(delete(segment_stays).where(segment_stays.c.segment == name))
    connection.execute(
        update(segment_days)
        .where(segment_days.c.segment == name, segment_days.c.looked_at.is_not(None))
        .values(looked_at=None)
    )


def prune(connection: Connection, *, now: datetime) -> None:
    """Drop stays that ended before everything that can still be asked for."""
    longest = now - timedelta(days=LOOK_BACK_DAYS + 1)
    connection.execute(delete(segment_stays).where(segment_stays.c.left_at < longest))


# -- what it found -------------------------------------------------------------------------------


def before(connection: Connection, *, day: date) -> dict[str, tuple[date, int]]:
    """Return each segment's last count before the day, and of which day it is.

    A count that is older than a month is nothing to compare with.
    """
    return {
        name: (found[-1].day, found[-1].leads) for name, found in looks(connection, day=day).items()
    }


def looks(
    connection: Connection, *, day: date, names: Collection[str] | None = None
) -> dict[str, list[Look]]:
    """Return the looks of the month before the day by segment, the oldest first."""
    today, own = day.toordinal(), segment_days.c
    query = (
        select(segment_days)
        .where(own.day.between(today - LOOK_BACK_DAYS, today - 1))
        .order_by(own.day)
    )
    found: dict[str, list[Look]] = {}
    for row in connection.execute(query if names is None else query.where(own.segment.in_(names))):
        look = Look(day=date.fromordinal(row.day), leads=row.leads, rule=row.rule, at=row.looked_at)
        found.setdefault(row.segment, []).append(look)
    return found


def _was_inside(name: str, then: datetime) -> ColumnElement[bool]:
    stays = segment_stays.c
    left_later = or_(stays.left_at.is_(None), stays.left_at > then)
    return (stays.segment == name) & (stays.entered_at <= then) & left_later


def joined_since(
    connection: Connection, asked: Asked, then: datetime, *, limit: int
) -> tuple[int, list[Moved]]:
    """Count who is in the segment now and was not then, and return the first of them."""
    stays = segment_stays.c
    was = exists().where(_was_inside(asked.name, then), stays.lead_id == leads.c.id)
    new = (
        select(leads.c.id)
        .select_from(segment_sql.source(asked.when))
        .where(asked.inside, ~was)
        .subquery()
    )
    seen = (
        select(func.max(stays.entered_at, type_=Instant))
        .where(stays.segment == asked.name, stays.lead_id == new.c.id, stays.left_at.is_(None))
        .scalar_subquery()
    )
    total = connection.scalar(select(func.count()).select_from(new)) or 0
    rows = connection.execute(select(new.c.id, seen).order_by(new.c.id).limit(limit)).all()
    return total, [Moved(lead_id=row[0], at=row[1]) for row in rows]


def left_since(
    connection: Connection, asked: Asked, then: datetime, *, limit: int
) -> tuple[int, list[Moved]]:
    """Count who was in the segment then and is not now, and return the first of them."""
    stays = segment_stays.c
    gone = (_was_inside(asked.name, then), ~_still_inside(asked))
    total = connection.scalar(select(func.count()).select_from(segment_stays).where(*gone)) or 0
    rows = connection.execute(
        select(stays.lead_id, stays.left_at).where(*gone).order_by(stays.lead_id).limit(limit)
    ).all()
    return total, [Moved(lead_id=row.lead_id, at=row.left_at) for row in rows]
