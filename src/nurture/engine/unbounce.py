"""Lift bounces that were no fault of the address: a server that knew nobody for a while.

What else anybody has said stands: who unsubscribed, complained or was erased stays stopped, under
whatever spelling of the mailbox it was said.
"""

from __future__ import annotations

from datetime import datetime

from nurture.core.errors import MisuseError
from nurture.core.suppression import BOUNCED
from nurture.engine import intake
from nurture.engine.by_hand import Who
from nurture.engine.runtime import Runtime
from nurture.store import bounces, leads, locks, profiles, records
from nurture.store.bounces import Bounced, Bounces
from nurture.store.db import Connection


def liftable(runtime: Runtime, connection: Connection, wanted: Bounces) -> list[Bounced]:
    """Return the leads that can be mailed again: all of a mailbox, or none."""
    found: dict[str, list[Bounced]] = {}
    for lead in bounces.bounced(connection, wanted):
        if lead.email:
            found.setdefault(intake.address_hash(runtime, lead.email), []).append(lead)
    graver = {intake.address_hash(runtime, e) for e in bounces.stopped_for_more(connection)}
    known = profiles.suppressed(connection, found)
    return [
        lead
        for hashed, of_mailbox in found.items()
        if hashed not in graver and known.get(hashed, BOUNCED) == BOUNCED
        if any(each.meant for each in of_mailbox) and not any(each.other for each in of_mailbox)
        for lead in of_mailbox
    ]


def lift(
    runtime: Runtime, wanted: Bounces, who: Who, *, count: int, now: datetime
) -> list[Bounced]:
    """Let them be mailed again, if they are as many as the person has seen.

    Nothing that was stopped comes back; sequences may be entered again by their own rules.
    """
    with runtime.database.write() as connection:
        leads.hold(connection, {lead.id for lead in liftable(runtime, connection, wanted)})
        locks.before_stopping(connection)
        # Read once more: nobody can be stopped any more until this is done.
        people = liftable(runtime, connection, wanted)
        if len(people) != count:
            raise MisuseError(
                f"such bounces alone stop {len(people)} leads, and not {count}: look again, and"
                " then give that number"
            )
        bounces.lift(connection, {intake.address_hash(runtime, lead.email) for lead in people})
        bounces.unmark(connection, [lead.id for lead in people], now=now)
        # Not the reason: it may name a person, and the audit outlives an erasure.
        uids = [lead.uid for lead in people]
        records.note_audits(connection, uids, actor=who.name, action="lead.bounce_lifted", now=now)
    return people
