"""Put the site together: routes, headers, failures. This process never imports Prefect."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse

import nurture
from nurture.core.errors import MisuseError
from nurture.store import releases
from nurture.store.outage import Outage
from nurture.transports.sendgrid_events import EventVerifier
from nurture.web import failures, forms, hooks, mail_links, operator, sales
from nurture.web.headers import SecurityHeaders, always
from nurture.web.limits import Limiter
from nurture.web.pages import static_file
from nurture.web.routes import reads
from nurture.web.site import Desk, Site, site_of

__all__ = ["Site", "create_app"]

EVERYBODY_FACTOR = 60
"""All callers together may post to public forms as often as so many busy ones."""

router = APIRouter(tags=["service"])


def create_app(site: Site) -> FastAPI:
    """Return the application that serves the site."""
    app = FastAPI(
        title="Nurture",
        version=nurture.__version__,
        description="Pages behind links in mails, public forms, and hooks for mail and sales.",
        docs_url=None,
        redoc_url=None,
        # A redirect would name the host that the request claims.
        redirect_slashes=False,
    )
    headers = always(https=_public_url(site).startswith("https://"))
    app.state.desk = Desk(
        site=site,
        verifier=(
            EventVerifier(site.provider_keys, max_age=site.provider_max_age)
            if site.provider_keys
            else None
        ),
        personal=Limiter(site.posts_per_minute),
        everybody=Limiter(site.posts_per_minute * EVERYBODY_FACTOR),
        headers=headers,
    )
    for part in (forms, mail_links, sales, hooks, operator):
        app.include_router(part.router)
    app.include_router(router)
    failures.install(app)
    app.add_middleware(SecurityHeaders, headers=headers)
    return app


@reads(router, "/healthz")
def health(request: Request) -> Response:
    """Say whether pages can be served: the database answers and a project is in force.

    If that cannot be loaded, nobody is to be kept from the pages by which people leave.
    """
    runtime = site_of(request).runtime
    try:
        with runtime.database.read() as connection:
            readable = runtime.readable(connection) is not None
            if not readable and releases.current(connection) is None:
                raise MisuseError("nothing is in force")  # noqa: TRY301 (told as one of two)
    except (MisuseError, *Outage) as error:
        return JSONResponse({"status": "down", "why": type(error).__name__}, status_code=503)
    return JSONResponse({"status": "ok" if readable else "the release cannot be loaded"})


@reads(router, "/static/{name}", listed=False)
def static(name: str) -> Response:
    """Serve a static file of the package."""
    return static_file(name)


@reads(router, "/favicon.ico", listed=False)
def icon() -> Response:
    """Say that there is none, to browsers that ask for it whatever the page says."""
    kept = {
        "cache-control": "public, max-age=86400",
        "cross-origin-resource-policy": "cross-origin",
    }
    return Response(status_code=204, headers=kept)


def _public_url(site: Site) -> str:
    try:
        with site.runtime.database.read() as connection:
            return site.runtime.essentials(connection).public_url
    except Outage:
        return ""
