"""The web app, wired: what `serve` and `up` put on a port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from nurture.bootstrap import App
    from nurture.core.essentials import Essentials

OPERATOR_TOKEN = "NURTURE_OPERATOR_TOKEN"
BEHIND_PROXY = "NURTURE_BEHIND_PROXY"
DEFAULT_PORT = 8321


@contextmanager
def web_app(app: App) -> Iterator[FastAPI]:
    """Yield the web app with its doorbell listening; raise MisuseError if nothing is in force.

    If what is in force cannot be loaded, it is served all the same: people must be able to leave.
    """
    from nurture.bootstrap.ways import ways_for_work
    from nurture.cli.doorbell import Doorbell
    from nurture.engine.mailroom import Mailroom
    from nurture.transports.sendgrid_events import MAX_AGE
    from nurture.web.app import Site, create_app

    env = app.settings.env
    known = _essentials(app)
    age = known.webhook_max_age_seconds
    with Doorbell(app.runtime, lambda: ways_for_work(app), app.now) as doorbell:
        yield create_app(
            Site(
                runtime=app.runtime,
                mailroom=Mailroom(secrets=app.runtime.secrets),
                clock=app.now,
                ring=doorbell.ring,
                outbox_dir=app.settings.outbox if known.transport == "outbox" else None,
                provider_keys=_readable(known.webhook_keys),
                provider_max_age=MAX_AGE if age is None else timedelta(seconds=age),
                operator_token=env.get(OPERATOR_TOKEN, ""),
                behind_proxy=env.get(BEHIND_PROXY, "") not in ("", "0", "no", "false"),
            )
        )


def _essentials(app: App) -> Essentials:
    from nurture.cli.show import warn
    from nurture.core.errors import MisuseError
    from nurture.store.outage import Outage

    with app.database.read() as connection:
        try:
            app.runtime.in_force(connection)
        except (MisuseError, *Outage):
            raise
        except Exception:  # noqa: BLE001 (whatever is wrong with it)
            warn(
                "nurture: the release in force cannot be loaded here; people can leave, and all"
                " else waits. See `nurture doctor`."
            )
        return app.runtime.essentials(connection)


def _readable(keys: Sequence[str]) -> tuple[str, ...]:
    """Return the keys that posts can be verified by: for none of the others does a page wait."""
    from nurture.cli.show import warn
    from nurture.project.webhook_key import is_verification_key

    found = tuple(filter(is_verification_key, keys))
    if len(found) < len(keys):
        warn(
            "nurture: not every one of webhook_keys is a public key that SendGrid signs with;"
            " what is signed by another is refused. See `nurture check`."
        )
    return found


def port_of(app: App) -> int:
    """Return the port that links in mails lead to on this machine, else the usual one."""
    from urllib.parse import urlsplit

    with app.database.read() as connection:
        url = urlsplit(app.runtime.essentials(connection).public_url)
    return url.port if url.hostname in ("127.0.0.1", "localhost") and url.port else DEFAULT_PORT
