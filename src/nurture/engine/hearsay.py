"""A lead from hearsay: a name or a number, a note, and no address. People find out the rest.

It stays a lead: without an address nothing can be mailed, and nothing is known to qualify it by.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from nurture.core.answers import LONGEST_NAME, clean_text
from nurture.core.errors import MisuseError, RefusedInput
from nurture.core.event import EventKind, NewEvent
from nurture.core.lead import Stage
from nurture.core.project import Project
from nurture.core.token import public_id
from nurture.engine import intake
from nurture.engine.accounts import account_of
from nurture.engine.by_hand import Who
from nurture.engine.runtime import Runtime
from nurture.engine.story_notes import BY_HAND
from nurture.store import leads, records
from nurture.store.db import Connection

HEARSAY = "hearsay"
TIME_TO_ASK = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What somebody told us of a person."""

    name: str = ""
    phone: str = ""
    company: str = ""
    note: str = ""
    source: str = HEARSAY


def add(runtime: Runtime, heard: Heard, who: Who, *, now: datetime) -> str:
    """Store the lead with a task to find out more; return its public id."""
    told = _cleaned(heard)
    known_by = "\x1f".join(each.casefold() for each in (told.name, told.phone, told.company))
    fingerprint = sha256(known_by.encode()).hexdigest()[:32]
    uid = public_id(runtime.secrets.identity, f"lead/hearsay/{fingerprint}")
    with runtime.database.write() as connection:
        project = runtime.in_force(connection).project
        _expect_new(connection, uid)
        leads.insert_leads(connection, [_new_lead(told, uid, project, now)], now=now)
        lead_id = leads.ids_by_uid(connection, [uid])[uid]
        captured = NewEvent(
            lead_id=lead_id,
            kind=EventKind.LEAD_CAPTURED,
            subject=told.source,
            occurred_at=now,
            source=BY_HAND,
            source_key=f"{uid}/captured",
            detail={"note": told.note},
        )
        intake.record(runtime, connection, [captured], project=project, now=now)
        lead = leads.read(connection, [lead_id])[lead_id]
        answers = intake.answers_about(
            lead, _values(told, project).items(), source=f"{HEARSAY} {who.name}", occurred_at=now
        )
        intake.store_answers(connection, answers, project=project, now=now)
        records.ask_about_lead(
            connection,
            lead_id=lead_id,
            title=f"Find out who this is, and their address: {told.name or told.phone}",
            team=project.qualification.stages[Stage.PROSPECT].owner,
            due_at=now + TIME_TO_ASK,
            now=now,
        )
        records.note_audit(
            connection, actor=who.name, action="lead.added", subject=uid, detail={}, now=now
        )
    return uid


def _expect_new(connection: Connection, uid: str) -> None:
    known = leads.ids_by_uid(connection, [uid])
    if not known:
        return
    (lead,) = leads.read(connection, list(known.values())).values()
    if lead.standing.stage is Stage.ERASED:
        raise MisuseError(
            f"this person was lead {uid[:12]}, was erased, and is kept out: only they can come back"
        )
    raise MisuseError(f"this is lead {uid[:12]} already; see `nurture lead show`")


def _cleaned(heard: Heard) -> Heard:
    try:
        told = Heard(
            name=clean_text(heard.name, longest=LONGEST_NAME),
            phone=clean_text(heard.phone, longest=LONGEST_NAME),
            company=clean_text(heard.company, longest=LONGEST_NAME),
            note=clean_text(heard.note),
            source=clean_text(heard.source, longest=LONGEST_NAME) or HEARSAY,
        )
    except RefusedInput as error:
        raise MisuseError(str(error)) from None
    if not told.name and not told.phone:
        raise MisuseError("say by what to know the person: --name or --phone")
    if "@" in told.name + told.phone:
        raise MisuseError("that is an address; bring it in with its consent by `nurture import`")
    return told


def _new_lead(told: Heard, uid: str, project: Project, now: datetime) -> leads.NewLead:
    account_key, account_name = account_of("", told.company, uid, project)
    return leads.NewLead(
        uid=uid,
        email="",
        match_key=None,
        time_zone=project.workspace.time_zone,
        language="en",
        source=told.source,
        account_key=account_key,
        account_name=account_name,
        note=told.note,
        suppressed="",
        captured_at=now,
    )


def _values(told: Heard, project: Project) -> dict[str, str]:
    """Return what was told by the fields that the project has for it."""
    first, _, last = told.name.rpartition(" ")
    found = {
        "lead.first_name": first,
        "lead.last_name": last,
        "lead.phone": told.phone,
        "account.name": told.company,
    }
    return {key: value for key, value in found.items() if value and key in project.fields}
