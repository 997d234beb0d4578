"""What a person reads about one lead: mails sent, colleagues, the names behind ids."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from nurture.core.lead import Stage
from nurture.core.message import MessageState
from nurture.store.db import Connection
from nurture.store.tables import accounts, enrollments, leads, messages, past_enrollments

LONGEST_ID = 18
"""Digits of the largest row id a database can have, rounded down."""


def sent_to(connection: Connection, lead_id: int) -> list[tuple[datetime, str]]:
    """Return when which template was accepted for the lead."""
    rows = connection.execute(
        select(messages.c.accepted_at, messages.c.template)
        .where(messages.c.lead_id == lead_id, messages.c.state == MessageState.ACCEPTED)
        .order_by(messages.c.accepted_at, messages.c.id)
    )
    return [(row.accepted_at, row.template) for row in rows]


def messages_of(connection: Connection, lead_id: int) -> list[Mapping[str, Any]]:
    """Return every message of the lead as plain rows, oldest first."""
    rows = connection.execute(
        select(
            messages.c.uid,
            messages.c.sequence,
            messages.c.step,
            messages.c.template,
            messages.c.state,
            messages.c.delivery,
            messages.c.not_before,
            messages.c.planned_at,
            messages.c.accepted_at,
            messages.c.reason,
        )
        .where(messages.c.lead_id == lead_id)
        .order_by(messages.c.planned_at, messages.c.id)
    )
    return [dict(row._mapping) for row in rows]


def passages_of(connection: Connection, lead_id: int) -> list[Mapping[str, Any]]:
    """Return the sequences the lead has been through, oldest first."""
    rows = connection.execute(
        select(past_enrollments)
        .where(past_enrollments.c.lead_id == lead_id)
        .order_by(past_enrollments.c.id)
    )
    return [dict(row._mapping) for row in rows]


def colleagues(
    connection: Connection, account_id: int, *, besides: int, limit: int = 20
) -> list[dict[str, str]]:
    """Return who else of the organization is known: public id, name, role."""
    rows = connection.execute(
        select(leads.c.uid, leads.c.profile, leads.c.stage)
        .where(
            leads.c.account_id == account_id,
            leads.c.id != besides,
            leads.c.stage != Stage.ERASED,
        )
        .order_by(leads.c.id)
        .limit(limit)
    )
    return [
        {
            "external_id": row.uid,
            "name": " ".join(
                str(row.profile[key]) for key in ("first_name", "last_name") if row.profile.get(key)
            )
            or "unknown",
            "role": str(row.profile.get("role") or "unknown"),
            "stage": row.stage,
        }
        for row in rows
    ]


def account_name(connection: Connection, account_id: int) -> str:
    """Return the organization's name, '' if nobody has told us."""
    name: str = connection.execute(
        select(accounts.c.name).where(accounts.c.id == account_id)
    ).scalar_one()
    return name


def find(connection: Connection, text: str) -> list[int]:
    """Return the ids of leads by public id, address or row id; a prefix of the id will do.

    A number is a row's only where no public id begins like that: what people see is the public id.
    """
    wanted = text.strip().casefold()
    if "@" in wanted:
        return list(connection.scalars(select(leads.c.id).where(leads.c.match_key == wanted)))
    begins = leads.c.uid.startswith(wanted, autoescape=True)
    found = list(connection.scalars(select(leads.c.id).where(begins).limit(5)))
    if not found and wanted.isascii() and wanted.isdecimal() and len(wanted) <= LONGEST_ID:
        return list(connection.scalars(select(leads.c.id).where(leads.c.id == int(wanted))))
    return found


def open_work(connection: Connection, lead_id: int) -> list[Mapping[str, Any]]:
    """Return the lead's open enrollments as plain rows."""
    rows = connection.execute(
        select(enrollments).where(enrollments.c.lead_id == lead_id).order_by(enrollments.c.id)
    )
    return [dict(row._mapping) for row in rows]
