"""A trial handoff: the body that an endpoint would get, made of a made-up lead."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from nurture.core.assess import assess
from nurture.core.condition import Facts
from nurture.core.dossier import DossierInput, KnownFact, dossier
from nurture.core.errors import MisuseError
from nurture.core.history import History
from nurture.core.project import Endpoint, Project
from nurture.engine.evidence import Evidence
from nurture.engine.explain_json import explained_json
from nurture.engine.explain_score import explain_score
from nurture.engine.moments import Zones
from nurture.engine.person import Person
from nurture.engine.provenance import Provenance
from nurture.engine.runtime import today
from nurture.engine.samples import sample_lead
from nurture.engine.words import Words
from nurture.project.nearest import did_you_mean

TRIAL = "lead.handoff.test"
"""The type of a trial: a receiver that knows only real types ignores it."""


def endpoint_of(project: Project, name: str) -> Endpoint:
    """Return the endpoint, or say which there are."""
    endpoint = project.endpoints.get(name)
    if endpoint is None:
        hint = did_you_mean(name, project.endpoints)
        raise MisuseError(f"there is no endpoint {name!r} in handoffs; {hint}")
    return endpoint


def make_trial(project: Project, endpoint: Endpoint, *, now: datetime) -> tuple[str, bytes]:
    """Return the id and the body of a trial for the endpoint."""
    lead = sample_lead(project, now=now)
    facts = Facts(lead=lead, today=today(project, now))
    person = Person(
        lead=lead,
        name="Alex Sample",
        company="Sample Works",
        facts=facts,
        history=History(),
        found=assess(facts, History(), project, now=now),
        provenance=Provenance(told=()),
        project=project,
        zones=Zones(lead=lead.time_zone, home=project.workspace.time_zone),
        words=Words(project=project),
    )
    explained = explain_score(person, Evidence(answered={}), now=now)
    known = [
        KnownFact(key=f"{owner}.{name}", value=value, source="trial", at=now)
        for owner, profile in (("lead", lead.profile), ("account", lead.account))
        for name, value in profile.items()
    ]
    told = dossier(
        DossierInput(
            lead=lead,
            name=person.name,
            facts=known,
            events=(),
            sent=(),
            colleagues=(),
            account_name=person.company,
            stage_from=str(lead.standing.stage),
            explain=explained_json(explained, person.words, person.zones),
        ),
        project,
    )
    uid = f"msg_trial{now:%Y%m%d%H%M%S}"
    accept_by = now + timedelta(seconds=endpoint.accept_within_seconds)
    handoff = {"id": uid, "cycle": 1, "sla": {"accept_by": accept_by.isoformat()}}
    body = {"type": TRIAL, "timestamp": now.isoformat(), "data": {"handoff": handoff, **told}}
    return uid, json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
