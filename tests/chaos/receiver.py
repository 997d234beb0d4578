"""The receiving side: writes down each message id before it answers, in a log of its own."""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from time import sleep

PAUSE_SECONDS = 0.003
"""How long a mail takes to be taken: long enough for a kill to hit the middle."""


def main(log: Path, ready: Path) -> None:
    """Serve until killed; `ready` gets the port when it is known."""
    lock = Lock()
    with log.open("a") as book:

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                with lock:
                    book.write(self.headers["x-message"] + "\n")
                    book.flush()
                    os.fsync(book.fileno())
                sleep(PAUSE_SECONDS)
                self.send_response(202)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its signature)
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """Say nothing: that callers die is what this is about."""

        server = Server(("127.0.0.1", 0), Handler)
        unfinished = ready.with_suffix(".tmp")
        unfinished.write_text(str(server.server_address[1]))
        unfinished.replace(ready)
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
