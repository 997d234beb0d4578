"""The operator's pages, all of them read-only: what is where, the outbox, leads, handoffs."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from nurture.core.answers import clean_text
from nurture.core.known import Statement, as_statement, known
from nurture.core.lead import Lead, Stage
from nurture.core.project import Project
from nurture.engine import sending
from nurture.engine.account_view import look_at_account
from nurture.engine.apply import project_in_force
from nurture.engine.definitions import definitions
from nurture.engine.evidence import read_evidence
from nurture.engine.explain_json import explained_json
from nurture.engine.explain_score import explain_score
from nurture.engine.person import look_at
from nurture.engine.story import tell
from nurture.store import handoffs, leads, messages, overview, profiles, timeline
from nurture.store.db import Connection
from nurture.web import outbox
from nurture.web.headers import MAIL_FRAMED
from nurture.web.operator_guard import admit
from nurture.web.pages import operator_page
from nurture.web.routes import reads
from nurture.web.site import site_of

router = APIRouter(
    tags=["operator"], dependencies=[Depends(admit)], default_response_class=HTMLResponse
)

MOST_LEADS = 100
LONGEST_ROW_ID = 18
_UID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@reads(router, "/", listed=False)
def start(request: Request) -> Response:
    """Say what is where."""
    site = site_of(request)
    project = project_in_force(site.runtime)
    with site.runtime.database.read() as connection:
        at_stage = overview.stage_counts(connection)
        mails, handed = overview.message_counts(connection), handoffs.counts(connection)
    return operator_page(
        request,
        "start.html",
        project=project,
        outbox=site.outbox_dir is not None,
        stages={stage: at_stage[stage] for stage in Stage if stage in at_stage},
        mails=mails,
        handoffs=handed,
        landings=[f for f in project.forms.values() if f.landing] if project else [],
        signed=bool(site.provider_keys),
    )


@reads(router, "/outbox", listed=False)
def list_outbox(request: Request) -> Response:
    """List the mails that were written to the outbox."""
    letters, total = outbox.newest(_outbox_dir(request))
    return operator_page(request, "outbox.html", letters=letters, total=total)


@reads(router, "/outbox/{name}", listed=False)
def show_letter(request: Request, name: str) -> Response:
    """Show one mail: headers, HTML in a frame of its own, text."""
    opened = outbox.read(_outbox_dir(request), name)
    if opened is None:
        raise HTTPException(404)
    with site_of(request).runtime.database.read() as connection:
        message = messages.by_uid(connection, name)
        owner = leads.read(connection, [message.lead_id])[message.lead_id] if message else None
    return operator_page(request, "letter.html", opened=opened, message=message, owner=owner)


@reads(router, "/outbox/{name}/html", listed=False)
def frame_letter(request: Request, name: str) -> Response:
    """Return the mail's HTML for the frame; its links open outside of it."""
    opened = outbox.read(_outbox_dir(request), name)
    if opened is None:
        raise HTTPException(404)
    html = opened.html.replace("<head>", '<head><base target="_blank">', 1)
    return HTMLResponse(html, headers={"content-security-policy": MAIL_FRAMED})


@reads(router, "/leads", listed=False)
def list_leads(request: Request) -> Response:
    """List the leads that moved last, or find one by address or id."""
    asked = clean_text(request.query_params.get("q", "")[:254].encode("utf-8", "ignore").decode())
    with site_of(request).runtime.database.read() as connection:
        if not asked:
            found = overview.newest_leads(connection, limit=MOST_LEADS)
        else:
            ids = timeline.find(connection, asked) if _can_be_found(asked) else []
            found = overview.lines_of(connection, ids)
    if asked and len(found) == 1:
        return RedirectResponse(f"/leads/{found[0].uid}", status_code=303)
    return operator_page(request, "leads.html", found=found, asked=asked, most=MOST_LEADS)


@reads(router, "/leads/{uid}", listed=False)
def show_lead(request: Request, uid: str) -> Response:
    """Show one lead: who, where it stands, what is known and from whom, and its story."""
    runtime, now = site_of(request).runtime, site_of(request).clock()
    if not _UID.fullmatch(uid):
        raise HTTPException(404)
    with runtime.database.read() as connection:
        lead_id = leads.ids_by_uid(connection, [uid]).get(uid)
        if lead_id is None:
            raise HTTPException(404)
        lead = leads.read(connection, [lead_id])[lead_id]
        project = runtime.in_force(connection).project
        person = look_at(runtime, connection, lead_id, now=now)
        evidence = read_evidence(connection, person, now=now)
        told = explain_score(person, evidence, now=now)
        story = tell(runtime, connection, lead_id, now=now)
        return operator_page(
            request,
            "lead.html",
            zone=story.zones.lead,
            lead=lead,
            facts=_facts(connection, lead_id, lead.account_id, project, now),
            consents=profiles.consents_of(connection, lead_id),
            topics=project.workspace.topics,
            colleagues=_colleagues(connection, lead, project),
            account=look_at_account(connection, lead.account_id, project, now=now),
            handoffs=handoffs.of_lead(connection, lead_id),
            story=story,
            # As of now, like the story: the row keeps what the last assessment found.
            standing=person.found.standing,
            explained=explained_json(told, person.words, person.zones),
        )


@reads(router, "/sending", listed=False)
def show_sending(request: Request) -> Response:
    """Show what stops or slows sending, what is held and until when, and the forecast."""
    site = site_of(request)
    project = project_in_force(site.runtime)
    found = sending.look(site.runtime, now=site.clock()) if project else None
    return operator_page(request, "sending.html", found=found, project=project)


@reads(router, "/definitions", listed=False)
def show_definitions(request: Request) -> Response:
    """Show what both teams mean by each stage and gate, and who signed it."""
    project = project_in_force(site_of(request).runtime)
    return operator_page(
        request, "definitions.html", said=definitions(project) if project else None
    )


@reads(router, "/handoffs", listed=False)
def list_handoffs(request: Request) -> Response:
    """List handoffs, newest first, with what became of each."""
    with site_of(request).runtime.database.read() as connection:
        found = handoffs.listing(connection)
        owners = leads.read(connection, sorted({h.lead_id for h in found}))
    return operator_page(request, "handoffs.html", found=found, owners=owners)


def _can_be_found(text: str) -> bool:
    """Say whether the text can be an address, a public id or a row id that a database takes."""
    return "@" in text or (
        _UID.fullmatch(text) is not None and not (text.isdigit() and len(text) > LONGEST_ROW_ID)
    )


def _outbox_dir(request: Request) -> Path:
    folder = site_of(request).outbox_dir
    if folder is None:
        raise HTTPException(404)
    return folder


def _facts(
    connection: Connection, lead_id: int, account_id: int, project: Project, now: datetime
) -> list[dict[str, object]]:
    """Return what is known of each field, and what others say of it."""
    told = map(as_statement, profiles.facts_of(connection, lead_id, account_id))
    return [
        _shown(one.held, project) | {"otherwise": [_shown(rival, project) for rival in one.rivals]}
        for _, one in sorted(known(told, now).items())
    ]


def _colleagues(connection: Connection, lead: Lead, project: Project) -> list[dict[str, str]]:
    """Return who else of the organization is known, with role and stage in the files' words."""
    roles = project.fields.get("lead.role")
    names = {stage.value: said.name for stage, said in project.qualification.stages.items()}
    return [
        one
        | {
            "role": (roles.choices if roles else {}).get(one["role"], one["role"]),
            "stage": names.get(one["stage"], one["stage"]),
        }
        for one in timeline.colleagues(connection, lead.account_id, besides=lead.id)
    ]


def _shown(told: Statement, project: Project) -> dict[str, object]:
    field = project.fields.get(told.key)
    values = told.value if isinstance(told.value, tuple) else (told.value,)
    shown = [field.choices.get(str(v), str(v)) if field else str(v) for v in values]
    return {
        "label": field.label if field else told.key,
        "value": ", ".join(shown),
        "source": told.source,
        "at": told.at,
    }
