"""What the pages are served from. Nothing here reads the clock, the environment or a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from fastapi import Request

from nurture.engine.mailroom import Mailroom
from nurture.engine.runtime import Runtime
from nurture.transports.sendgrid_events import MAX_AGE, EventVerifier
from nurture.web.limits import Limiter


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything that the web process needs, given by whoever starts it.

    `ring` is the doorbell: these leads are worth an assessment now; without any lead, a provider
    has posted. `outbox_dir` is set when mail goes to a folder. `provider_keys` are the public
    keys of the provider's event hook; without one it refuses, unless `unsigned_events` is set
    and the caller is on this machine; `provider_max_age` is how old a signature may be.
    `operator_token` opens the operator's pages; without one they open only on this machine, and
    never where `behind_proxy` or the public URL say that others may come through. `shortest_form`
    is how long a person takes at least to fill in a public form (a frozen clock wants zero).
    """

    runtime: Runtime
    mailroom: Mailroom
    clock: Callable[[], datetime]
    ring: Callable[[Sequence[int]], None]
    outbox_dir: Path | None = None
    provider_keys: tuple[str, ...] = ()
    provider_max_age: timedelta = MAX_AGE
    unsigned_events: bool = False
    operator_token: str = field(default="", repr=False)
    behind_proxy: bool = False
    shortest_form: timedelta = timedelta(seconds=2)
    posts_per_minute: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The site with what is made once from it."""

    site: Site
    verifier: EventVerifier | None
    personal: Limiter
    everybody: Limiter
    headers: Mapping[str, str]


def desk_of(request: Request) -> Desk:
    """Return the desk that this request is answered at."""
    desk: Desk = request.app.state.desk
    return desk


def site_of(request: Request) -> Site:
    """Return the site that this request is answered for."""
    return desk_of(request).site


def client_of(request: Request) -> str:
    """Return the address that the request came from; behind a proxy, the one that it reports."""
    if site_of(request).behind_proxy:
        reported = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        if reported:
            return reported[:64]
    return request.client.host if request.client else ""


def ring(request: Request, lead_ids: Sequence[int]) -> None:
    """Ring for these leads, if there are any."""
    if lead_ids:
        site_of(request).ring(lead_ids)
