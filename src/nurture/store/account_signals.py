"""Signals about an organization of which nobody knows who it was: kept beside the account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.event import EventKind
from nurture.store.db import Connection
from nurture.store.tables import account_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSignal:
    """One thing that somebody of the organization did, or that was said about it."""

    account_id: int
    kind: EventKind
    subject: str
    occurred_at: datetime
    source: str
    source_key: str
    human: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSignal:
    """A signal as read back."""

    kind: EventKind
    subject: str
    occurred_at: datetime
    source: str
    human: bool


def append(connection: Connection, new: Sequence[NewSignal], *, now: datetime) -> int:
    """Store signals and return how many were not there yet."""
    if not new:
        return 0
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = (
        make(account_signals)
        .on_conflict_do_nothing(index_elements=["source", "source_key"])
        .returning(account_signals.c.id)
    )
    rows = {(s.source, s.source_key): {**asdict(s), "recorded_at": now} for s in new}
    return len(connection.execute(statement, list(rows.values())).all())


def of_account(connection: Connection, account_id: int, *, limit: int) -> list[KeptSignal]:
    """Return the newest signals about an account, newest first."""
    rows = connection.execute(
        select(account_signals)
        .where(account_signals.c.account_id == account_id)
        .order_by(account_signals.c.occurred_at.desc(), account_signals.c.id.desc())
        .limit(limit)
    )
    return [
        KeptSignal(
            kind=EventKind(row.kind),
            subject=row.subject,
            occurred_at=row.occurred_at,
            source=row.source,
            human=row.human,
        )
        for row in rows
    ]
