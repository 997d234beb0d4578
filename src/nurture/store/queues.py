"""How much is waiting to be done and since when, and what waits for a person: counts only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Select,
    func,
    not_,
    or_,
    select,
    type_coerce,
)

from nurture.core.gate import LATE
from nurture.core.message import MessageState
from nurture.store.db import Connection, Instant
from nurture.store.departures import is_leaving
from nurture.store.messages import DOUBTFUL, READY
from nurture.store.pauses import paused
from nurture.store.switches import all_halted
from nurture.store.tables import enrollments, handoffs, leads, messages, raw_posts, tasks

LONGEST_SET_ASIDE = timedelta(days=1)
"""No later than this does set-aside work come up again: only so far need it be looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Work that is due now: how much of it, and when the oldest of it fell due."""

    due: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """Every queue of the engine. `capacity` holds handoffs that wait for room at sales."""

    posts: Queue
    assess: Queue
    advance: Queue
    deliver: Queue
    handoff: Queue
    capacity: Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class ForPeople:
    """What no later tick settles, or not soon. `halted` names switches, without their reasons."""

    mails_uncertain: int
    mails_parked: int
    mails_late: int
    mails_unrendered: int
    handoffs_dead: int
    handoffs_unanswered: int
    tasks_open: int
    tasks_late: int
    enrollments_set_aside: int
    posts_set_aside: int
    halted: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The engine's work at one moment."""

    queues: Queues
    for_people: ForPeople


def standing(connection: Connection, *, now: datetime) -> Standing:
    """Return how the engine's work stands: a count per queue, along its index (tasks have none)."""
    return Standing(
        queues=_queues(connection, now),
        for_people=_for_people(connection, now),
    )


def _queues(connection: Connection, now: datetime) -> Queues:
    ready, posted, waiting = messages.c.ready_at, raw_posts.c.received_at, handoffs.c.created_at
    attempt = handoffs.c.next_attempt_at
    return Queues(
        posts=_queue(
            connection, posted, raw_posts.c.worked_at.is_(None), raw_posts.c.failures == 0
        ),
        assess=_queue(connection, leads.c.check_at, leads.c.check_at <= now),
        advance=_queue(
            connection,
            enrollments.c.due_at,
            enrollments.c.due_at <= now,
            not_(paused(enrollments.c.lead_id, now=now)),
        ),
        deliver=_queue(
            connection,
            ready,
            ready <= now,
            not_(paused(messages.c.lead_id, now=now)),
        ),
        handoff=_queue(connection, attempt, handoffs.c.state == "ready", attempt <= now),
        capacity=_queue(connection, waiting, handoffs.c.state == "waiting"),
    )


def _queue(
    connection: Connection, since: Column[datetime], *conditions: ColumnElement[bool]
) -> Queue:
    oldest = type_coerce(func.min(since), Instant).label("oldest")
    row = connection.execute(select(func.count().label("due"), oldest).where(*conditions)).one()
    return Queue(due=row.due, oldest_at=row.oldest)


def in_doubt(connection: Connection) -> dict[MessageState, int]:
    """Return how many mails are in each state of doubt."""
    doubtful = connection.execute(
        select(messages.c.state, func.count().label("n")).where(DOUBTFUL).group_by(messages.c.state)
    )
    found = {MessageState(row.state): row.n for row in doubtful}
    leaving = connection.execute(_count(messages).where(is_leaving(connection))).scalar_one()
    return {MessageState.DISPATCHING: leaving, **found} if leaving else found


def _for_people(connection: Connection, now: datetime) -> ForPeople:
    soon = now + LONGEST_SET_ASIDE
    doubts = in_doubt(connection)
    unrendered = _count(messages).where(
        messages.c.ready_at <= soon,
        or_(*[messages.c.reason.startswith(why) for why in ("not rendered: ", "not judged: ")]),
    )
    late = _count(messages).where(READY, messages.c.reason == LATE)
    unanswered = _count(handoffs).where(
        handoffs.c.state == "delivered",
        handoffs.c.answer == "",
        handoffs.c.overdue_at.is_not(None),
    )
    asked = connection.execute(
        select(
            func.count().label("open"), func.count().filter(tasks.c.due_at < now).label("late")
        ).where(tasks.c.done_at.is_(None))
    ).one()
    aside = _count(enrollments).where(enrollments.c.due_at <= soon, enrollments.c.failures > 0)
    posts = _count(raw_posts).where(raw_posts.c.worked_at.is_(None), raw_posts.c.failures > 0)
    dead = _count(handoffs).where(handoffs.c.state == "dead")
    return ForPeople(
        mails_uncertain=doubts.get(MessageState.UNCERTAIN, 0),
        mails_parked=doubts.get(MessageState.PARKED, 0),
        mails_late=connection.execute(late).scalar_one(),
        mails_unrendered=connection.execute(unrendered).scalar_one(),
        handoffs_dead=connection.execute(dead).scalar_one(),
        handoffs_unanswered=connection.execute(unanswered).scalar_one(),
        tasks_open=asked.open,
        tasks_late=asked.late,
        enrollments_set_aside=connection.execute(aside).scalar_one(),
        posts_set_aside=connection.execute(posts).scalar_one(),
        halted=tuple(name for name, _, _ in all_halted(connection, now=now)),
    )


def _count(table: FromClause) -> Select[tuple[int]]:
    return select(func.count()).select_from(table)
