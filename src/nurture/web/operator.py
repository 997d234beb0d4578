"""The operator's pages, all of them read-only: what is where, the outbox, leads, handoffs."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from nurture.core.answers import clean_text
from nurture.core.project import Project
from nurture.engine.apply import project_in_force
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
        return operator_page(
            "start.html",
            project=project,
            outbox=site.outbox_dir is not None,
            stages=overview.stage_counts(connection),
            mails=overview.message_counts(connection),
            handoffs=handoffs.counts(connection),
            landings=[f for f in project.forms.values() if f.landing] if project else [],
            signed=bool(site.provider_keys),
        )


@reads(router, "/outbox", listed=False)
def list_outbox(request: Request) -> Response:
    """List the mails that were written to the outbox."""
    letters, total = outbox.newest(_outbox_dir(request))
    return operator_page("outbox.html", letters=letters, total=total)


@reads(router, "/outbox/{name}", listed=False)
def show_letter(request: Request, name: str) -> Response:
    """Show one mail: headers, HTML in a frame of its own, text."""
    opened = outbox.read(_outbox_dir(request), name)
    if opened is None:
        raise HTTPException(404)
    with site_of(request).runtime.database.read() as connection:
        message = messages.by_uid(connection, name)
        owner = leads.read(connection, [message.lead_id])[message.lead_id] if message else None
    return operator_page("letter.html", opened=opened, message=message, owner=owner)


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
    return operator_page("leads.html", found=found, asked=asked, most=MOST_LEADS)


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
        return operator_page(
            "lead.html",
            lead=lead,
            facts=_facts(connection, lead_id, lead.account_id, project),
            consents=profiles.consents_of(connection, lead_id),
            colleagues=timeline.colleagues(connection, lead.account_id, besides=lead_id),
            handoffs=handoffs.of_lead(connection, lead_id),
            story=tell(runtime, connection, lead_id, now=now),
            # As of now, like the story: the row keeps what the last assessment found.
            standing=look_at(runtime, connection, lead_id, now=now).found.standing,
        )


@reads(router, "/handoffs", listed=False)
def list_handoffs(request: Request) -> Response:
    """List handoffs, newest first, with what became of each."""
    with site_of(request).runtime.database.read() as connection:
        found = handoffs.listing(connection)
        owners = leads.read(connection, sorted({h.lead_id for h in found}))
    return operator_page("handoffs.html", found=found, owners=owners)


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
    connection: Connection, lead_id: int, account_id: int, project: Project
) -> list[dict[str, object]]:
    """Return the newest fact of each field as (label, value, source, at)."""
    newest: dict[str, dict[str, object]] = {}
    for row in profiles.facts_of(connection, lead_id, account_id):
        key = f"{'account' if row['account_id'] else 'lead'}.{row['name']}"
        field = project.fields.get(key)
        values = row["value"] if isinstance(row["value"], list) else [row["value"]]
        shown = [field.choices.get(str(v), str(v)) if field else str(v) for v in values]
        newest[key] = {
            "key": key,
            "label": field.label if field else key,
            "value": ", ".join(shown),
            "source": row["source"],
            "at": row["occurred_at"],
            "until": row["valid_until"],
        }
    return [newest[key] for key in sorted(newest)]
