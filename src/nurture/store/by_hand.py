"""What a person changes by hand: a mail in doubt is sent again, planned mail is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from nurture.core.message import Message, MessageState
from nurture.store.db import Connection
from nurture.store.messages import as_message
from nurture.store.sets import among
from nurture.store.tables import messages

IN_DOUBT = (MessageState.UNCERTAIN, MessageState.PARKED)


def find_message(connection: Connection, text: str) -> list[Message]:
    """Return the messages whose public id begins with the text, at most a few."""
    rows = connection.execute(
        select(messages)
        .where(messages.c.uid.startswith(text.strip().casefold(), autoescape=True))
        .order_by(messages.c.id)
        .limit(5)
    )
    return [as_message(row) for row in rows]


def send_again(connection: Connection, ids: Sequence[int], *, reason: str, now: datetime) -> int:
    """Make mails in doubt ready again; return how many had not been settled meanwhile."""
    return connection.execute(
        update(messages)
        .where(among(messages.c.id, ids), messages.c.state.in_(IN_DOUBT))
        .values(
            state=MessageState.READY,
            reason=reason,
            not_before=now,
            closed_at=None,
        )
    ).rowcount


def take_back(
    connection: Connection,
    lead_id: int,
    enrollment_ids: Sequence[int],
    *,
    reason: str,
    now: datetime,
) -> int:
    """Cancel mails of a lead's enrollments that have not begun to leave; return how many."""
    return connection.execute(
        update(messages)
        .where(
            messages.c.lead_id == lead_id,
            messages.c.enrollment_id.in_(enrollment_ids),
            messages.c.state == MessageState.READY,
        )
        .values(state=MessageState.CANCELLED, reason=reason, closed_at=now)
    ).rowcount
