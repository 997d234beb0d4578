"""Ready mails that something holds back: until when, and with which reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, literal, or_, select

from nurture.store.db import Connection
from nurture.store.messages import READY
from nurture.store.pauses import paused
from nurture.store.tables import messages


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldMail:
    """One ready mail that does not leave with the next tick, or has been kept from leaving."""

    uid: str
    lead_id: int
    template: str
    reason: str
    since: datetime
    not_before: datetime
    paused: bool


def held_mails(
    connection: Connection, *, everything: bool, limit: int, now: datetime
) -> tuple[list[HeldMail], int]:
    """Return ready mails that are held, next to leave first, and how many there are in all.

    `everything`: nothing at all may leave now, so whatever is ready is held.
    """
    is_paused = paused(messages.c.lead_id, now=now)
    held = (
        literal(value=True)
        if everything
        else or_(messages.c.ready_at > now, messages.c.reason != "", is_paused)
    )
    rows = connection.execute(
        select(
            messages.c.uid,
            messages.c.lead_id,
            messages.c.template,
            messages.c.reason,
            messages.c.planned_at.label("since"),
            messages.c.not_before,
            is_paused.label("paused"),
        )
        .where(READY, held)
        .order_by(messages.c.ready_at, messages.c.id)
        .limit(limit)
    )
    found = [
        HeldMail(
            uid=row.uid,
            lead_id=row.lead_id,
            template=row.template,
            reason=row.reason,
            since=row.since,
            not_before=row.not_before,
            paused=bool(row.paused),
        )
        for row in rows
    ]
    count = select(func.count()).select_from(messages)
    whole = connection.scalar(count.where(READY, held))
    return found, whole or 0
