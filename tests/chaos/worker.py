"""A delivery worker that somebody kills: the engine's own verb with one HTTP call per mail."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import monotonic, sleep

from nurture.core.message import Accepted, Halted, Outcome, OutgoingMessage, Uncertain
from nurture.engine import deliver
from nurture.engine.mailroom import Mailroom
from nurture.engine.runtime import Runtime
from nurture.render.mime import to_bytes
from nurture.store.db import open_database
from tests.engine.programme import SECRETS, TUESDAY, starter

GROUP = 20
BATCH = 100


class Wire:
    """A transport with one call a message; what it cannot know it calls uncertain."""

    name = "wire"
    group_size = GROUP
    longest_wait = timedelta(seconds=30)

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: http.client.HTTPConnection | None = None

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Post each message."""
        return [self._send(message) for message in messages]

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Do nothing."""

    def _send(self, message: OutgoingMessage) -> Outcome:
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            self._connection.connect() if self._connection.sock is None else None
        except OSError as error:
            return Halted(reason=str(error))
        try:
            self._connection.request("POST", "/", to_bytes(message), {"x-message": message.uid})
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection = None
            return Uncertain(reason=type(error).__name__)
        return Accepted(provider_id=str(answer.status))


def runtime(url: str) -> Runtime:
    """Return the engine on the database."""
    project = starter()
    return Runtime(database=open_database(url), secrets=SECRETS, load=lambda _: project)


def work(url: str, wire: deliver.Transport, hours: float) -> None:
    """Deliver until nothing is ready, at the virtual time so many hours after the start."""
    engine = runtime(url)
    mailroom, begun = Mailroom(secrets=SECRETS), monotonic()
    idle = 0
    while idle < 3:
        now = TUESDAY + timedelta(hours=hours, seconds=monotonic() - begun)
        done = deliver.run(engine, mailroom, wire, now=now, limit=BATCH)
        idle = 0 if done.claimed else idle + 1
        sleep(0 if done.claimed else 0.05)
    engine.database.close()


if __name__ == "__main__":
    work(sys.argv[1], Wire(int(sys.argv[2])), float(sys.argv[3]))
