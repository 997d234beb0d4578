"""Who is next to be handed to sales: the readiest first, within the capacity of a week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.core.dossier import completeness, known_keys
from nurture.core.lead import QUALIFYING_GATES, Gate, Lead, Verdict
from nurture.core.project import HandoffRule
from nurture.engine.runtime import InForce
from nurture.engine.words import VERDICT_SAYS
from nurture.store import handoffs, leads, overrides
from nurture.store.db import Connection
from nurture.store.handoffs import Handoff

LOOK_PAST = 200
"""How many handoffs are read at once beside the room there is: some cannot go out yet."""
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A handoff whose turn it is: it goes out unless there is a reason to end or to hold it."""

    handoff: Handoff
    lead: Lead
    withdrawn: str = ""
    held: str = ""


def turns(
    connection: Connection, in_force: InForce, *, now: datetime, look_past: int = LOOK_PAST
) -> Iterator[Turn]:
    """Yield whose turn it is while there is room, however many in front have to wait.

    Each is to be dealt with before the next is asked for.
    """
    rule = in_force.project.qualification.handoff
    after: handoffs.Place | None = None
    size = rule.capacity_per_week + look_past
    while page := handoffs.waiting(connection, limit=size, after=after):
        used = handoffs.released_since(connection, rule.endpoint, now - WEEK)
        room = rule.capacity_per_week - used
        people = leads.read(connection, [handoff.lead_id for handoff in page])
        vouched = _vouched(connection, people, now)
        for handoff in page:
            if room <= 0:
                return
            lead = people[handoff.lead_id]
            withdrawn = _no_longer(lead, rule)
            held = "" if withdrawn else _not_yet(handoff, lead, in_force, vouched)
            yield Turn(handoff=handoff, lead=lead, withdrawn=withdrawn, held=held)
            room -= not (withdrawn or held)
        last = page[-1]
        after = (people[last.lead_id].standing.readiness, last.created_at, last.id)


def _no_longer(lead: Lead, rule: HandoffRule) -> str:
    """Return why a waiting handoff may not go out any more, '' if it may."""
    if lead.suppressed:
        return f"suppressed: {lead.suppressed}"
    if not rule.reached_by(lead.standing.stage):
        return f"stage is {lead.standing.stage}"
    if lead.standing.verdicts[Gate.NURTURED] is not Verdict.PASS:
        return "no longer nurtured"
    return ""


def _not_yet(handoff: Handoff, lead: Lead, in_force: InForce, vouched: frozenset[int]) -> str:
    """Return why a handoff waits although there is room for it, '' if it may go out."""
    project = in_force.project
    if handoff.endpoint not in project.endpoints:
        return f"the project has no receiver {handoff.endpoint!r} any more"
    gate = _open_gate(lead)
    if gate is not None and lead.id not in vouched:
        return f"the gate {gate} {VERDICT_SAYS[lead.standing.verdicts[gate]]} again"
    ready, floor = lead.standing.readiness, project.qualification.handoff.floor
    if ready < floor:
        return f"readiness is {ready}, sales wants {floor}"
    complete = completeness(known_keys(lead), project)
    least = project.qualification.handoff.minimum_completeness
    if complete < least:
        return f"the dossier is {complete} % complete, sales wants {least} %"
    return ""


def _open_gate(lead: Lead) -> Gate | None:
    """Return the first gate that let the lead come so far and does not pass any more."""
    answers = lead.standing.verdicts
    return next((gate for gate in QUALIFYING_GATES if answers[gate] is not Verdict.PASS), None)


def _vouched(connection: Connection, people: Mapping[int, Lead], now: datetime) -> frozenset[int]:
    """Return who is at their stage by a person's word, whatever the gates say."""
    asked = [lead.id for lead in people.values() if _open_gate(lead) is not None]
    if not asked:
        return frozenset()
    said = overrides.read(connection, asked, now=now)
    return frozenset(lead_id for lead_id, found in said.items() if found.stage is not None)
