"""A trial handoff: the body that an endpoint would get, made of a made-up lead."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from nurture.core.assess import History, assess
from nurture.core.condition import Facts
from nurture.core.dossier import DossierInput, KnownFact, dossier
from nurture.core.errors import MisuseError
from nurture.core.project import Endpoint, Project
from nurture.engine.runtime import today
from nurture.engine.samples import sample_lead
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
    engaged, fitting = assess(facts, History(), project, now=now).scores
    known = [
        KnownFact(key=f"{owner}.{name}", value=value, source="trial", at=now)
        for owner, profile in (("lead", lead.profile), ("account", lead.account))
        for name, value in profile.items()
    ]
    told = dossier(
        DossierInput(
            lead=lead,
            name="Alex Sample",
            facts=known,
            events=(),
            sent=(),
            colleagues=(),
            account_name="Sample Works",
            engagement=engaged,
            fit=fitting,
            stage_from=str(lead.standing.stage),
        ),
        project,
    )
    uid = f"msg_trial{now:%Y%m%d%H%M%S}"
    accept_by = now + timedelta(seconds=endpoint.accept_within_seconds)
    handoff = {"id": uid, "cycle": 1, "sla": {"accept_by": accept_by.isoformat()}}
    body = {"type": TRIAL, "timestamp": now.isoformat(), "data": {"handoff": handoff, **told}}
    return uid, json.dumps(body, ensure_ascii=False, sort_keys=True).encode()
