"""A pretend CRM on loopback: verifies each webhook, answers, and remembers what it got."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Self

from nurture.core.errors import RefusedInput
from nurture.transports import signing

LARGEST_BODY = 1024 * 1024
STUMBLES_EVERY = 9
"""Every ninth delivery meets a CRM that is busy: the retry schedule has something to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A handoff that the CRM took: its id and what it says."""

    uid: str
    data: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Ledger:
    """What reached the CRM, by its own books."""

    received: list[Received] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    repeated: int = 0
    stumbled: int = 0
    refused: int = 0
    calls: int = 0


class PretendCrm:
    """Runs the CRM in a thread; a context manager."""

    def __init__(self, secret: str, clock: Callable[[], datetime]) -> None:
        self.ledger = Ledger()
        self._secret = secret
        self._clock = clock
        self._lock = Lock()
        self._new: list[Received] = []
        crm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = min(int(self.headers.get("content-length", "0")), LARGEST_BODY)
                body = self.rfile.read(length)
                status = crm.take(body, dict(self.headers.items()))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its signature)
                """Stay quiet: the demo prints its own story."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """Where it listens, as host:port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """Verify one webhook and return the HTTP status."""
        try:
            proven = signing.verify(body, headers, secrets=[self._secret], now=self._clock())
        except RefusedInput:
            with self._lock:
                self.ledger.refused += 1
            return 401
        with self._lock:
            self.ledger.calls += 1
            if self.ledger.calls % STUMBLES_EVERY == 0:
                self.ledger.stumbled += 1
                return 503
            if proven.id in self.ledger.ids:
                self.ledger.repeated += 1
                return 200
            received = Received(uid=proven.id, data=json.loads(body)["data"])
            self.ledger.ids.add(proven.id)
            self.ledger.received.append(received)
            self._new.append(received)
        return 204

    def take_new(self) -> list[Received]:
        """Return the handoffs that arrived since the last call."""
        with self._lock:
            new, self._new = self._new, []
        return new
