"""Departures: a row for each group of mail that leaves, from before its first byte to its end.

They are how mail that is leaving is found: it is in no queue any more, and in no other yet.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
)

from nurture.core.message import MessageState
from nurture.store.db import Connection
from nurture.store.sets import among
from nurture.store.tables import departures, messages

_BEGUN = insert(departures).returning(departures.c.id)
_ENDED = delete(departures).where(departures.c.id == bindparam("departure_id"))


def begin(connection: Connection, message_ids: Collection[int], *, deadline: datetime) -> int:
    """Note that these mails leave together, and until when they are to be settled."""
    departure_id: int = connection.execute(
        _BEGUN, {"deadline": deadline, "message_ids": sorted(message_ids)}
    ).scalar_one()
    return departure_id


def end(connection: Connection, departure_id: int) -> None:
    """Forget a departure: all of its mails are settled."""
    connection.execute(_ENDED, {"departure_id": departure_id})


def end_overdue(connection: Connection, *, now: datetime) -> set[int]:
    """Forget departures that nobody has ended in time, and return the mails that they held."""
    overdue = delete(departures).where(departures.c.deadline < now)
    held = connection.scalars(overdue.returning(departures.c.message_ids))
    return {message_id for ids in held for message_id in ids}


def is_leaving(connection: Connection) -> ColumnElement[bool]:
    """Return the term that is true for the mails that are leaving at this moment."""
    held = connection.scalars(select(departures.c.message_ids))
    ids = {message_id for ids in held for message_id in ids}
    return and_(among(messages.c.id, ids), messages.c.state == MessageState.DISPATCHING)


def lost(connection: Connection) -> list[str]:
    """Return mails, by public id, whose state is that they are leaving, and no departure has them.

    Asked at once: between two questions a mail may begin to leave.
    """
    each = (
        func.json_array_elements_text(departures.c.message_ids)
        if connection.dialect.name == "postgresql"
        else func.json_each(departures.c.message_ids)
    ).table_valued("value", joins_implicitly=True)
    held = (
        select(literal(1))
        .select_from(departures, each)
        .where(cast(each.c.value, BigInteger) == messages.c.id)
        .correlate(messages)
    )
    found = select(messages.c.uid).where(
        messages.c.state == MessageState.DISPATCHING, ~held.exists()
    )
    return list(connection.scalars(found))
