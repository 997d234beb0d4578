"""Mail that the provider keeps for a while: its fences, what is called back, places taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    and_,
    case,
    delete,
    func,
    not_,
    null,
    or_,
    select,
    tuple_,
    update,
)

from nurture.core.gate import MAX_TRIES
from nurture.core.lead import Stage
from nurture.core.message import DeliveryState, MessageState
from nurture.store import sets
from nurture.store.db import Connection, stored
from nurture.store.messages import DOUBTFUL
from nurture.store.sets import among
from nurture.store.tables import attempts, fences, leads, messages

CALLED_BACK = "called back"
"""The outcome of an attempt whose mail the provider threw away because we asked it to."""

Key = tuple[int, int]
"""A mail's id and the epoch of its attempt."""

_NOT_LEFT = messages.c.delivery.in_((DeliveryState.NONE, DeliveryState.PROCESSED))
"""Nothing was reported that only a mail that has left can meet with."""
_ACCEPTED = messages.c.state == MessageState.ACCEPTED
_ASKED = and_(fences.c.asked_at.is_not(None), fences.c.freed_at.is_(None))
_BEGUN = [fences.c.message_id, fences.c.epoch, fences.c.batch_id, fences.c.send_at]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fenced:
    """A mail with its fence. `stopped`: why its lead gets no mail any more, '' if they do."""

    message_id: int
    uid: str
    epoch: int
    batch_id: str
    send_at: datetime
    expires_at: datetime | None
    is_asked: bool
    before: int
    stopped: str

    @property
    def key(self) -> Key:
        """The attempt that it belongs to."""
        return self.message_id, self.epoch


def begin(connection: Connection, new: Sequence[tuple[int, int, str, datetime]]) -> None:
    """Record the fences of attempts: (mail, epoch, the provider's id, when it leaves)."""
    sets.add(connection, _BEGUN, [(i, epoch, name, stored(at)) for i, epoch, name, at in new])


def any_open(connection: Connection, *, now: datetime) -> bool:
    """Return whether any mail is kept, or any place taken at the provider."""
    is_kept = select(fences.c.message_id).where(fences.c.send_at >= now).exists()
    is_taken = select(fences.c.message_id).where(_ASKED).exists()
    return bool(connection.scalar(select(is_kept)) or connection.scalar(select(is_taken)))


def places(connection: Connection) -> int:
    """Return how many cancellations may stand at the provider now."""
    return connection.scalar(select(func.count()).select_from(fences).where(_ASKED)) or 0


def in_doubt(
    connection: Connection, transport: str, *, after: datetime, again_at: datetime, limit: int
) -> list[Fenced]:
    """Return mails in doubt that leave after then: uncertain, or asked for and not answered.

    Those alone that may leave once more at `again_at`: the others would take their places. Who is
    to get none any more is not among them (`of_the_stopped`).
    """
    uncertain = and_(DOUBTFUL, messages.c.state == MessageState.UNCERTAIN)
    unanswered = and_(_ASKED, _TAKEN)
    not_expired = or_(messages.c.expires_at.is_(None), messages.c.expires_at >= again_at)
    may_again = and_(not_expired, _times_called_back() < MAX_TRIES, not_(_IS_STOPPED))
    found = [
        *_fenced(connection, transport, and_(uncertain, may_again), after, limit),
        *_fenced(connection, transport, and_(unanswered, may_again), after, limit),
    ]
    return sorted(found, key=lambda mail: (mail.send_at, mail.message_id))[:limit]


def of_the_stopped(
    connection: Connection, transport: str, *, after: datetime, limit: int
) -> list[Fenced]:
    """Return mails that leave after then to people who are to get none any more.

    Also those of which nobody knows whether they were taken, and however late they are.
    """
    found = [
        *_fenced(connection, transport, and_(_TAKEN, _IS_STOPPED), after, limit),
        *_fenced(connection, transport, and_(DOUBTFUL, _IS_STOPPED), after, limit),
    ]
    return sorted(found, key=lambda mail: (mail.send_at, mail.message_id))[:limit]


_IS_STOPPED = or_(leads.c.suppressed != "", leads.c.stage == Stage.ERASED)
_TAKEN = and_(_ACCEPTED, fences.c.called_back_at.is_(None), _NOT_LEFT)
"""Accepted, and kept by the provider as far as anybody knows."""


def _fenced(
    connection: Connection,
    transport: str,
    where: ColumnElement[bool],
    after: datetime,
    limit: int,
) -> list[Fenced]:
    rows = connection.execute(
        select(
            messages.c.id.label("message_id"),
            messages.c.uid,
            messages.c.epoch,
            fences.c.batch_id,
            fences.c.send_at,
            messages.c.expires_at,
            fences.c.asked_at.is_not(None).label("is_asked"),
            _times_called_back().label("before"),
            case((_IS_STOPPED, func.coalesce(func.nullif(leads.c.suppressed, ""), "erased")),
                 else_="").label("stopped"),
        )
        .join(
            fences,
            and_(fences.c.message_id == messages.c.id, fences.c.epoch == messages.c.epoch),
        )
        .join(
            attempts,
            and_(attempts.c.message_id == messages.c.id, attempts.c.epoch == messages.c.epoch),
        )
        .join(leads, leads.c.id == messages.c.lead_id)
        .where(where, fences.c.send_at >= after, attempts.c.transport == transport)
        .order_by(fences.c.send_at, messages.c.id)
        .limit(limit)
    )  # fmt: skip
    return [Fenced(**row._mapping) for row in rows]


def _times_called_back() -> ScalarSelect[int]:
    earlier = fences.alias("earlier")
    return (
        select(func.count())
        .where(earlier.c.message_id == messages.c.id, earlier.c.called_back_at.is_not(None))
        .correlate(messages)
        .scalar_subquery()
    )


def kept_for(
    connection: Connection, transport: str, domains: Collection[str], *, after: datetime
) -> dict[int, str]:
    """Return whom nobody has stopped, at these domains, with mail that leaves after then.

    Their addresses, by lead.
    """
    at_one = or_(*(leads.c.match_key.endswith(f"@{each}") for each in sorted(domains)))
    rows = connection.execute(
        select(leads.c.id, leads.c.email)
        .distinct()
        .join(messages, messages.c.lead_id == leads.c.id)
        .join(
            fences,
            and_(fences.c.message_id == messages.c.id, fences.c.epoch == messages.c.epoch),
        )
        .join(
            attempts,
            and_(attempts.c.message_id == messages.c.id, attempts.c.epoch == messages.c.epoch),
        )
        .where(
            *(fences.c.send_at >= after, attempts.c.transport == transport),
            *(or_(_TAKEN, DOUBTFUL), not_(_IS_STOPPED), at_one),
        )
    )
    return {row.id: row.email for row in rows}


def ask(connection: Connection, mail: Fenced, *, now: datetime) -> None:
    """Note that the provider is about to be asked; commit before it is."""
    connection.execute(update(fences).where(_is(mail)).values(asked_at=now))


def note_called_back(connection: Connection, mail: Fenced, *, now: datetime) -> bool:
    """Let the mail leave once more, or end it where its person was stopped; False: it had left.

    Whatever said meanwhile that the provider had taken it said nothing more than that.
    """
    connection.execute(update(fences).where(_is(mail)).values(called_back_at=now))
    connection.execute(
        update(attempts)
        .where(attempts.c.message_id == mail.message_id, attempts.c.epoch == mail.epoch)
        .values(outcome=CALLED_BACK, finished_at=now)
    )
    moved = connection.execute(
        update(messages)
        .where(
            messages.c.id == mail.message_id,
            messages.c.epoch == mail.epoch,
            or_(
                messages.c.state.in_((MessageState.UNCERTAIN, MessageState.PARKED)),
                and_(_ACCEPTED, _NOT_LEFT),
            ),
        )
        .values(
            state=MessageState.SUPPRESSED if mail.stopped else MessageState.READY,
            reason=f"called back: {mail.stopped}" if mail.stopped else "called back in time",
            delivery=DeliveryState.NONE,
            provider_id="",
            accepted_at=null(),
            not_before=now,
            closed_at=now if mail.stopped else null(),
        )
    )
    return moved.rowcount == 1


def note_stays_kept(connection: Connection, mail: Fenced) -> None:
    """Note that the provider has not cancelled it: no place is taken, and it may still be asked."""
    connection.execute(
        update(fences).where(_is(mail), fences.c.called_back_at.is_(None)).values(asked_at=null())
    )


def asked(connection: Connection, keys: Collection[Key]) -> dict[Key, bool]:
    """Return which of these attempts were asked back, and whether they are; their rows are held.

    An answer to such an attempt says that the provider took the mail, and no more that it leaves.
    """
    rows = connection.execute(
        select(fences)
        .where(
            tuple_(fences.c.message_id, fences.c.epoch).in_(sorted(keys)),
            fences.c.asked_at.is_not(None),
        )
        .order_by(fences.c.message_id, fences.c.epoch)
        .with_for_update()
    )
    return {(row.message_id, row.epoch): row.called_back_at is not None for row in rows}


def asked_until(connection: Connection, ids: Collection[int]) -> dict[int, datetime]:
    """Return when the last fence ends of each of these mails that were asked back."""
    rows = connection.execute(
        select(fences.c.message_id, fences.c.send_at)
        .where(among(fences.c.message_id, ids), fences.c.asked_at.is_not(None))
        .order_by(fences.c.message_id, fences.c.epoch)
        .with_for_update()
    )
    return {row.message_id: row.send_at for row in rows}


def kept_until(
    connection: Connection, ids: Collection[int], *, now: datetime
) -> dict[int, datetime]:
    """Return until when the last attempts of these mails are kept that were not called back."""
    rows = connection.execute(
        select(fences.c.message_id, fences.c.send_at)
        .join(messages, messages.c.id == fences.c.message_id)
        .where(
            among(fences.c.message_id, ids),
            fences.c.epoch == messages.c.epoch,
            fences.c.send_at > now,
            fences.c.called_back_at.is_(None),
        )
    )
    return {row.message_id: row.send_at for row in rows}


# -- places at the provider ----------------------------------------------------------------------


def to_free(connection: Connection, *, before: datetime, limit: int) -> list[tuple[Key, str]]:
    """Return cancellations of mails that would have left before then."""
    rows = connection.execute(
        select(fences)
        .where(_ASKED, fences.c.send_at < before)
        .order_by(fences.c.send_at)
        .limit(limit)
    )
    return [((row.message_id, row.epoch), row.batch_id) for row in rows]


def note_freed(connection: Connection, keys: Collection[Key], *, now: datetime) -> None:
    """Note that these cancellations are gone from the provider."""
    for message_id, epoch in sorted(keys):
        connection.execute(
            update(fences)
            .where(fences.c.message_id == message_id, fences.c.epoch == epoch)
            .values(freed_at=now)
        )


def forget(connection: Connection, *, before: datetime) -> int:
    """Drop fences of mails that left, or would have, before then and take up no place."""
    settled = or_(fences.c.asked_at.is_(None), fences.c.freed_at.is_not(None))
    return connection.execute(delete(fences).where(fences.c.send_at < before, settled)).rowcount


def _is(mail: Fenced) -> ColumnElement[bool]:
    return and_(fences.c.message_id == mail.message_id, fences.c.epoch == mail.epoch)
