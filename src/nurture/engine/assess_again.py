"""Recompute stored scores from the ledger and compare: the cache is never the truth."""

from __future__ import annotations

from datetime import datetime

from nurture.core.assess import assess
from nurture.core.project import Project
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

    Each is recomputed as of its last assessment. A lead that is due for one is left out: its
    cache is known to be old.
    """
    project = runtime.in_force(connection).project
    checked, broken = 0, []
    for at, ids in settled_leads(connection, now=now).items():
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            checked += len(batch)
            broken.extend(_differing(connection, batch, project, at))
    return checked, tuple(broken[:MOST_NAMED])


def _differing(connection: Connection, ids: list[int], project: Project, at: datetime) -> list[str]:
    people = leads.read(connection, ids)
    asked = asked_by(project)
    facts = read_facts(connection, people, asked, now=at, today=today(project, at))
    history = read_history(connection, people, asked, now=at)
    broken = []
    for lead_id, lead in people.items():
        engaged, fitting = assess(facts[lead_id], history[lead_id], project, now=at).scores
        explained = sum(row.net for row in engaged.rows)
        same = engaged.value == lead.standing.engagement == explained
        if not same or fitting.score.value != lead.standing.fit:
            broken.append(
                f"lead {lead.uid}: stored {lead.standing.engagement}, explained {explained}"
            )
    return broken
