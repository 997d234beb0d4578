"""Erase leads: name and address are gone for good, a keyed hash keeps them out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from nurture.engine.intake import address_hash
from nurture.engine.runtime import Runtime
from nurture.store import erasure, leads, profiles, records
from nurture.store.db import Connection


def erase_leads(
    runtime: Runtime,
    connection: Connection,
    lead_ids: Sequence[int],
    *,
    reason: str,
    now: datetime,
) -> None:
    """Remove everything personal in this transaction; call `finish` once it is committed."""
    addresses = erasure.addresses(connection, lead_ids)
    uids = {lead.id: lead.uid for lead in leads.read(connection, lead_ids).values()}
    profiles.suppress(
        connection,
        {address_hash(runtime, address): ("erased", "") for address in addresses.values()},
        now=now,
    )
    erasure.erase(connection, lead_ids, now=now)
    erasure.drop_posts_naming(connection, list(addresses.values()))
    for lead_id in sorted(uids):
        records.note_audit(
            connection,
            actor="engine",
            action="lead.erased",
            subject=uids[lead_id],
            detail={"reason": reason},
            now=now,
        )


def finish(runtime: Runtime) -> None:
    """Make the bytes unreadable in the database's files too."""
    erasure.scrub(runtime.database)
