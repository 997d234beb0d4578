"""Recompute what is stored from the ledger and compare: the cache is never the truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime

from nurture.core.assess import assess
from nurture.core.condition import Facts, holds
from nurture.core.history import History
from nurture.core.project import Project
from nurture.engine.runtime import Runtime, asked_by, today
from nurture.store import leads, profiles
from nurture.store.db import Connection
from nurture.store.history import Asked, read_facts, read_history
from nurture.store.invariants import settled_leads
from nurture.store.segment_sql import Page, matching

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


def segments_that_differ(
    runtime: Runtime, connection: Connection, *, now: datetime
) -> tuple[int, tuple[str, ...]]:
    """Return how many answers were compared, and the leads that a segment is wrong about.

    A segment is asked of what is stored; here every lead is worked out anew as of now, from the
    ledger, and asked one by one. A lead that is due for an assessment is left out.
    """
    project = runtime.in_force(connection).project
    compared = 0
    broken: list[str] = []
    settled = [i for ids in settled_leads(connection, now=now).values() for i in ids]
    day = today(project, now)
    for start in range(0, len(settled), BATCH):
        batch = settled[start : start + BATCH]
        anew = list(_anew(connection, batch, project, now))
        page = Page(limit=BATCH, lead_ids=batch)
        for segment in project.segments.values():
            stored = set(matching(connection, segment.when, page, now=now, today=day))
            compared += len(anew)
            broken.extend(
                f"lead {facts.lead.uid}: the segment {segment.name!r} is wrong about it"
                for facts in anew
                if holds(segment.when, facts, now=now) != (facts.lead.id in stored)
            )
    return compared, tuple(broken[:MOST_NAMED])


def _anew(
    connection: Connection, ids: list[int], project: Project, now: datetime
) -> Iterator[Facts]:
    """Yield the facts of the leads with the standing that an assessment would find now."""
    day = today(project, now)
    for known, history in as_of_now(connection, ids, asked_by(project), now=now, today=day):
        standing = assess(known, history, project, now=now).standing
        yield replace(known, lead=replace(known.lead, standing=standing))


def as_of_now(
    connection: Connection, ids: Sequence[int], asked: Asked, *, now: datetime, today: date
) -> Iterator[tuple[Facts, History]]:
    """Yield what an assessment of each lead would read now; nothing is stored."""
    people = leads.read(connection, ids)
    of_leads, of_accounts = profiles.current_profiles(
        connection,
        lead_ids=list(people),
        account_ids={lead.account_id for lead in people.values()},
        now=now,
    )
    people = {
        lead.id: replace(
            lead,
            profile=leads.as_profile(of_leads[lead.id]),
            account=leads.as_profile(of_accounts[lead.account_id]),
        )
        for lead in people.values()
    }
    facts = read_facts(connection, people, asked, now=now, today=today)
    history = read_history(connection, people, asked, now=now)
    for lead_id, known in facts.items():
        yield known, history[lead_id]
