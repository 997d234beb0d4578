"""Signals about an organization of which nobody knows who it was: kept beside the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, tzinfo

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.event import EventKind
from nurture.core.score import LOOKED_BACK, Tally
from nurture.store.db import Connection
from nurture.store.sets import among
from nurture.store.tables import account_signals, events, leads


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


def tallies(
    connection: Connection, account_ids: Sequence[int], zone: tzinfo, *, now: datetime
) -> dict[int, list[Tally]]:
    """Return what people did of whom nobody knows who they are, by account, as scores count it."""
    rows = connection.execute(
        select(
            account_signals.c.account_id,
            account_signals.c.kind,
            account_signals.c.subject,
            account_signals.c.occurred_at,
        ).where(
            among(account_signals.c.account_id, account_ids),
            account_signals.c.occurred_at > now - LOOKED_BACK,
            account_signals.c.occurred_at <= now,
            account_signals.c.human,
        )
    )
    counted: Counter[tuple[int, EventKind, str, int]] = Counter()
    for row in rows:
        day = row.occurred_at.astimezone(zone).date().toordinal()
        counted[row.account_id, EventKind(row.kind), row.subject, day] += 1
    found: dict[int, list[Tally]] = {}
    for (account_id, kind, subject, day), count in sorted(counted.items()):
        tally = Tally(kind=kind, subject=subject, day=day, count=count)
        found.setdefault(account_id, []).append(tally)
    return found


def deeds_of_people(
    connection: Connection,
    account_ids: Sequence[int],
    kinds: Collection[EventKind],
    *,
    since_day: int,
    now: datetime,
) -> dict[int, list[list[Tally]]]:
    """Return what the people of the accounts did since the day, one list a person, by account."""
    columns = (leads.c.account_id, events.c.lead_id, events.c.kind, events.c.subject, events.c.day)
    rows = connection.execute(
        select(*columns, func.count().label("times"))
        .join_from(leads, events, events.c.lead_id == leads.c.id)
        .where(
            among(leads.c.account_id, account_ids),
            events.c.kind.in_(sorted(kinds)),
            events.c.day >= since_day,
            events.c.occurred_at <= now,
            events.c.human,
        )
        .group_by(*columns)
        .order_by(*columns)
    )
    found: dict[int, dict[int, list[Tally]]] = {}
    for row in rows:
        tally = Tally(kind=EventKind(row.kind), subject=row.subject, day=row.day, count=row.times)
        found.setdefault(row.account_id, {}).setdefault(row.lead_id, []).append(tally)
    return {account_id: list(people.values()) for account_id, people in found.items()}
