"""What the last gate reads: the leads of a group as they are at this moment, locked."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from nurture.core.lead import Lead
from nurture.store.db import Connection
from nurture.store.leads import TOPICS, as_topics, locked_in_order, read
from nurture.store.sets import among
from nurture.store.tables import leads


def held_at_gate(connection: Connection, people: Mapping[int, Lead]) -> dict[int, Lead]:
    """Lock leads that were read before, and return them as they are now.

    Most have not changed since: those are not read again whole.
    """
    columns = (leads.c.suppressed, leads.c.locked, leads.c.time_zone, leads.c.stage)
    now = select(leads.c.id, *columns, TOPICS).where(among(leads.c.id, people))
    changed = []
    for lead_id, *state, topics in connection.execute(locked_in_order(now)).tuples().all():
        lead = people[lead_id]
        known = [lead.suppressed, lead.locked, lead.time_zone, lead.standing.stage]
        if state != known or as_topics(topics) != lead.topics:
            changed.append(lead_id)
    return {**people, **read(connection, changed)}
