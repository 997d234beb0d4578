"""Templates and static files of this package, and how a page is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from importlib import resources

from fastapi import HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from nurture.core.essentials import NOBODY, Essentials
from nurture.core.project import Project
from nurture.engine.moments import say_moment, say_seconds
from nurture.store.outage import Outage
from nurture.web.headers import OPERATOR
from nurture.web.site import site_of

REVALIDATE = {"cache-control": "private, no-cache"}
"""For pages with a form: Back shows them with what was typed."""


class Static:
    """The static files, each under a name that changes with its content."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}
        self._names: dict[str, str] = {}
        for file in sorted(
            resources.files(__package__).joinpath("static").iterdir(), key=lambda f: f.name
        ):
            content = file.read_bytes()
            stem, _, suffix = file.name.rpartition(".")
            name = f"{stem}-{sha256(content).hexdigest()[:10]}.{suffix}"
            self._files[name] = content
            self._names[file.name] = name

    def url(self, file: str) -> str:
        """Return the path under which the file is served."""
        return f"/static/{self._names[file]}"

    def content(self, name: str) -> bytes | None:
        """Return the file that is served under the name."""
        return self._files.get(name)


STATIC = Static()


@pass_context
def _moment(context: Context, at: datetime | None) -> str:
    return say_moment(at, context["zone"]) if at else "-"


def _lasted(span: timedelta) -> str:
    return say_seconds(int(span.total_seconds()))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__ or "nurture.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["static"] = STATIC.url
    environment.filters["moment"] = _moment
    environment.filters["lasted"] = _lasted
    return environment


_PAGES = _environment()


def page(
    template: str,
    whose: Project | Essentials | None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: object,
) -> HTMLResponse:
    """Return a public page in the company's name, as far as anybody can tell it."""
    if isinstance(whose, Project):
        company = whose.workspace.company
    else:
        company = whose.company if whose else NOBODY
    content = _PAGES.get_template(template).render(company=company, **values)
    return HTMLResponse(content, status_code=status, headers=dict(headers or {}))


def operator_page(
    request: Request, template: str, *, zone: str = "", **values: object
) -> HTMLResponse:
    """Return a page of the operator's, which may frame a mail; `zone` '' is the workspace's."""
    content = _PAGES.get_template(template).render(
        here=request.url.path, zone=zone or essentials(request).time_zone, **values
    )
    return HTMLResponse(content, headers={"content-security-policy": OPERATOR})


def notice(
    request: Request, title: str, text: str, *, status: int = 200, more: tuple[str, str] = ("", "")
) -> HTMLResponse:
    """Return a page with one message and perhaps a link: its path, its words.

    It comes even if the database has nothing to say.
    """
    return page(
        "notice.html", essentials(request), status=status, title=title, text=text, more=more
    )


def essentials(request: Request) -> Essentials:
    """Return what can be told of the project in force, nothing while the database is out."""
    runtime = site_of(request).runtime
    try:
        with runtime.database.read() as connection:
            return runtime.essentials(connection)
    except Outage:
        return Essentials()


def static_file(name: str) -> Response:
    """Answer with a static file that may be kept for ever: another content has another name."""
    content = STATIC.content(name)
    if content is None:
        raise HTTPException(404)
    return Response(
        content,
        media_type="text/css; charset=utf-8",
        headers={"cache-control": "public, max-age=31536000, immutable"},
    )
