"""The web app, wired: what `serve` and `up` put on a port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from nurture.bootstrap import App

OPERATOR_TOKEN = "NURTURE_OPERATOR_TOKEN"
BEHIND_PROXY = "NURTURE_BEHIND_PROXY"
DEFAULT_PORT = 8321


@contextmanager
def web_app(app: App) -> Iterator[FastAPI]:
    """Yield the web app with its doorbell listening; raise MisuseError if nothing is in force."""
    from nurture.bootstrap.ways import make_ways
    from nurture.cli.doorbell import Doorbell
    from nurture.engine.mailroom import Mailroom
    from nurture.transports.sendgrid_events import MAX_AGE
    from nurture.web.app import Site, create_app

    env = app.settings.env
    with app.database.read() as connection:
        transport = app.runtime.in_force(connection).project.workspace.transport
    keys = transport.options.get("webhook_keys") or ()
    age = transport.options.get("webhook_max_age")
    with Doorbell(app.runtime, lambda: make_ways(app), app.now) as doorbell:
        yield create_app(
            Site(
                runtime=app.runtime,
                mailroom=Mailroom(secrets=app.runtime.secrets),
                clock=app.now,
                ring=doorbell.ring,
                outbox_dir=app.settings.outbox if transport.kind == "outbox" else None,
                provider_keys=tuple(map(str, keys)) if isinstance(keys, list | tuple) else (),
                provider_max_age=timedelta(seconds=age) if isinstance(age, int) else MAX_AGE,
                operator_token=env.get(OPERATOR_TOKEN, ""),
                behind_proxy=env.get(BEHIND_PROXY, "") not in ("", "0", "no", "false"),
            )
        )


def port_of(app: App) -> int:
    """Return the port that links in mails lead to on this machine, else the usual one."""
    from urllib.parse import urlsplit

    with app.database.read() as connection:
        url = urlsplit(app.runtime.in_force(connection).project.workspace.public_url)
    return url.port if url.hostname in ("127.0.0.1", "localhost") and url.port else DEFAULT_PORT
