"""Capture by a public form: a lead that two requests may bring at once, an opt-out taken back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from nurture.store.db import Connection
from nurture.store.leads import NewLead, insert_leads
from nurture.store.tables import leads, suppressions


def insert_if_new(connection: Connection, new: NewLead, *, now: datetime) -> bool:
    """Store the lead and say whether it was new; another request may have been quicker."""
    try:
        with connection.begin_nested():
            insert_leads(connection, [new], now=now)
    except IntegrityError:
        return False
    return True


def lift(
    connection: Connection, lead_id: int | None, address_hash: str, *, reason: str, now: datetime
) -> None:
    """Take the address off the suppression list, if it stands there for this very reason.

    No enrollment is woken and no mail comes back: what was stopped stays stopped.
    """
    connection.execute(
        delete(suppressions).where(
            suppressions.c.address_hash == address_hash, suppressions.c.reason == reason
        )
    )
    connection.execute(
        update(leads)
        .where(leads.c.id == lead_id, leads.c.suppressed == reason)
        .values(suppressed="", check_at=now, version=leads.c.version + 1)
    )
