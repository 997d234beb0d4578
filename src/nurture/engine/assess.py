"""Assess leads whose turn it is: claim, read, judge, store."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from nurture.core.assess import Assessment, assess
from nurture.core.condition import Condition, Facts, refs_of, value_of
from nurture.core.event import EventKind, NewEvent
from nurture.core.lead import Lead
from nurture.core.project import Project
from nurture.core.recheck import ANSWER_WITHIN, Ask
from nurture.core.token import public_id
from nurture.core.wakeups import Arrival
from nurture.engine import intake
from nurture.engine.erase import erase_leads
from nurture.engine.recheck_words import say_recheck
from nurture.engine.runtime import InForce, Runtime, asked_by, today
from nurture.store import assessments, enrollments, handoffs, leads, profiles, records
from nurture.store.db import Connection
from nurture.store.history import read_facts, read_history

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
SET_ASIDE = timedelta(hours=1)


@dataclass(slots=True, kw_only=True)
class Assessed:
    """How many leads an assessment pass looked at, and what came of it."""

    leads: int = 0
    moved: int = 0
    entered: int = 0
    handoffs: int = 0
    erased: int = 0
    stale: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    lead: Lead
    facts: Facts
    found: Assessment


@dataclass(slots=True, kw_only=True)
class _Batch:
    judged: list[_Judged] = field(default_factory=list)
    failed: list[tuple[int, str]] = field(default_factory=list)


def run(
    runtime: Runtime, *, now: datetime, limit: int = 1000, lead_ids: Sequence[int] | None = None
) -> Assessed:
    """Assess leads that are due, in one batch of at most `limit`, and return what happened.

    Call it until `leads` is 0. A lead that an event reached meanwhile is left for the next pass.
    """
    counts = Assessed()
    with runtime.database.write() as connection:
        ids = assessments.claim(connection, now=now, lease=LEASE, limit=limit, lead_ids=lead_ids)
    if not ids:
        return counts
    counts.leads = len(ids)
    with runtime.database.read() as connection:
        in_force = runtime.in_force(connection)
        batch = _judge(connection, ids, in_force, now)
    with runtime.database.write() as connection:
        _store(runtime, connection, in_force, batch, counts, now)
    return counts


def _judge(connection: Connection, ids: Sequence[int], in_force: InForce, now: datetime) -> _Batch:
    project = in_force.project
    people = leads.read(connection, ids)
    people = _fresh(connection, people, now)
    asked = asked_by(project)
    day = today(project, now)
    facts = read_facts(connection, people, asked, now=now, today=day)
    history = read_history(connection, people, asked, now=now)
    batch = _Batch()
    for lead_id, lead in people.items():
        try:
            found = assess(facts[lead_id], history[lead_id], project, now=now)
        except Exception as error:
            # One lead that cannot be assessed must not hold up the rest of the batch.
            log.exception("lead=%s could not be assessed", lead_id)
            batch.failed.append((lead_id, f"{type(error).__name__}: {error}"[:200]))
        else:
            batch.judged.append(_Judged(lead=lead, facts=facts[lead_id], found=found))
    return batch


def _fresh(connection: Connection, people: dict[int, Lead], now: datetime) -> dict[int, Lead]:
    """Return the leads with facts that are valid now: what has expired is unknown again."""
    of_leads, of_accounts = profiles.current_profiles(
        connection,
        lead_ids=list(people),
        account_ids={lead.account_id for lead in people.values()},
        now=now,
    )
    return {
        lead_id: _replace_profiles(lead, of_leads[lead_id], of_accounts[lead.account_id])
        for lead_id, lead in people.items()
    }


def _replace_profiles(lead: Lead, own: dict[str, object], account: dict[str, object]) -> Lead:
    return replace(lead, profile=leads.as_profile(own), account=leads.as_profile(account))


def _store(
    runtime: Runtime,
    connection: Connection,
    in_force: InForce,
    batch: _Batch,
    counts: Assessed,
    now: datetime,
) -> None:
    for lead_id, reason in batch.failed:
        records.note_leads(
            connection, [(lead_id, "assessment", f"set aside: {reason}", {})], now=now
        )
        leads.set_check(connection, [lead_id], at=now + SET_ASIDE)
    counts.failed = len(batch.failed)
    still = leads.unchanged(connection, {j.lead.id: j.lead.version for j in batch.judged})
    judged = [j for j in batch.judged if j.lead.id in still]
    counts.stale = len(batch.judged) - len(judged)
    if not judged:
        return
    assessments.keep(connection, [(j.lead, j.found) for j in judged], now=now)
    leads.store_profiles(connection, {j.lead.id: j.lead.profile for j in judged})
    leads.store_account_profiles(connection, {j.lead.account_id: j.lead.account for j in judged})
    _record(runtime, connection, judged, in_force, now)
    counts.moved = sum(len(j.found.moves) for j in judged)
    counts.handoffs = _hand_off(runtime, connection, judged, in_force, now)
    counts.entered = _enter(connection, judged, in_force, now)
    enrollments.wake(connection, [j.lead.id for j in judged], now=now)
    closing = [j.lead.id for j in judged if j.found.erase]
    if closing:
        erase_leads(runtime, connection, closing, reason="closed", now=now)
        counts.erased = len(closing)


def _record(
    runtime: Runtime,
    connection: Connection,
    judged: Sequence[_Judged],
    in_force: InForce,
    now: datetime,
) -> None:
    records.note_moves(
        connection, [(j.lead.id, move) for j in judged for move in j.found.moves], now=now
    )
    rules = {rule.gate: rule for rule in in_force.project.qualification.gates}
    changed = []
    for j in judged:
        for gate, verdict in j.found.standing.verdicts.items():
            if verdict is not j.lead.standing.verdicts[gate]:
                why = _evidence(rules[gate].when, j.facts) if gate in rules else {}
                changed.append((j.lead.id, gate, verdict, why))
    records.note_verdicts(connection, changed, now=now)
    _ask(connection, judged, in_force, now)
    days = [_arrived(j.lead, one) for j in judged for one in j.found.arrived]
    intake.record_held(runtime, connection, days, project=in_force.project, now=now)


def _as_found(j: _Judged) -> Facts:
    """Return the facts with the standing that was found, for what is said about it."""
    return replace(j.facts, lead=replace(j.facts.lead, standing=j.found.standing))


def _arrived(lead: Lead, one: Arrival) -> NewEvent:
    """Return the event of a day that a lead named: once a day and field, whoever looks."""
    return NewEvent(
        lead_id=lead.id,
        kind=EventKind.DATE_ARRIVED,
        subject=one.key,
        occurred_at=one.at,
        source="calendar",
        source_key=f"{lead.uid}/{one.key}/{one.at.isoformat()}",
    )


def _ask(
    connection: Connection, judged: Sequence[_Judged], in_force: InForce, now: datetime
) -> None:
    """Ask the owner of a stage about leads that fail its re-check, each thing once.

    A question whose reason is gone is closed: nobody is to be hurried to answer it.
    """
    project = in_force.project
    asked = [
        records.Question(
            lead_id=j.lead.id,
            key=one.key,
            title=say_recheck(project, _as_found(j), one),
            team=_asked_team(project, one),
            due_at=now + (one.within or ANSWER_WITHIN),
        )
        for j in judged
        for one in j.found.asks
    ]
    keys = {j.lead.id: {one.key for one in j.found.asks} for j in judged}
    over = records.settle_questions(connection, keys, now=now)
    fresh = records.ask_once(connection, asked, now=now)
    noted: list[tuple[int, str, str, dict[str, str]]] = [
        (each.lead_id, "re-qualification", f"asked {each.team} to look: {each.title}", {})
        for each in asked
        if (each.lead_id, each.key) in fresh
    ]
    noted += [(i, "re-qualification", f"{records.SETTLED}: {title}", {}) for i, title in over]
    records.note_leads(connection, noted, now=now)


def _asked_team(project: Project, ask: Ask) -> str:
    """Return who is asked: who answers handoffs, about somebody hot; else the stage's owner."""
    endpoint = project.endpoints.get(project.qualification.handoff.endpoint)
    if ask.within is not None and endpoint is not None:
        return endpoint.team
    return project.qualification.stages[ask.stage].owner


def _evidence(condition: Condition, facts: Facts) -> dict[str, object]:
    """Return the values that a gate's condition read, by reference."""
    return {ref.text: value_of(ref, facts) for ref in refs_of(condition)}


def _hand_off(
    runtime: Runtime,
    connection: Connection,
    judged: Sequence[_Judged],
    in_force: InForce,
    now: datetime,
) -> int:
    endpoint = in_force.project.qualification.handoff.endpoint
    new = [
        handoffs.NewHandoff(
            uid="msg_"
            + public_id(
                runtime.secrets.identity,
                f"handoff/{j.lead.uid}/{j.found.standing.cycle}/{endpoint}",
            ),
            lead_id=j.lead.id,
            cycle=j.found.standing.cycle,
            endpoint=endpoint,
            readiness=j.found.standing.readiness,
        )
        for j in judged
        if j.found.hand_off
    ]
    handoffs.create(connection, new, now=now)
    records.note_leads(
        connection,
        [(h.lead_id, "qualified", f"waits to be handed to {endpoint}", {}) for h in new],
        now=now,
    )
    return len(new)


def _enter(
    connection: Connection, judged: Sequence[_Judged], in_force: InForce, now: datetime
) -> int:
    project = in_force.project
    entries: list[enrollments.Entry] = []
    notes: list[tuple[int, str, str, dict[str, str]]] = []
    for j in judged:
        for name in j.found.enter:
            sequence = project.sequences[name]
            entries.append(
                enrollments.Entry(
                    lead_id=j.lead.id,
                    sequence=name,
                    exclusive=sequence.exclusive,
                    step=sequence.first,
                )
            )
            notes.append((j.lead.id, f"enter when {sequence.enter_text}", f"entered {name}", {}))
    entered = enrollments.enter(connection, entries, release_id=in_force.release_id, now=now)
    records.note_leads(connection, notes, now=now)
    return entered
