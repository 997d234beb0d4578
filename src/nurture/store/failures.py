"""Mails that have failed: how many of late and why, and which of them are tried once more.

Who is stopped gets no mail whatever is done: their mails are not counted, and stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from nurture.core.message import MessageState
from nurture.store.db import Connection
from nurture.store.doubts import Selection
from nurture.store.sets import among
from nurture.store.tables import attempts, leads, messages

LATELY = timedelta(hours=24)
_FAILED = messages.c.failed_at.is_not(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """How many mails of the last day failed, and what most of them share."""

    mails: int = 0
    reason: str = ""
    of_that: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """One mail that failed."""

    id: int
    uid: str
    lead_id: int
    template: str
    epoch: int


def lately(connection: Connection, *, now: datetime) -> Failures:
    """Return what failed in the last day."""
    rows = connection.execute(
        select(messages.c.reason, func.count())
        .join(leads, leads.c.id == messages.c.lead_id)
        .where(messages.c.failed_at > now - LATELY, leads.c.suppressed == "")
        .group_by(messages.c.reason)
        .order_by(func.count().desc(), messages.c.reason)
    ).tuples()
    found = rows.all()
    if not found:
        return Failures()
    reason, of_that = found[0]
    return Failures(mails=sum(count for _, count in found), reason=reason, of_that=of_that)


def failed(connection: Connection, wanted: Selection) -> list[Failed]:
    """Return the failed mails of the selection, by when they failed."""
    rows = connection.execute(
        select(*[messages.c[name] for name in Failed.__dataclass_fields__])
        .join(leads, leads.c.id == messages.c.lead_id)
        .outerjoin(
            attempts,
            (attempts.c.message_id == messages.c.id) & (attempts.c.epoch == messages.c.epoch),
        )
        .where(_FAILED, leads.c.suppressed == "", *wanted.terms(messages.c.failed_at))
        .order_by(messages.c.failed_at, messages.c.id)
    )
    return [Failed(**row._mapping) for row in rows]


def retry(connection: Connection, ids: Sequence[int], *, reason: str, now: datetime) -> int:
    """Make failed mails ready once more, with all their tries; return how many still were."""
    return connection.execute(
        update(messages)
        .where(among(messages.c.id, ids), _FAILED)
        .values(
            state=MessageState.READY,
            reason=reason,
            tries=0,
            unrendered=0,
            not_before=now,
            closed_at=None,
        )
    ).rowcount
