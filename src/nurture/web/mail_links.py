"""Where the links in a mail lead: on to a page, out of the list, to preferences, to the mail."""

from __future__ import annotations

import logging

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from nurture.core.errors import RefusedInput, RenderError
from nurture.core.token import Purpose
from nurture.engine import public
from nurture.engine.traces import Caller
from nurture.web.bodies import SmallBody, parse_fields
from nurture.web.headers import MAIL_ALONE
from nurture.web.pages import REVALIDATE, essentials, notice, page
from nurture.web.routes import form_body, reads
from nurture.web.site import client_of, ring, site_of

router = APIRouter(tags=["links in mails"], default_response_class=HTMLResponse)
log = logging.getLogger(__name__)


@reads(router, "/c/{token}")
def click(request: Request, token: str) -> Response:
    """Lead on to where the mail's author pointed, and nowhere else."""
    site = site_of(request)
    caller, now = _caller(request), site.clock()
    followed = public.follow_click(site.runtime, site.mailroom, token, caller, now=now)
    if followed is None:
        raise HTTPException(404)
    return RedirectResponse(followed.url, status_code=302)


def _caller(request: Request) -> Caller:
    return Caller(
        method=request.method,
        user_agent=request.headers.get("user-agent", ""),
        ip=client_of(request),
    )


def _note(request: Request, token: str, purpose: Purpose) -> None:
    site = site_of(request)
    public.note_look(site.runtime, token, purpose, _caller(request), now=site.clock())


@reads(router, "/u/{token}")
def ask_to_unsubscribe(request: Request, token: str) -> Response:
    """Show one button. Scanners follow links, so looking unsubscribes nobody."""
    site = site_of(request)
    public.preferences_token(site.runtime, token, now=site.clock())
    _note(request, token, Purpose.UNSUBSCRIBE)
    return page("unsubscribe.html", essentials(request), headers=REVALIDATE)


@router.post("/u/{token}", openapi_extra=form_body("List-Unsubscribe=One-Click, or the button"))
def unsubscribe(request: Request, token: str, body: SmallBody) -> Response:
    """Unsubscribe at once: by the page's button, or in one click by a mailbox (RFC 8058).

    The link is the proof, so whatever the body says, the mail stops. Only the page's own button
    gets a page in return.
    """
    site, now = site_of(request), site_of(request).clock()
    ring(request, public.unsubscribe(site.runtime, token, now=now))
    if not _is_button(request, body):
        return Response(status_code=200)
    back = public.preferences_token(site.runtime, token, now=now)
    return notice(
        request,
        "You are unsubscribed",
        "No more mail will leave for you. Was it a slip, or would you like some of it?",
        more=(f"/p/{back}", "Choose what we may send"),
    )


def _is_button(request: Request, body: bytes) -> bool:
    try:
        fields = parse_fields(request.headers.get("content-type", ""), body)
    except RefusedInput:
        return False
    return fields.get("by") == ["button"]


@reads(router, "/p/{token}")
def show_preferences(request: Request, token: str) -> Response:
    """Show what the person has said yes to."""
    site = site_of(request)
    known = public.preferences(site.runtime, token, now=site.clock())
    _note(request, token, Purpose.PREFERENCES)
    return page(
        "preferences.html",
        known.essentials,
        headers=REVALIDATE,
        topics=known.essentials.topics,
        chosen=known.topics,
        stopped=known.stopped,
        open=not known.stopped or known.can_return,
        answer_to=known.essentials.answer_to,
        saved=request.query_params.get("saved") == "1",
    )


@router.post("/p/{token}", openapi_extra=form_body("act: save (with topic), leave or forget"))
def change_preferences(request: Request, token: str, body: SmallBody) -> Response:
    """Give or withdraw single topics, leave all of them, or ask to be forgotten."""
    site, now = site_of(request), site_of(request).clock()
    public.preferences(site.runtime, token, now=now)
    fields = parse_fields(request.headers.get("content-type", ""), body)
    match fields.get("act"):
        case ["save"]:
            chosen = fields.get("topic", [])
            ring(request, public.choose_topics(site.runtime, token, chosen, now=now))
        case ["leave"]:
            ring(request, public.leave(site.runtime, token, now=now))
        case ["forget"] if fields.get("sure") == ["yes"]:
            return _forget(request, token)
        case ["forget"]:
            return RedirectResponse(f"/p/{token}#forget", status_code=303)
        case _:
            raise RefusedInput("act must be save, leave or forget")
    return RedirectResponse(f"/p/{token}?saved=1", status_code=303)


def _forget(request: Request, token: str) -> Response:
    site = site_of(request)
    ring(request, public.forget(site.runtime, token, now=site.clock()))
    return notice(
        request,
        "We are forgetting you",
        "Mail has stopped. Everything we know about you is being deleted; only a scrambled mark"
        " of your address stays, so that nobody adds you again.",
    )


@reads(router, "/v/{token}")
def view(request: Request, token: str) -> Response:
    """Show the mail as a page, walled off from everything else here."""
    site = site_of(request)
    try:
        html = public.view_message(site.runtime, site.mailroom, token, now=site.clock())
    except RenderError:
        log.exception("a mail cannot be shown any more")
        raise HTTPException(404) from None
    _note(request, token, Purpose.VIEW)
    return HTMLResponse(html, headers={"content-security-policy": MAIL_ALONE})
