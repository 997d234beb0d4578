"""Messages: plan once, lease, find, accept, and keep what the provider reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    Row,
    Update,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from nurture.core.message import DELIVERY_RANK, DeliveryState, Message, MessageState
from nurture.store import leases, sets
from nurture.store.db import Connection, Instant, stored
from nurture.store.sets import Given, among
from nurture.store.tables import attempts, messages


@dataclass(slots=True, kw_only=True)
class NewMessage:
    """A mail to be planned."""

    uid: str
    lead_id: int
    enrollment_id: int
    release_id: int
    sequence: str
    step: str
    visit: int
    template: str
    template_version: str
    topic: str
    window: str
    form: str
    slots: Mapping[str, Any]
    expires_at: datetime | None


READY = messages.c.ready_at.is_not(None)
"""Mails that wait to leave; there is an index for it."""
DOUBTFUL = messages.c.doubtful_since.is_not(None)
"""Mails that are uncertain or parked; there is an index for it."""
NOT_SETTLED = or_(
    messages.c.state == MessageState.DISPATCHING,
    messages.c.state == MessageState.UNCERTAIN,
    messages.c.state == MessageState.PARKED,
)
"""Mails that have begun to leave, and nobody knows yet whether they have left."""
CAN_BE_PROVEN = or_(NOT_SETTLED, and_(READY, messages.c.epoch > 0))
"""Also what is to be sent once more: proof that it left already keeps it from leaving again."""


_PLANNED = [
    *(messages.c.uid, messages.c.lead_id, messages.c.enrollment_id),
    *(messages.c.release_id, messages.c.sequence, messages.c.step, messages.c.visit),
    *(
        messages.c.template,
        messages.c.template_version,
        messages.c.topic,
        messages.c.window,
        messages.c.form,
    ),
    *(messages.c.slots, messages.c.expires_at),
    *(messages.c.state, messages.c.not_before, messages.c.planned_at),
]


def plan(connection: Connection, new: Sequence[NewMessage], *, now: datetime) -> None:
    """Plan mails; one that is planned already stays as it is."""
    at = stored(now)
    rows = [
        (
            *(m.uid, m.lead_id, m.enrollment_id),
            *(m.release_id, m.sequence, m.step, m.visit),
            *(m.template, m.template_version, m.topic, m.window),
            *(m.form, m.slots, None if m.expires_at is None else stored(m.expires_at)),
            *("ready", at, at),
        )
        for m in new
    ]
    sets.add(connection, _PLANNED, rows, once=[messages.c.uid])


_READ = [messages.c[name] for name in Message.__dataclass_fields__]
_STATES = {str(state): state for state in MessageState}


def _as_read(row: tuple[Any, ...]) -> Message:
    # By place: names would take as long again.
    (row_id, uid, lead_id, enrollment_id, release_id, sequence, step, template, topic) = row[:9]
    (window, form, slots, state, tries, unrendered, epoch, not_before, expires_at) = row[9:18]
    planned_at, reason = row[18:20]
    return Message(
        id=row_id,
        uid=uid,
        lead_id=lead_id,
        enrollment_id=enrollment_id,
        release_id=release_id,
        sequence=sequence,
        step=step,
        template=template,
        topic=topic,
        window=window,
        form=form,
        slots=slots,
        state=_STATES[state],
        tries=tries,
        unrendered=unrendered,
        epoch=epoch,
        not_before=not_before,
        expires_at=expires_at,
        planned_at=planned_at,
        reason=reason,
    )


_QUEUE = leases.Queue(
    name="messages",
    at=messages.c.ready_at,
    row_id=messages.c.id,
    lead_id=messages.c.lead_id,
    columns=_READ,
    read=_as_read,
)
claim = _QUEUE.claim


def as_message(row: Row[Any]) -> Message:
    """Return a row of the whole table as a core value."""
    return _as_read(tuple(getattr(row, place.name) for place in _READ))


def by_uid(connection: Connection, uid: str) -> Message | None:
    """Return the message with the public id."""
    row = connection.execute(select(messages).where(messages.c.uid == uid)).one_or_none()
    return None if row is None else as_message(row)


def by_uids(connection: Connection, uids: Iterable[str]) -> dict[str, Message]:
    """Return messages by public id."""
    rows = connection.execute(select(messages).where(messages.c.uid.in_(list(uids))))
    return {row.uid: as_message(row) for row in rows}


_TAKEN = [messages.c.id, messages.c.provider_id, messages.c.accepted_at, messages.c.reason]


def _take(given: Given) -> Update:
    return (
        update(messages)
        .where(messages.c.id == given["id"], CAN_BE_PROVEN)
        .values(
            state=MessageState.ACCEPTED,
            accepted_at=given["accepted_at"],
            closed_at=given["accepted_at"],
            provider_id=given["provider_id"],
            reason=given["reason"],
        )
    )


def accept(
    connection: Connection, accepted: Mapping[int, str], *, now: datetime, reason: str = ""
) -> int:
    """Mark mails as accepted: by the provider's answer, or by evidence for those in doubt.

    `accepted`: the provider's id by mail. Return how many were not accepted before.
    """
    at = stored(now)
    rows = [(i, name, at, reason) for i, name in sorted(accepted.items())]
    return sets.change(connection, _take, _TAKEN, rows)


def _prove(given: Given) -> Update:
    began = (
        select(attempts.c.started_at)
        .where(attempts.c.message_id == messages.c.id, attempts.c.epoch == messages.c.epoch)
        .correlate(messages)
        .scalar_subquery()
    )
    left_at = func.coalesce(began, given["accepted_at"])
    return _take(given).values(accepted_at=left_at, closed_at=left_at)


def prove(
    connection: Connection, proven: Mapping[int, str], *, now: datetime, reason: str = ""
) -> int:
    """Mark mails in doubt as accepted because something shows that they have left.

    `proven`: the provider's id by mail, '' if that is not known. They count as accepted when they
    began to leave, whenever that is learned; a click on one came after that, not with it.
    """
    at = stored(now)
    rows = [(i, name, at, reason) for i, name in sorted(proven.items())]
    return sets.change(connection, _prove, _TAKEN, rows)


_HEIGHT = {
    state: rank * len(DELIVERY_RANK) - place
    for place, (state, rank) in enumerate(DELIVERY_RANK.items())
}
"""Two states of one rank have an order too, so that the order of posts decides nothing."""


def raise_delivery(
    connection: Connection, reported: Sequence[tuple[int, DeliveryState, datetime]]
) -> None:
    """Raise delivery states by what the provider reported; a lower rank changes nothing."""
    if not reported:
        return
    # In one order everywhere, so that two posts about the same mails wait, and do not lock up.
    reported = sorted(reported, key=itemgetter(0))
    rank = case(
        *[(messages.c.delivery == state, value) for state, value in _HEIGHT.items()], else_=0
    )
    connection.execute(
        update(messages)
        .where(messages.c.id == bindparam("key"), rank < bindparam("new_rank"))
        .values(delivery=bindparam("new_delivery")),
        [{"key": i, "new_delivery": state, "new_rank": _HEIGHT[state]} for i, state, _ in reported],
    )
    delivered = [(i, at) for i, state, at in reported if state is DeliveryState.DELIVERED]
    if delivered:
        connection.execute(
            update(messages)
            .where(
                messages.c.id == bindparam("key"),
                # The earliest that was reported, in whatever order reports come.
                or_(
                    messages.c.delivered_at.is_(None),
                    messages.c.delivered_at > bindparam("at", type_=Instant),
                ),
            )
            .values(delivered_at=bindparam("at", type_=Instant)),
            [{"key": i, "at": at} for i, at in delivered],
        )


def delivered_times(connection: Connection, ids: Sequence[int]) -> dict[int, datetime]:
    """Return when messages were delivered (accepted, where no delivery was reported)."""
    at = func.coalesce(messages.c.delivered_at, messages.c.accepted_at).label("at")
    rows = connection.execute(select(messages.c.id, at).where(among(messages.c.id, ids)))
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
        .where(among(messages.c.lead_id, lead_ids), READY)
        .values(state=state, reason=reason, closed_at=now)
    ).rowcount
