"""Hand qualified leads to sales: release within capacity, deliver signed, retry, keep the clock."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Protocol

from nurture.core.buyer import shown, step_map
from nurture.core.dossier import DossierInput, KnownFact, dossier
from nurture.core.event import EventKind, NewEvent
from nurture.core.known import as_statement, known
from nurture.core.lead import Lead, Temperature
from nurture.core.persona import persona_of
from nurture.core.project import Endpoint, Project
from nurture.core.token import Grant, Purpose
from nurture.core.wakeups import answer_hot_within
from nurture.engine import in_line, intake
from nurture.engine.account_view import account_told, look_at_account
from nurture.engine.evidence import read_evidence
from nurture.engine.explain_json import MOST_ROWS, explained_json
from nurture.engine.explain_score import explain_score
from nurture.engine.links import link
from nurture.engine.person import look_at
from nurture.engine.runtime import InForce, Runtime, today
from nurture.store import events, handoffs, leads, profiles, records, timeline
from nurture.store.db import Connection

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
# Standard Webhooks 1.0, the published retry schedule.
RETRIES = tuple(
    timedelta(seconds=s) for s in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one call: `kind` is delivered, retry, refused or gone."""

    kind: str
    status: int | None
    detail: str
    retry_after: timedelta | None = None


class Sender(Protocol):
    """Signs and posts one body to an endpoint; never raises for trouble out there."""

    def post(self, endpoint: Endpoint, uid: str, body: bytes, *, now: datetime) -> Answer:
        """Return what came of it."""
        ...


@dataclass(slots=True, kw_only=True)
class HandedOff:
    """What one handoff pass did."""

    released: int = 0
    withdrawn: int = 0
    incomplete: int = 0
    claimed: int = 0
    delivered: int = 0
    retried: int = 0
    dead: int = 0
    overdue: int = 0


def run(
    runtime: Runtime,
    sender: Sender,
    *,
    now: datetime,
    limit: int = 100,
    lead_ids: Sequence[int] | None = None,
) -> HandedOff:
    """Release what capacity allows, deliver what is due, and mark what sales left unanswered."""
    counts = HandedOff()
    with runtime.database.write() as connection:
        in_force = runtime.in_force(connection)
        _release(runtime, connection, in_force, counts, now)
        _watch_clock(connection, in_force.project, counts, now)
        claimed = handoffs.claim(connection, now=now, lease=LEASE, limit=limit, lead_ids=lead_ids)
    counts.claimed = len(claimed)
    for handoff in claimed:
        _deliver(runtime, sender, in_force.project, handoff, counts, now)
    return counts


# -- release -------------------------------------------------------------------------------------


def _release(
    runtime: Runtime,
    connection: Connection,
    in_force: InForce,
    counts: HandedOff,
    now: datetime,
) -> None:
    for turn in in_line.turns(connection, in_force, now=now):
        if turn.withdrawn:
            handoffs.withdraw(connection, turn.handoff.id, reason=turn.withdrawn)
            counts.withdrawn += 1
            leads.touch(connection, [turn.lead.id], now=now)
        elif turn.held:
            handoffs.keep_waiting(connection, turn.handoff, reason=turn.held)
            counts.incomplete += 1
        else:
            _let_go(runtime, connection, in_force, turn.handoff, turn.lead, now)
            counts.released += 1


def _let_go(
    runtime: Runtime,
    connection: Connection,
    in_force: InForce,
    handoff: handoffs.Handoff,
    lead: Lead,
    now: datetime,
) -> None:
    endpoint = in_force.project.endpoints[handoff.endpoint]
    accept_by = now + _clock(endpoint, lead, in_force.project)
    body, complete = payload(runtime, connection, in_force, handoff, lead, accept_by, now)
    handoffs.release(
        connection, handoff.id, body=body, completeness=complete, accept_by=accept_by, now=now
    )
    # Locked in the transaction that releases it: no mail passes the gate from here on.
    leads.lock(connection, [lead.id])
    leads.touch(connection, [lead.id], now=now)


def _clock(endpoint: Endpoint, lead: Lead, project: Project) -> timedelta:
    """Return how long sales has to answer: for somebody hot no longer than was promised them."""
    usual = timedelta(seconds=endpoint.accept_within_seconds)
    promised = answer_hot_within(project)
    if promised is None or lead.standing.temperature is not Temperature.HOT:
        return usual
    return min(usual, promised)


def payload(
    runtime: Runtime,
    connection: Connection,
    in_force: InForce,
    handoff: handoffs.Handoff,
    lead: Lead,
    accept_by: datetime,
    now: datetime,
) -> tuple[str, int]:
    """Return the exact body of the handoff's webhook and the dossier's completeness."""
    project = in_force.project
    told = dossier(_gather(runtime, connection, lead, project, now), project)
    grant = Grant(purpose=Purpose.SALES, subject=handoff.uid.removeprefix("msg_"))
    data = {
        "handoff": {
            "id": handoff.uid,
            "cycle": handoff.cycle,
            "sequence": handoff.id,
            "sla": {"accept_by": accept_by.isoformat()},
            "links": {"answer": link(runtime.secrets.links, project.workspace.public_url, grant)},
        },
        **told,
    }
    body = {"type": handoff.kind, "timestamp": now.isoformat(), "data": data}
    return json.dumps(body, ensure_ascii=False, sort_keys=True), int(told["completeness"])


def _gather(
    runtime: Runtime, connection: Connection, lead: Lead, project: Project, now: datetime
) -> DossierInput:
    moves = records.moves_of(connection, lead.id)
    name = " ".join(
        str(lead.profile[key]) for key in ("first_name", "last_name") if lead.profile.get(key)
    )
    past = events.of_lead(connection, lead.id)
    deeds = [(event.kind, event.subject, event.occurred_at) for event in past if event.human]
    return DossierInput(
        lead=lead,
        name=name,
        facts=_known(connection, lead, now),
        events=past,
        shown=shown(deeds, step_map(project), now=now),
        sent=timeline.sent_to(connection, lead.id),
        colleagues=timeline.colleagues(connection, lead.account_id, besides=lead.id),
        account_name=timeline.account_name(connection, lead.account_id),
        stage_from=str(moves[-1][1].before) if moves else str(lead.standing.stage),
        persona=persona_of(project.personas.values(), lead, today=today(project, now), now=now),
        explain=_explained(runtime, connection, lead.id, now),
        account=account_told(look_at_account(connection, lead.account_id, project, now=now).judged),
    )


def _explained(
    runtime: Runtime, connection: Connection, lead_id: int, now: datetime
) -> dict[str, object]:
    """Return the explained score as it travels: long lists are added up at their end."""
    person = look_at(runtime, connection, lead_id, now=now)
    told = explain_score(person, read_evidence(connection, person, now=now), now=now)
    return explained_json(told, person.words, person.zones, most_rows=MOST_ROWS)


def _known(connection: Connection, lead: Lead, now: datetime) -> list[KnownFact]:
    """Return the facts that count, with those that say otherwise."""
    told = map(as_statement, profiles.facts_of(connection, lead.id, lead.account_id))
    return [
        KnownFact(
            key=key,
            value=one.held.value,
            source=one.held.source,
            at=one.held.at,
            listed=one.held.listed,
            otherwise=tuple((r.value, r.source, r.at) for r in one.rivals),
        )
        for key, one in known(told, now).items()
    ]


# -- deliver -------------------------------------------------------------------------------------


def _deliver(
    runtime: Runtime,
    sender: Sender,
    project: Project,
    handoff: handoffs.Handoff,
    counts: HandedOff,
    now: datetime,
) -> None:
    with runtime.database.write() as connection:
        attempt = handoffs.begin_attempt(connection, handoff.id, now=now)
    endpoint = project.endpoints.get(handoff.endpoint)
    answer = (
        sender.post(endpoint, handoff.uid, handoff.body.encode(), now=now)
        if endpoint is not None
        else Answer(kind="refused", status=None, detail=f"no endpoint {handoff.endpoint}")
    )
    result = _result(handoff, attempt, answer, now)
    with runtime.database.write() as connection:
        handoffs.finish_attempt(connection, result, now=now)
        if result.state == "delivered":
            counts.delivered += 1
            intake.record(
                runtime, connection, [_delivered_event(handoff, now)], project=project, now=now
            )
        elif result.state == "dead":
            counts.dead += 1
            _alert(connection, handoff, project, now)
        else:
            counts.retried += 1


def _result(
    handoff: handoffs.Handoff, attempt: int, answer: Answer, now: datetime
) -> handoffs.AttemptResult:
    state, next_at = "dead", None
    if answer.kind == "delivered":
        state = "delivered"
    elif answer.kind == "retry" and handoff.tries < len(RETRIES):
        state = "ready"
        next_at = now + max(_pause(handoff), answer.retry_after or timedelta())
    return handoffs.AttemptResult(
        attempt_id=attempt,
        handoff_id=handoff.id,
        status=answer.status,
        outcome=answer.kind,
        detail=answer.detail,
        state=state,
        next_attempt_at=next_at,
    )


def _pause(handoff: handoffs.Handoff) -> timedelta:
    """Return the schedule's pause with a stable jitter of up to a tenth."""
    base = RETRIES[handoff.tries]
    roll = int.from_bytes(
        blake2b(f"{handoff.uid}/{handoff.tries}".encode(), digest_size=2).digest()
    )
    return base * (1 + roll / 65536 / 10)


def _delivered_event(handoff: handoffs.Handoff, now: datetime) -> NewEvent:
    return NewEvent(
        lead_id=handoff.lead_id,
        kind=EventKind.HANDOFF_DELIVERED,
        subject=handoff.endpoint,
        occurred_at=now,
        source="handoff",
        source_key=f"{handoff.uid}/delivered",
        human=False,
    )


def _alert(
    connection: Connection, handoff: handoffs.Handoff, project: Project, now: datetime
) -> None:
    records.ask_about_lead(
        connection,
        lead_id=handoff.lead_id,
        title=f"Sales has not got this lead: handoff {handoff.uid} could not be delivered",
        team=_team(project, handoff.endpoint),
        due_at=now + timedelta(days=1),
        now=now,
    )


def _team(project: Project, endpoint: str) -> str:
    """Return who answers for the receiver; its name, should the project not know it any more."""
    known = project.endpoints.get(endpoint)
    return known.team if known else endpoint


# -- the clock -----------------------------------------------------------------------------------


def _watch_clock(
    connection: Connection, project: Project, counts: HandedOff, now: datetime
) -> None:
    late = handoffs.overdue(connection, now=now)
    if not late:
        return
    handoffs.mark_overdue(connection, [handoff.id for handoff in late], now=now)
    for handoff in late:
        records.ask_about_lead(
            connection,
            lead_id=handoff.lead_id,
            title=f"Sales has not answered handoff {handoff.uid} in time",
            team=_team(project, handoff.endpoint),
            due_at=now + timedelta(days=1),
            now=now,
        )
    counts.overdue = len(late)
