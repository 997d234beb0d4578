"""Erase leads: name and address are gone for good, a keyed hash keeps them out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain

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
    people = leads.read(connection, lead_ids)
    accounts = {lead.account_id for lead in people.values()}
    colleagues = leads.colleagues(connection, sorted(accounts)).values()
    # Their colleagues, too: they are looked at again, and this is the order of locks.
    leads.hold(connection, {*lead_ids, *chain.from_iterable(colleagues)})
    addresses = erasure.addresses(connection, lead_ids)
    uids = {lead.id: lead.uid for lead in people.values()}
    erasure.erase(connection, lead_ids, now=now)
    _forget_at_accounts(connection, accounts, lead_ids, now)
    profiles.suppress(
        connection,
        {address_hash(runtime, address): ("erased", "") for address in addresses.values()},
        now=now,
    )
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


def _forget_at_accounts(
    connection: Connection, accounts: set[int], erased: Sequence[int], now: datetime
) -> None:
    """Let what they told about their organization go too, and look at their colleagues again."""
    if not accounts:
        return
    _, left = profiles.current_profiles(connection, account_ids=accounts, now=now)
    leads.store_account_profiles(connection, left)
    members = leads.colleagues(connection, sorted(accounts)).values()
    leads.touch(connection, {i for ids in members for i in ids} - set(erased), now=now)


def finish(runtime: Runtime) -> None:
    """Make the bytes unreadable in the database's files too."""
    erasure.scrub(runtime.database)
