"""Pauses of single leads, set by a person: their open work is left alone until they end."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Text, and_, cast, exists, or_, select

from nurture.store import switches as switch
from nurture.store.db import Connection
from nurture.store.tables import switches


def pause(
    connection: Connection, lead_id: int, *, reason: str, until: datetime | None, now: datetime
) -> None:
    """Leave the lead's enrollments and mails alone, for ever or until a time."""
    switch.halt(connection, f"{switch.OF_A_LEAD}{lead_id}", reason=reason, until=until, now=now)


def resume(connection: Connection, lead_id: int) -> None:
    """Let the lead's work go on."""
    switch.resume(connection, f"{switch.OF_A_LEAD}{lead_id}")


def pause_of(
    connection: Connection, lead_id: int, *, now: datetime
) -> tuple[str, datetime | None] | None:
    """Return why the lead is paused and until when, None if it is not."""
    row = connection.execute(
        select(switches.c.reason, switches.c.until).where(
            switches.c.name == f"{switch.OF_A_LEAD}{lead_id}", _lasts(now)
        )
    ).one_or_none()
    return None if row is None else (row.reason, row.until)


def paused(
    lead_id: ColumnElement[int], *, now: datetime | ColumnElement[datetime]
) -> ColumnElement[bool]:
    """Return the term that is true for rows of leads that are paused."""
    return exists().where(
        and_(switches.c.name == switch.OF_A_LEAD + cast(lead_id, Text), _lasts(now))
    )


def _lasts(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    return or_(switches.c.until.is_(None), switches.c.until > now)
