"""The page behind the link in a dossier: who it is, why now, and sales' answer."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from nurture.core.errors import RefusedInput
from nurture.engine import answering
from nurture.web.bodies import SmallBody, parse_fields
from nurture.web.pages import page
from nurture.web.routes import form_body, reads
from nurture.web.site import ring, site_of

router = APIRouter(tags=["sales"], default_response_class=HTMLResponse)

CHOICES = {
    "accepted": "We take it on",
    "meeting": "A meeting is set",
    "recycled": "Not now: keep in touch for us",
    "rejected": "Not for us",
    "won": "Won",
    "lost": "Lost",
}
SAID = CHOICES | {"working": "We are at it"}
"""Answers as the page repeats them; that they are at it only sales' own system says."""


@reads(router, "/s/{token}")
def show_handoff(request: Request, token: str) -> Response:
    """Show the dossier in short, and ask for an answer."""
    return _page(request, token)


@router.post("/s/{token}", openapi_extra=form_body("answer, and reason where one is needed"))
def answer_handoff(request: Request, token: str, body: SmallBody) -> Response:
    """Take sales' answer."""
    site, now = site_of(request), site_of(request).clock()
    answering.open_handoff(site.runtime, token, now=now)
    fields = parse_fields(request.headers.get("content-type", ""), body)
    kind, reason = (next(iter(fields.get(name, ())), "") for name in ("answer", "reason"))
    try:
        lead_id = answering.answer(site.runtime, token, kind, reason, now=now)
    except RefusedInput as error:
        return _page(request, token, kind=kind, reason=reason, problem=str(error))
    ring(request, () if lead_id is None else (lead_id,))
    return RedirectResponse(f"/s/{token}", status_code=303)


def _page(
    request: Request, token: str, *, kind: str = "", reason: str = "", problem: str = ""
) -> Response:
    site = site_of(request)
    opened = answering.open_handoff(site.runtime, token, now=site.clock())
    return page(
        "sales.html",
        opened.essentials,
        status=422 if problem else 200,
        handoff=opened.handoff,
        told=opened.dossier,
        said=SAID.get(opened.answer, opened.answer),
        choices=CHOICES,
        kind=kind or opened.answer,
        reason=reason,
        problem=problem,
    )
