"""What goes wrong, as a page for people and as a line of JSON for programs."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from nurture.core.errors import (
    DamagedRelease,
    MisuseError,
    NurtureError,
    ProjectError,
    RefusedInput,
    TokenError,
)
from nurture.store.outage import Outage, called
from nurture.web.pages import notice
from nurture.web.site import desk_of

log = logging.getLogger(__name__)

_FOR_PROGRAMS = ("/hooks/", "/healthz", "/openapi.json")

_SAID = {
    400: ("This could not be read", "Go back and try once more, please."),
    401: ("This page is for the operator", "It opens with the operator token as password."),
    403: (
        "This page is for the operator",
        "It opens on the machine itself, or anywhere with an operator token.",
    ),
    404: ("This link does not work", "It may be incomplete or out of date. Is there a newer mail?"),
    405: ("This does not work here", "Use the buttons on the page, please."),
    408: ("That took too long", "Check your connection and try once more, please."),
    413: ("That was too much text", "Go back and shorten your answers, please."),
    429: ("That was very often", "Wait a minute and try once more, please."),
    503: ("We are back in a moment", "Nothing was lost. Try once more in a minute, please."),
}
_OTHER = ("Something went wrong", "That was our mistake. Try once more in a minute, please.")


def failure(request: Request, status: int, detail: str = "") -> Response:
    """Return the answer for a status; every cause of one status gets the same page."""
    title, text = _SAID.get(status, _OTHER)
    headers = {"retry-after": "60"} if status in (429, 503) else {}
    response: Response
    if request.url.path.startswith(_FOR_PROGRAMS):
        response = JSONResponse({"error": detail or title}, status_code=status)
    else:
        response = notice(request, title, text, status=status)
    response.headers.update(headers)
    return response


def install(app: FastAPI) -> None:
    """Let every error end in one of these answers."""

    @app.exception_handler(TokenError)
    def bad_link(request: Request, _error: TokenError) -> Response:
        # Forged, foreign, expired, unknown, erased: the same answer for all.
        return failure(request, 404)

    @app.exception_handler(RefusedInput)
    def refused(request: Request, error: RefusedInput) -> Response:
        return failure(request, 400, str(error))

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, _error: RequestValidationError) -> Response:
        return failure(request, 400)

    @app.exception_handler(HTTPException)
    def stopped(request: Request, error: HTTPException) -> Response:
        detail = error.detail if request.url.path.startswith(_FOR_PROGRAMS) else ""
        response = failure(request, error.status_code, detail)
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(MisuseError)
    def not_ready(request: Request, error: MisuseError) -> Response:
        log.error("%s", error)
        return failure(request, 503, str(error))

    @app.exception_handler(DamagedRelease)
    @app.exception_handler(ProjectError)
    def not_loaded(request: Request, error: NurtureError) -> Response:
        log.error("the release in force cannot be loaded: %s", error)
        return failure(request, 503, "the release in force cannot be loaded; try again later")

    for kind in Outage:
        app.exception_handler(kind)(_out_of_order)
    app.exception_handler(Exception)(_unforeseen)


def _out_of_order(request: Request, error: Exception) -> Response:
    log.error("the database cannot be used: %s", called(error))
    return failure(request, 503)


def _unforeseen(request: Request, _error: Exception) -> Response:
    # Answered outside of our middleware; Starlette then raises it again for the server's log.
    response = failure(request, 500)
    for name, value in desk_of(request).headers.items():
        response.headers.setdefault(name, value)
    return response
