"""Messages and their attempts: plan once, lease, dispatch, settle, reconcile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, bindparam, case, func, insert, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.message import DELIVERY_RANK, DeliveryState, Message, MessageState
from nurture.store.db import Connection, Instant
from nurture.store.pauses import paused
from nurture.store.tables import attempts, messages


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A mail to be planned."""

    uid: str
    dedupe_key: str
    lead_id: int
    enrollment_id: int
    release_id: int
    sequence: str
    step: str
    template: str
    template_version: str
    topic: str
    window: str
    form: str
    slots: Mapping[str, Any]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """An attempt that is about to be made."""

    uid: str
    message_id: int
    epoch: int
    transport: str
    body_hash: str
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
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


def plan(connection: Connection, new: Sequence[NewMessage], *, now: datetime) -> None:
    """Plan mails; one that is planned already (same enrollment, step and visit) stays as it is."""
    if not new:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        make(messages).on_conflict_do_nothing(index_elements=["dedupe_key"]),
        [
            {
                "uid": message.uid,
                "dedupe_key": message.dedupe_key,
                "lead_id": message.lead_id,
                "enrollment_id": message.enrollment_id,
                "release_id": message.release_id,
                "sequence": message.sequence,
                "step": message.step,
                "template": message.template,
                "template_version": message.template_version,
                "topic": message.topic,
                "window": message.window,
                "form": message.form,
                "slots": dict(message.slots),
                "state": MessageState.READY,
                "not_before": now,
                "expires_at": message.expires_at,
                "planned_at": now,
            }
            for message in new
        ],
    )


def claim(
    connection: Connection,
    *,
    now: datetime,
    lease: timedelta,
    limit: int,
    lead_ids: Sequence[int] | None = None,
) -> list[Message]:
    """Lease ready mails, longest ready first. A lease is no promise: a lost one runs out."""
    ready = select(messages.c.id).where(
        messages.c.state == MessageState.READY,
        messages.c.not_before <= now,
        or_(messages.c.lease_until.is_(None), messages.c.lease_until <= now),
        not_(paused(messages.c.lead_id, now=now)),
    )
    if lead_ids is not None:
        ready = ready.where(messages.c.lead_id.in_(lead_ids))
    ready = ready.order_by(messages.c.not_before, messages.c.id).limit(limit)
    if connection.dialect.name == "postgresql":
        ready = ready.with_for_update(skip_locked=True)
    rows = connection.execute(
        update(messages)
        .where(messages.c.id.in_(ready.scalar_subquery()))
        .values(lease_until=now + lease)
        .returning(*messages.c)
    ).all()
    return sorted((as_message(row) for row in rows), key=lambda m: m.id)


def as_message(row: Row[Any]) -> Message:
    """Return the row as a core value."""
    return Message(
        id=row.id,
        uid=row.uid,
        lead_id=row.lead_id,
        enrollment_id=row.enrollment_id,
        release_id=row.release_id,
        sequence=row.sequence,
        step=row.step,
        template=row.template,
        topic=row.topic,
        window=row.window,
        form=row.form,
        slots=row.slots,
        state=MessageState(row.state),
        tries=row.tries,
        epoch=row.epoch,
        not_before=row.not_before,
        expires_at=row.expires_at,
        planned_at=row.planned_at,
    )


def by_uid(connection: Connection, uid: str) -> Message | None:
    """Return the message with the public id."""
    row = connection.execute(select(messages).where(messages.c.uid == uid)).one_or_none()
    return None if row is None else as_message(row)


def by_uids(connection: Connection, uids: Iterable[str]) -> dict[str, Message]:
    """Return messages by public id."""
    rows = connection.execute(select(messages).where(messages.c.uid.in_(list(uids))))
    return {row.uid: as_message(row) for row in rows}


def lock_ready(connection: Connection, batch: Sequence[Message]) -> list[Message]:
    """Return those of the batch that are still ready at the epoch that was leased, locked."""
    statement = select(messages.c.id, messages.c.epoch).where(
        messages.c.id.in_([message.id for message in batch]),
        messages.c.state == MessageState.READY,
    )
    if connection.dialect.name == "postgresql":
        statement = statement.with_for_update(skip_locked=True)
    ready = {row.id: row.epoch for row in connection.execute(statement)}
    return [message for message in batch if ready.get(message.id) == message.epoch]


def dispatch(connection: Connection, starting: Sequence[NewAttempt], *, now: datetime) -> None:
    """Mark mails as leaving and record their attempts; commit before any byte leaves."""
    if not starting:
        return
    connection.execute(
        update(messages)
        .where(messages.c.id == bindparam("key"))
        .values(state=MessageState.DISPATCHING, epoch=bindparam("new_epoch"), closed_at=now),
        [{"key": attempt.message_id, "new_epoch": attempt.epoch} for attempt in starting],
    )
    connection.execute(
        insert(attempts),
        [
            {
                "uid": attempt.uid,
                "message_id": attempt.message_id,
                "epoch": attempt.epoch,
                "transport": attempt.transport,
                "body_hash": attempt.body_hash,
                "started_at": now,
                "deadline": attempt.deadline,
            }
            for attempt in starting
        ],
    )


def stop(
    connection: Connection, stopped: Sequence[tuple[int, MessageState, str]], *, now: datetime
) -> None:
    """End mails that the last gate stopped: (id, state, reason)."""
    if stopped:
        connection.execute(
            update(messages)
            .where(messages.c.id == bindparam("key"))
            .values(
                state=bindparam("new_state"),
                reason=bindparam("new_reason"),
                closed_at=now,
                lease_until=None,
            ),
            [{"key": i, "new_state": state, "new_reason": why} for i, state, why in stopped],
        )


def postpone(connection: Connection, later: Sequence[tuple[int, datetime, str]]) -> None:
    """Keep mails ready for later: (id, not before, reason)."""
    if later:
        connection.execute(
            update(messages)
            .where(messages.c.id == bindparam("key"), messages.c.state == MessageState.READY)
            .values(
                not_before=bindparam("at", type_=Instant),
                reason=bindparam("new_reason"),
                lease_until=None,
            ),
            [{"key": i, "at": at, "new_reason": why} for i, at, why in later],
        )


def settle(connection: Connection, settled: Sequence[Settlement], *, now: datetime) -> None:
    """Store outcomes. A late answer meets a row that has moved on: acceptance still counts."""
    if not settled:
        return
    connection.execute(
        update(attempts)
        .where(attempts.c.message_id == bindparam("key"), attempts.c.epoch == bindparam("at_epoch"))
        .values(
            finished_at=now,
            outcome=bindparam("new_outcome"),
            provider_id=bindparam("new_provider_id"),
            detail=bindparam("new_detail"),
        ),
        [
            {
                "key": s.message_id,
                "at_epoch": s.epoch,
                "new_outcome": s.outcome,
                "new_provider_id": s.provider_id,
                "new_detail": s.reason,
            }
            for s in settled
        ],
    )
    accepted = [s for s in settled if s.state is MessageState.ACCEPTED]
    if accepted:
        accept(connection, {s.message_id: s.provider_id for s in accepted}, now=now)
    others = [s for s in settled if s.state is not MessageState.ACCEPTED]
    if others:
        connection.execute(
            update(messages)
            .where(
                messages.c.id == bindparam("key"),
                messages.c.epoch == bindparam("at_epoch"),
                messages.c.state == MessageState.DISPATCHING,
            )
            .values(
                state=bindparam("new_state"),
                reason=bindparam("new_reason"),
                not_before=func.coalesce(bindparam("at", type_=Instant), messages.c.not_before),
                tries=messages.c.tries + bindparam("burned"),
                closed_at=now,
                lease_until=None,
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
                for s in others
            ],
        )


# Written out: an IN list cannot be part of an executemany.
_PERHAPS = or_(
    messages.c.state == MessageState.DISPATCHING,
    messages.c.state == MessageState.UNCERTAIN,
    messages.c.state == MessageState.PARKED,
)


def accept(connection: Connection, accepted: Mapping[int, str], *, now: datetime) -> None:
    """Mark mails as accepted: by the provider's answer, or by its events for those in doubt."""
    connection.execute(
        update(messages)
        .where(messages.c.id == bindparam("key"), _PERHAPS)
        .values(
            state=MessageState.ACCEPTED,
            accepted_at=now,
            closed_at=now,
            provider_id=bindparam("new_provider_id"),
            lease_until=None,
        ),
        [{"key": i, "new_provider_id": provider_id} for i, provider_id in sorted(accepted.items())],
    )


def reap(connection: Connection, *, now: datetime) -> int:
    """Turn mails whose worker died while they were leaving into uncertain ones."""
    dead = select(attempts.c.message_id).where(
        attempts.c.message_id == messages.c.id,
        attempts.c.epoch == messages.c.epoch,
        attempts.c.deadline < now,
    )
    return connection.execute(
        update(messages)
        .where(messages.c.state == MessageState.DISPATCHING, dead.exists())
        .values(
            state=MessageState.UNCERTAIN,
            reason="the worker was lost while the mail was leaving",
            closed_at=now,
            lease_until=None,
        )
    ).rowcount


def park(connection: Connection, *, now: datetime, after: timedelta) -> int:
    """Hand mails that stayed uncertain for so long to a person."""
    return connection.execute(
        update(messages)
        .where(messages.c.state == MessageState.UNCERTAIN, messages.c.closed_at < now - after)
        .values(state=MessageState.PARKED)
    ).rowcount


def raise_delivery(
    connection: Connection, reported: Sequence[tuple[int, DeliveryState, datetime]]
) -> None:
    """Raise delivery states by what the provider reported; a lower rank changes nothing."""
    rank = case(
        *[(messages.c.delivery == state, value) for state, value in DELIVERY_RANK.items()], else_=0
    )
    if not reported:
        return
    connection.execute(
        update(messages)
        .where(messages.c.id == bindparam("key"), rank < bindparam("new_rank"))
        .values(delivery=bindparam("new_delivery")),
        [
            {"key": i, "new_delivery": state, "new_rank": DELIVERY_RANK[state]}
            for i, state, _ in reported
        ],
    )
    delivered = [(i, at) for i, state, at in reported if state is DeliveryState.DELIVERED]
    if delivered:
        connection.execute(
            update(messages)
            .where(and_(messages.c.id == bindparam("key"), messages.c.delivered_at.is_(None)))
            .values(delivered_at=bindparam("at", type_=Instant)),
            [{"key": i, "at": at} for i, at in delivered],
        )


def delivered_times(connection: Connection, ids: Sequence[int]) -> dict[int, datetime]:
    """Return when messages were delivered (accepted, where no delivery was reported)."""
    at = func.coalesce(messages.c.delivered_at, messages.c.accepted_at).label("at")
    rows = connection.execute(select(messages.c.id, at).where(messages.c.id.in_(ids)))
    return {row.id: row.at for row in rows if row.at is not None}


def cancel_for(
    connection: Connection,
    lead_ids: Sequence[int],
    state: MessageState,
    reason: str,
    *,
    now: datetime,
) -> int:
    """End every mail of these leads that has not begun to leave."""
    return connection.execute(
        update(messages)
        .where(messages.c.lead_id.in_(lead_ids), messages.c.state == MessageState.READY)
        .values(state=state, reason=reason, closed_at=now, lease_until=None)
    ).rowcount


def in_doubt(connection: Connection) -> list[tuple[Message, str, datetime]]:
    """Return mails that may or may not have been sent, with the reason and since when."""
    rows = connection.execute(
        select(messages)
        .where(messages.c.state.in_((MessageState.UNCERTAIN, MessageState.PARKED)))
        .order_by(messages.c.closed_at, messages.c.id)
    )
    return [(as_message(row), row.reason, row.closed_at) for row in rows]
