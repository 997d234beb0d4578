"""The one door between the flows and the engine.

The database, the secrets and the project are found as everywhere, by NURTURE_HOME,
NURTURE_DATABASE, NURTURE_SECRET and what the project's files name. None of it passes through
Prefect; counts come back, and an error comes back as its kind: its text may quote a person.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock

from nurture.bootstrap import App, settings, start
from nurture.bootstrap.ways import ways_for_work
from nurture.core.errors import MisuseError
from nurture.engine import health
from nurture.engine.tick import Ways

log = logging.getLogger(__name__)

Counts = Mapping[str, Mapping[str, int]]
"""What a verb did: for each part of the work, how often each thing happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a verb works with."""

    app: App
    ways: Ways
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a verb did, and how the work stands after it."""

    counts: Counts
    health: health.Health


Verb = Callable[[Bench], Counts]
"""A part of the engine's work."""


class WorkFailed(Exception):
    """A verb failed. The log of the process has the whole story; this has only its kind."""


async def do(verb: Verb, *, now: datetime | None) -> Done:
    """Run a verb of the engine in a thread and return what it did."""
    return await asyncio.to_thread(_do, verb, now)


def _do(verb: Verb, now: datetime | None) -> Done:
    try:
        app = _opened.app()
        ways = ways_for_work(app)
        if now is not None:
            # The chosen time holds for the whole verb, not the clock.
            ways = replace(ways, clock=None)
        counts = verb(Bench(app=app, ways=ways, now=_moment(app, now)))
        return Done(counts=counts, health=health.look(app.runtime, now=_moment(app, now)))
    except MisuseError as error:
        # What is wrong with the set-up is said in words of ours.
        raise WorkFailed(str(error)) from None
    except Exception as error:
        log.exception("a flow's work failed")
        kind = type(error).__name__
        raise WorkFailed(f"{kind}; the log of the process that ran this says more") from None


def _moment(app: App, now: datetime | None) -> datetime:
    if now is None:
        return app.now()
    if app.settings.env.get("NURTURE_PROFILE") != "test":
        raise MisuseError("`now` can only be chosen with NURTURE_PROFILE=test")
    if now.tzinfo is None:
        raise MisuseError("`now` needs a zone, as in 2026-09-01T05:00:00+00:00")
    return now


class _Opened:
    """The app of this process, opened when it is first needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._app: App | None = None

    def app(self) -> App:
        with self._lock:
            if self._app is None:
                self._app = start(settings())
            return self._app

    def close(self) -> None:
        with self._lock:
            if self._app is not None:
                self._app.close()
            self._app = None


_opened = _Opened()
close = _opened.close
"""Closes what this process has open; the next verb opens it anew."""
atexit.register(close)
