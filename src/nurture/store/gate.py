"""What the last gate reads: the leads of a group as they are at this moment, locked."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from nurture.core.lead import Lead
from nurture.store.db import Connection
from nurture.store.leads import NO_TOPICS, locked_in_order, read, topics_of
from nurture.store.sets import among
from nurture.store.tables import leads


def held_at_gate(connection: Connection, people: Mapping[int, Lead]) -> dict[int, Lead]:
    """Lock leads that were read before, and return them as they are now.

    Most have not changed since: those are not read again whole.
    """
    ids = list(people)
    now = locked_in_order(
        select(leads.c.id, leads.c.stage, leads.c.suppressed, leads.c.locked, leads.c.time_zone)
        .where(among(leads.c.id, ids))
    )  # fmt: skip
    rows = connection.execute(now).tuples().all()
    topics = topics_of(connection, ids)
    changed = []
    for lead_id, *state in rows:
        lead = people[lead_id]
        known = [lead.standing.stage, lead.suppressed, lead.locked, lead.time_zone]
        if state != known or topics.get(lead_id, NO_TOPICS) != lead.topics:
            changed.append(lead_id)
    return {**people, **read(connection, changed)}
