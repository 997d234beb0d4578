"""What reports count of sequences and mails: each function is one set-based query.

Nothing personal is read. Reasons of mails in doubt quote what a server said, which may name an
address: the reports fold it away.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Subquery,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)

from nurture.core.event import EventKind
from nurture.core.message import DeliveryState, MessageState
from nurture.store.db import Connection, Instant
from nurture.store.messages import DOUBTFUL
from nurture.store.reporting import Row, rows
from nurture.store.tables import enrollments, events, messages, past_enrollments

# A quarter of an hour in microseconds, written out: a bound value would differ between SELECT and
# GROUP BY. Every time zone's weeks begin on a quarter of an hour.
_QUARTER: ColumnElement[int] = literal_column("900000000", BigInteger)

_ON_THE_WAY = (MessageState.READY, MessageState.DISPATCHING)
_IN_DOUBT = (MessageState.UNCERTAIN, MessageState.PARKED)
_STOPPED = (MessageState.SUPPRESSED, MessageState.EXPIRED, MessageState.CANCELLED)
_REFUSED = (DeliveryState.BOUNCED, DeliveryState.BLOCKED, DeliveryState.DROPPED)


def _in(column: Column[str], *values: MessageState | DeliveryState) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((column.in_(values), 1), else_=0)), 0)


def mails_by_step(connection: Connection) -> list[Row]:
    """Count each step's mails by state and delivery; `people` are those whom one left for."""
    state, delivery = messages.c.state, messages.c.delivery
    recipient = case((state == MessageState.ACCEPTED, messages.c.lead_id))
    place = (messages.c.sequence, messages.c.step, messages.c.template, messages.c.form)
    return rows(
        connection,
        select(
            *place,
            func.count().label("planned"),
            _in(state, MessageState.ACCEPTED).label("sent"),
            _in(state, *_ON_THE_WAY).label("on_the_way"),
            _in(state, *_IN_DOUBT).label("in_doubt"),
            _in(state, *_STOPPED).label("stopped"),
            _in(state, MessageState.FAILED).label("failed"),
            _in(delivery, DeliveryState.DELIVERED).label("delivered"),
            _in(delivery, *_REFUSED).label("refused"),
            func.count(recipient.distinct()).label("people"),
        ).group_by(*place),
    )


def _turns(subject: Column[str]) -> Subquery:
    """Mails that left, each with when the same lead was next mailed about the same subject.

    Counted from when a mail was planned: one that was in doubt may be known as sent only after
    its own click has proved it.
    """
    own = (messages.c.lead_id, subject)
    order = (messages.c.planned_at, messages.c.id)
    following = func.lead(messages.c.planned_at, type_=Instant)
    return (
        select(
            messages.c.lead_id,
            messages.c.sequence,
            messages.c.step,
            messages.c.template,
            messages.c.form,
            subject.label("subject"),
            messages.c.planned_at,
            following.over(partition_by=own, order_by=order).label("next_at"),
        )
        .where(messages.c.state == MessageState.ACCEPTED, subject != "")
        .subquery("turns")
    )


def _acted(connection: Connection, kind: EventKind, subject: Column[str]) -> list[Row]:
    turns = _turns(subject)
    place = (turns.c.sequence, turns.c.step, turns.c.template, turns.c.form)
    during = and_(
        events.c.lead_id == turns.c.lead_id,
        events.c.kind == kind,
        events.c.subject == turns.c.subject,
        events.c.human.is_(True),
        events.c.occurred_at >= turns.c.planned_at,
        or_(turns.c.next_at.is_(None), events.c.occurred_at < turns.c.next_at),
    )
    people = func.count(turns.c.lead_id.distinct()).label("people")
    return rows(
        connection, select(*place, people).select_from(turns).join(events, during).group_by(*place)
    )


def clickers_by_step(connection: Connection) -> list[Row]:
    """Count the people who clicked in a step's mail; a click belongs to the mail last sent."""
    return _acted(connection, EventKind.MESSAGE_CLICKED, messages.c.template)


def answerers_by_step(connection: Connection) -> list[Row]:
    """Count the people who submitted the form that a step's mail had asked for."""
    return _acted(connection, EventKind.FORM_SUBMITTED, messages.c.form)


def open_passages(connection: Connection) -> list[Row]:
    """Count open enrollments by sequence, step, what they wait for and why; `failing`: in error."""
    place = (
        enrollments.c.sequence,
        enrollments.c.step,
        enrollments.c.awaiting,
        enrollments.c.reason,
    )
    failing = func.sum(case((enrollments.c.failures > 0, 1), else_=0)).label("failing")
    since = type_coerce(func.min(enrollments.c.since), Instant).label("since")
    counts = func.count().label("n"), failing, since
    return rows(connection, select(*place, *counts).group_by(*place))


def past_passages(connection: Connection) -> list[Row]:
    """Count ended enrollments by sequence, step and reason."""
    place = (past_enrollments.c.sequence, past_enrollments.c.step, past_enrollments.c.reason)
    return rows(connection, select(*place, func.count().label("n")).group_by(*place))


def sends(connection: Connection) -> list[Row]:
    """Count mails that left by sequence, template and quarter of an hour (`at`: its begin)."""
    begun = type_coerce(messages.c.accepted_at, BigInteger) // _QUARTER * _QUARTER
    place = (messages.c.sequence, messages.c.template, type_coerce(begun, Instant).label("at"))
    return rows(
        connection,
        select(*place, func.count().label("n"))
        .where(messages.c.state == MessageState.ACCEPTED)
        .group_by(*place),
    )


def mails_in_doubt(connection: Connection) -> list[Row]:
    """Count mails that may or may not have left, and since when the oldest is in doubt."""
    place = (messages.c.sequence, messages.c.step, messages.c.state, messages.c.reason)
    since = type_coerce(func.min(messages.c.closed_at), Instant).label("since")
    return rows(
        connection,
        select(*place, func.count().label("n"), since).where(DOUBTFUL).group_by(*place),
    )
