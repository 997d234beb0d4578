"""One lead looked at closely: everything that an explanation of it needs, read once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from nurture.core.assess import Assessment, assess
from nurture.core.condition import Facts
from nurture.core.errors import MisuseError
from nurture.core.history import History
from nurture.core.lead import Lead
from nurture.core.moves import heard
from nurture.core.project import Project
from nurture.engine.moments import Zones
from nurture.engine.provenance import Provenance, read_provenance
from nurture.engine.runtime import Runtime, asked_by, today
from nurture.engine.words import Words
from nurture.store import leads, profiles, timeline
from nurture.store.db import Connection
from nurture.store.history import read_facts, read_history


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A lead with what is known about it now, and what an assessment would find now."""

    lead: Lead
    name: str
    company: str
    facts: Facts
    history: History
    found: Assessment
    provenance: Provenance
    project: Project
    zones: Zones
    words: Words


def find_lead(connection: Connection, text: str) -> int:
    """Return the id of the lead with this id, beginning of an id, or address."""
    found = timeline.find(connection, text)
    if not found:
        raise MisuseError(f"no lead is called {text!r}; `nurture lead list` shows who there is")
    if len(found) > 1:
        raise MisuseError(f"{text!r} is the beginning of several ids; give more of it")
    return found[0]


def look_at(runtime: Runtime, connection: Connection, lead_id: int, *, now: datetime) -> Person:
    """Read the lead and assess it as of now, without storing anything."""
    project = runtime.in_force(connection).project
    lead = _with_valid_facts(connection, leads.read(connection, [lead_id])[lead_id], now)
    asked = asked_by(project)
    day = today(project, now)
    facts = read_facts(connection, {lead_id: lead}, asked, now=now, today=day)[lead_id]
    told = read_history(connection, {lead_id: lead}, asked, now=now)[lead_id]
    history = heard(facts, told, project, now)
    return Person(
        lead=lead,
        name=_name(lead),
        company=_company(connection, lead),
        facts=facts,
        history=history,
        found=assess(facts, history, project, now=now),
        provenance=read_provenance(connection, lead),
        project=project,
        zones=Zones(lead=lead.time_zone, home=project.workspace.time_zone),
        words=Words(project=project),
    )


def _with_valid_facts(connection: Connection, lead: Lead, now: datetime) -> Lead:
    own, account = profiles.current_profiles(
        connection, lead_ids=[lead.id], account_ids=[lead.account_id], now=now
    )
    return replace(
        lead,
        profile=leads.as_profile(own[lead.id]),
        account=leads.as_profile(account[lead.account_id]),
    )


def _name(lead: Lead) -> str:
    names = [str(lead.profile.get(key, "")) for key in ("first_name", "last_name")]
    return " ".join(name for name in names if name)


def _company(connection: Connection, lead: Lead) -> str:
    told = lead.account.get("name")
    return str(told) if told else timeline.account_name(connection, lead.account_id)
