"""Pages with questions: the personal form behind a link, and the public one."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from nurture.engine import forms, landing
from nurture.engine.forms import OpenForm, Problem, Problems, Values
from nurture.web.bodies import SmallBody, parse_fields
from nurture.web.pages import REVALIDATE, page
from nurture.web.questions import questions_for
from nurture.web.routes import form_body, reads
from nurture.web.site import client_of, desk_of, ring, site_of

router = APIRouter(tags=["forms"], default_response_class=HTMLResponse)


@reads(router, "/f/{token}")
def show_form(request: Request, token: str) -> Response:
    """Show the questions that are still open; no stored value is on the page."""
    site = site_of(request)
    opened = forms.open_profile(site.runtime, token, now=site.clock())
    if not opened.questions:
        return _notice(opened, "Nothing left to ask", "You have told us all of this already.")
    return _profile(opened, {}, ())


@router.post("/f/{token}", openapi_extra=form_body("Fields of the form by their keys"))
def post_form(request: Request, token: str, body: SmallBody) -> Response:
    """Take the answers; show the form again with what is wrong, or lead on to the thanks."""
    site, now = site_of(request), site_of(request).clock()
    # The link first: a stranger learns nothing about forms from how a body is refused.
    forms.open_profile(site.runtime, token, now=now)
    values = parse_fields(request.headers.get("content-type", ""), body)
    outcome = forms.submit_profile(site.runtime, token, values, now=now)
    if isinstance(outcome, Problems):
        return _profile(outcome.opened, values, outcome.problems)
    ring(request, outcome.lead_ids)
    return RedirectResponse(f"/f/{token}/thanks", status_code=303)


@reads(router, "/f/{token}/thanks")
def thank(request: Request, token: str) -> Response:
    """Thank for the answers."""
    site = site_of(request)
    opened = forms.open_profile(site.runtime, token, now=site.clock())
    return _notice(opened, opened.form.thanks_title, opened.form.thanks_text)


@reads(router, "/l/{form}")
def show_landing(request: Request, form: str) -> Response:
    """Show a public form."""
    return _landing(request, _open(request, form), {}, ())


@router.post("/l/{form}", openapi_extra=form_body("email, consent, and fields by their keys"))
def post_landing(request: Request, form: str, body: SmallBody) -> Response:
    """Capture a lead; known, new and unwanted addresses all get the same answer."""
    desk, site = desk_of(request), site_of(request)
    opened = _open(request, form)
    if not (desk.personal.allow(client_of(request)) and desk.everybody.allow("")):
        raise HTTPException(429)
    values = parse_fields(request.headers.get("content-type", ""), body)
    outcome = landing.submit_landing(
        site.runtime, opened, values, now=site.clock(), shortest=site.shortest_form
    )
    if isinstance(outcome, Problems):
        return _landing(request, opened, values, outcome.problems)
    ring(request, outcome.lead_ids)
    return RedirectResponse(f"/l/{opened.form.name}/thanks", status_code=303)


@reads(router, "/l/{form}/thanks")
def thank_stranger(request: Request, form: str) -> Response:
    """Thank for the interest."""
    opened = _open(request, form)
    return _notice(opened, opened.form.thanks_title, opened.form.thanks_text)


def _open(request: Request, name: str) -> OpenForm:
    opened = landing.open_landing(site_of(request).runtime, name)
    if opened is None:
        raise HTTPException(404)
    return opened


def _profile(opened: OpenForm, values: Values, problems: Sequence[Problem]) -> Response:
    return page(
        "form.html",
        opened.project,
        status=422 if problems else 200,
        headers=REVALIDATE,
        form=opened.form,
        questions=questions_for(opened.questions, values, problems),
        problems=problems,
        preferences_url=opened.preferences_url,
    )


def _landing(
    request: Request, opened: OpenForm, values: Values, problems: Sequence[Problem]
) -> Response:
    site = site_of(request)
    # The first stamp stays while somebody corrects the form, unless it is what was wrong.
    given = next(iter(values.get(landing.SHOWN, ())), "")
    stale = any(problem.key == "" for problem in problems)
    fresh = landing.stamp(site.runtime, opened.form.name, now=site.clock())
    return page(
        "landing.html",
        opened.project,
        status=422 if problems else 200,
        headers=REVALIDATE,
        form=opened.form,
        questions=questions_for(opened.questions, values, problems),
        problems=problems,
        wrong={problem.key: problem.text for problem in problems},
        email=next(iter(values.get(landing.EMAIL, ())), ""),
        consents=values.get(landing.CONSENT) == ["yes"],
        shown=fresh if stale or not given else given,
    )


def _notice(opened: OpenForm, title: str, text: str) -> Response:
    return page("notice.html", opened.project, title=title, text=text, more=("", ""))
