"""Everything that is stored about one lead, table by table, for the person it is about."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, or_, select

from nurture.store.db import Connection
from nurture.store.tables import (
    accounts,
    attempts,
    event_details,
    events,
    fences,
    handoff_attempts,
    handoffs,
    leads,
    messages,
    metadata,
    raw_posts,
)

_NOT_THEIRS = frozenset(
    {"doubtful_since", "failed_at", "lease_until", "match_key", "ready_at", "version"}
)
"""Columns that say nothing about a person: they make the software work."""


def everything_about(connection: Connection, lead_id: int) -> dict[str, list[dict[str, Any]]]:
    """Return every row that is about the lead, by table, as JSON-ready values."""
    return {
        table.name: [
            {name: _plain(value) for name, value in row._mapping.items() if name not in _NOT_THEIRS}
            for row in connection.execute(
                select(table).where(where).order_by(*table.primary_key.columns)
            )
        ]
        for table, where in _theirs(connection, lead_id)
    }


def _theirs(connection: Connection, lead_id: int) -> list[tuple[Table, ColumnElement[bool]]]:
    found: list[tuple[Table, ColumnElement[bool]]] = [(leads, leads.c.id == lead_id)]
    found += [
        (table, table.c.lead_id == lead_id)
        for table in metadata.sorted_tables
        if "lead_id" in table.c
    ]
    own_account = select(leads.c.account_id).where(leads.c.id == lead_id).scalar_subquery()
    found.append((accounts, accounts.c.id == own_account))
    for child, key, parent in (
        (event_details, event_details.c.event_id, events),
        (attempts, attempts.c.message_id, messages),
        (fences, fences.c.message_id, messages),
        (handoff_attempts, handoff_attempts.c.handoff_id, handoffs),
    ):
        rows = select(parent.c.id).where(parent.c.lead_id == lead_id)
        found.append((child, key.in_(rows)))
    found.append((raw_posts, _posts_naming(connection, lead_id)))
    return found


def _posts_naming(connection: Connection, lead_id: int) -> ColumnElement[bool]:
    """Return the term for provider posts that name the lead's address."""
    email: str = connection.execute(select(leads.c.email).where(leads.c.id == lead_id)).scalar_one()
    address = email.lower().encode()
    rows = connection.execute(select(raw_posts.c.id, raw_posts.c.body)) if address else ()
    ids = [row.id for row in rows if address in bytes(row.body).lower()]
    return or_(raw_posts.c.id.in_(ids))


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case bytes() | memoryview():
            # A post tells of others too: only that it exists is theirs to know.
            return f"{len(value)} bytes"
        case _:
            return value
