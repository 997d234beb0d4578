"""Recompute stored scores from the ledger and compare: the cache is never the truth."""

from __future__ import annotations

from datetime import datetime

from nurture.core.assess import assess
from nurture.core.lead import IN_PLAY
from nurture.engine.runtime import Runtime, asked_by, today
from nurture.store import leads
from nurture.store.db import Connection
from nurture.store.history import read_facts, read_history
from nurture.store.invariants import settled_leads

BATCH = 1000
MOST_NAMED = 20


def scores_that_differ(
    runtime: Runtime, connection: Connection, *, now: datetime
) -> tuple[int, tuple[str, ...]]:
    """Return how many leads were recomputed and those whose stored score is not what it explains.

    A lead that is due for assessment is left out: its cache is known to be old.
    """
    project = runtime.in_force(connection).project
    asked, day = asked_by(project), today(project, now)
    checked, broken, after = 0, [], 0
    while ids := settled_leads(connection, now=now, after_id=after, limit=BATCH):
        after = ids[-1]
        people = {
            i: lead
            for i, lead in leads.read(connection, ids).items()
            if lead.standing.stage in IN_PLAY
        }
        facts = read_facts(connection, people, asked, now=now, today=day)
        history = read_history(connection, people, asked, now=now)
        for lead_id, lead in people.items():
            engaged, fitting = assess(facts[lead_id], history[lead_id], project, now=now).scores
            checked += 1
            explained = sum(row.net for row in engaged.rows)
            same = engaged.value == lead.standing.engagement == explained
            if not same or fitting.score.value != lead.standing.fit:
                broken.append(
                    f"lead {lead.uid}: stored {lead.standing.engagement}, explained {explained}"
                )
    return checked, tuple(broken[:MOST_NAMED])
