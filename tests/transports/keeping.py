"""A stand-in for SendGrid on loopback that keeps mails, and throws away what is cancelled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from nurture.transports.sendgrid import SendGridSettings
from nurture.transports.sendgrid_payload import MESSAGE_ARG

SEND, BATCH, CANCELLED = "/v3/mail/send", "/v3/mail/batch", "/v3/user/scheduled_sends"
Answer = tuple[int, object]
SILENCE: Answer = (0, None)
"""What is asked for is done, and nobody is told."""


@dataclass(frozen=True)
class Taken:
    """A mail that was taken."""

    uid: str
    batch_id: str
    send_at: datetime


@dataclass
class Keeping:
    """Answers as the service is described to. `says` is asked first: None leaves it at that.

    `clock` gives the time of its answers; without it they bear none. `foreign` ids are of another
    account.
    """

    says: Callable[[str, str], Answer | None] = lambda _method, _path: None
    clock: Callable[[], datetime] | None = None
    room: int = 100
    foreign: set[str] = field(default_factory=set)
    taken: list[Taken] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    url: str = ""
    _batches: int = 0
    _lock: Any = field(default_factory=Lock)

    @property
    def settings(self) -> SendGridSettings:
        """An account here."""
        return SendGridSettings(api_key="SG.x", base_url=self.url, read_seconds=2.0)

    def goes_out(self) -> Counter[str]:
        """Return how often each mail reaches its reader when all times have come."""
        return Counter(each.uid for each in self.taken if each.batch_id not in self.cancelled)

    def answer(self, method: str, path: str, body: Any) -> Answer:
        """Do what is asked and return the answer."""
        place = path if path in (SEND, BATCH, CANCELLED) else f"{CANCELLED}/"
        with self._lock:
            self.calls[method, place] += 1
            said = self.says(method, place)
            if said is not None and said is not SILENCE:
                return said
            done = self._done(method, place, path.rpartition("/")[2], body)
            return said or done

    def _done(self, method: str, place: str, name: str, body: Any) -> Answer:
        match method, place:
            case "POST", "/v3/mail/batch":
                self._batches += 1
                return 201, {"batch_id": f"batch-{self._batches}"}
            case "POST", "/v3/mail/send":
                at = datetime.fromtimestamp(body["send_at"], UTC)
                for person in body["personalizations"]:
                    uid = person["custom_args"][MESSAGE_ARG]
                    self.taken.append(Taken(uid, body["batch_id"], at))
                return 202, None
            case "POST", _ if body["batch_id"] in self.foreign:
                return 400, _error("no such batch id")
            case "POST", _ if body["batch_id"] in self.cancelled:
                return 400, _error("a status for this batch id exists")
            case "POST", _ if len(self.cancelled) >= self.room:
                return 400, _error("max limit reached")
            case "POST", _:
                self.cancelled.add(body["batch_id"])
                return 201, body
            case "GET", _:
                known = [{"batch_id": name, "status": "cancel"}] if name in self.cancelled else []
                return 200, known
            case _:
                return (204, None) if name in self.cancelled else (404, _error("not found"))

    @contextmanager
    def running(self) -> Iterator[Keeping]:
        """Serve until the end of the block."""
        keeping = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Head and body are written apart, and one would wait for the other's receipt.
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                status, body = keeping.answer(self.command, self.path, json.loads(raw or b"null"))
                if not status:
                    self.close_connection = True
                    return
                content = b"" if body is None else json.dumps(body).encode()
                self.send_response_only(status)
                if keeping.clock is not None:
                    self.send_header("Date", format_datetime(keeping.clock(), usegmt=True))
                if status == 202:
                    self.send_header("X-Message-Id", "m1")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET = do_DELETE = _serve  # noqa: N815 (its names)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its signature)
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Say nothing: that callers die is what some tests are about."""

        with Server(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


def _error(message: str) -> dict[str, object]:
    return {"errors": [{"field": None, "message": message}]}
