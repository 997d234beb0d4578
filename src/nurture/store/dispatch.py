"""How mail leaves: locked, marked as leaving with its attempt, settled, or found in doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Update, bindparam, case, func, or_, select, update

from nurture.core.gate import LATE
from nurture.core.message import MessageState
from nurture.core.throttle import RATE, WARM_UP
from nurture.store import departures, fences, sets
from nurture.store.db import Connection, Instant, stored
from nurture.store.messages import NOT_SETTLED, READY, accept
from nurture.store.sets import Given, among, among_given
from nurture.store.tables import attempts, messages


class NewAttempt(NamedTuple):
    """An attempt that is about to be made."""

    message_id: int
    epoch: int
    body_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeparture:
    """Mails that are about to leave together, and until when they are to be settled."""

    attempts: Sequence[NewAttempt]
    transport: str
    deadline: datetime
    account: str = ""


@dataclass(slots=True, kw_only=True)
class Settlement:
    """How an attempt ended and where that leaves its message."""

    message_id: int
    epoch: int
    state: MessageState
    outcome: str
    provider_id: str = ""
    reason: str = ""
    not_before: datetime | None = None
    burned: bool = True
    fenced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Which mails leave together, and what ends that; None where none does."""

    message_ids: frozenset[int]
    id: int | None


_STARTING = [
    *(attempts.c.message_id, attempts.c.epoch, attempts.c.body_hash),
    *(attempts.c.transport, attempts.c.account, attempts.c.deadline, attempts.c.started_at),
]
_BEGIN = (
    update(messages)
    .where(among_given(messages.c.id, "ids"), READY, messages.c.epoch == bindparam("epoch_now"))
    .values(
        state=MessageState.DISPATCHING,
        epoch=bindparam("epoch_next"),
        closed_at=bindparam("begun_at", type_=Instant),
    )
    .returning(messages.c.id)
)


def begin(connection: Connection, new: NewDeparture, *, now: datetime) -> Departure:
    """Mark mails as leaving and record their attempts; commit before any byte leaves.

    A mail that is no longer ready at the epoch that was claimed, one below the attempt's, stays
    where it is and gets no attempt.
    """
    leaving: set[int] = set()
    for epoch in sorted({attempt.epoch for attempt in new.attempts}):
        ids = [attempt.message_id for attempt in new.attempts if attempt.epoch == epoch]
        given = {"ids": ids, "epoch_now": epoch - 1, "epoch_next": epoch, "begun_at": now}
        leaving.update(connection.scalars(_BEGIN, given).all())
    if not leaving:
        return Departure(message_ids=frozenset(), id=None)
    shared = (new.transport, new.account, stored(new.deadline), stored(now))
    rows = [(*a, *shared) for a in new.attempts if a.message_id in leaving]
    sets.add(connection, _STARTING, rows)
    begun = departures.begin(connection, leaving, deadline=new.deadline)
    return Departure(message_ids=frozenset(leaving), id=begun)


def stop(
    connection: Connection, stopped: Sequence[tuple[int, MessageState, str]], *, now: datetime
) -> None:
    """End mails that the last gate stopped: (id, state, reason)."""
    if stopped:
        connection.execute(
            update(messages)
            .where(messages.c.id == bindparam("key"), READY)
            .values(
                state=bindparam("new_state"),
                reason=bindparam("new_reason"),
                closed_at=now,
            ),
            [{"key": i, "new_state": state, "new_reason": why} for i, state, why in stopped],
        )


def postpone(
    connection: Connection, later: Sequence[tuple[int, datetime, str]], *, unrendered: bool = False
) -> None:
    """Keep mails ready for later: (id, not before, reason). `unrendered`: that costs a try.

    What another worker was told meanwhile to try later still stands.
    """
    if later:
        at = bindparam("at", type_=Instant)
        connection.execute(
            update(messages)
            .where(messages.c.id == bindparam("key"), messages.c.ready_at <= at)
            .values(
                not_before=at,
                reason=bindparam("new_reason"),
                unrendered=messages.c.unrendered + int(unrendered),
            ),
            [{"key": i, "at": at, "new_reason": why} for i, at, why in later],
        )


_DISPATCHING = messages.c.state == MessageState.DISPATCHING
_STILL_WAITS = or_(
    *(messages.c.reason.startswith(why, autoescape=True) for why in (LATE, RATE, WARM_UP))
)
"""A person is asked about it, or it has a place in a line: no pause changes that."""


def give_back(
    connection: Connection, again: Sequence[tuple[int, str]], *, not_before: datetime
) -> None:
    """Keep mails ready that nobody has judged: (id, why not now).

    What another worker was told meanwhile to try later still stands.
    """
    if again:
        reason = case((_STILL_WAITS, messages.c.reason), else_=bindparam("new_reason"))
        connection.execute(
            update(messages)
            .where(messages.c.id == bindparam("key"), messages.c.ready_at <= not_before)
            .values(not_before=not_before, reason=reason),
            [{"key": i, "new_reason": why} for i, why in again],
        )


_FINISHED = [
    *(attempts.c.message_id, attempts.c.epoch, attempts.c.outcome, attempts.c.provider_id),
    *(attempts.c.detail, attempts.c.finished_at),
]


def _finish(given: Given) -> Update:
    return (
        update(attempts)
        .where(
            attempts.c.message_id == given["message_id"],
            attempts.c.epoch == given["epoch"],
        )
        .values(
            finished_at=given["finished_at"],
            outcome=given["outcome"],
            provider_id=given["provider_id"],
            detail=given["detail"],
        )
    )


def settle(
    connection: Connection,
    settled: Sequence[Settlement],
    *,
    now: datetime,
    departure_id: int | None = None,
) -> None:
    """Store outcomes, those of a whole departure if one is named: it is over then.

    A late answer meets a row in doubt meanwhile: one that is certain counts.
    """
    if departure_id is not None:
        departures.end(connection, departure_id)
    if not settled:
        return
    fenced = [(s.message_id, s.epoch) for s in settled if s.fenced]
    if fenced:
        settled = _but_called_back(settled, fences.asked(connection, fenced))
    at = stored(now)
    rows = [(s.message_id, s.epoch, s.outcome, s.provider_id, s.reason, at) for s in settled]
    sets.change(connection, _finish, _FINISHED, rows)
    accepted = [s for s in settled if s.state is MessageState.ACCEPTED]
    if accepted:
        accept(connection, {s.message_id: s.provider_id for s in accepted}, now=now)
    doubtful = [s for s in settled if s.state is MessageState.UNCERTAIN]
    _move(connection, doubtful, _DISPATCHING, now)
    known = (MessageState.ACCEPTED, MessageState.UNCERTAIN)
    _move(connection, [s for s in settled if s.state not in known], NOT_SETTLED, now)


def _but_called_back(
    settled: Sequence[Settlement], asked: Mapping[tuple[int, int], bool]
) -> list[Settlement]:
    """Return the outcomes without those that took a mail which the provider is to throw away."""
    found = []
    for each in settled:
        called_back = asked.get((each.message_id, each.epoch))
        if called_back is not None and each.state is MessageState.ACCEPTED:
            outcome = fences.CALLED_BACK if called_back else "uncertain"
            reason = "taken, and asked back meanwhile"
            late = replace(each, state=MessageState.UNCERTAIN, outcome=outcome, reason=reason)
            found.append(late)
        else:
            found.append(each)
    return found


def _move(
    connection: Connection,
    settled: Sequence[Settlement],
    found_in: ColumnElement[bool],
    now: datetime,
) -> None:
    if settled:
        connection.execute(
            update(messages)
            .where(
                messages.c.id == bindparam("key"),
                messages.c.epoch == bindparam("at_epoch"),
                found_in,
            )
            .values(
                state=bindparam("new_state"),
                reason=bindparam("new_reason"),
                not_before=func.coalesce(bindparam("at", type_=Instant), messages.c.not_before),
                tries=messages.c.tries + bindparam("burned"),
                closed_at=now,
            ),
            [
                {
                    "key": s.message_id,
                    "at_epoch": s.epoch,
                    "new_state": s.state,
                    "new_reason": s.reason,
                    "at": s.not_before,
                    "burned": int(s.burned),
                }
                for s in settled
            ],
        )


def reap(connection: Connection, *, now: datetime) -> int:
    """Turn mails whose worker died while they were leaving into uncertain ones."""
    ids = departures.end_overdue(connection, now=now)
    if not ids:
        return 0
    dead = select(attempts.c.message_id).where(
        attempts.c.message_id == messages.c.id,
        attempts.c.epoch == messages.c.epoch,
        attempts.c.deadline < now,
    )
    return connection.execute(
        update(messages)
        .where(among(messages.c.id, ids), _DISPATCHING, dead.exists())
        .values(
            state=MessageState.UNCERTAIN,
            reason="the worker was lost while the mail was leaving",
            closed_at=now,
        )
    ).rowcount


def park(connection: Connection, *, now: datetime, after: timedelta) -> int:
    """Hand mails that stayed uncertain for so long to a person."""
    return connection.execute(
        update(messages)
        .where(messages.c.state == MessageState.UNCERTAIN, messages.c.doubtful_since < now - after)
        .values(state=MessageState.PARKED)
    ).rowcount
