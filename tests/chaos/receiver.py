"""The receiving side: writes down each message id before it answers, in a log of its own.

Some answers never leave it: the message is taken, and nobody is told. These ids stand in a second
log.
"""

from __future__ import annotations

import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from threading import Lock
from time import sleep
from typing import TextIO

PAUSE_SECONDS = 0.003
"""How long a mail takes to be taken: long enough for a kill to hit the middle."""


def main(log: Path, ready: Path, unanswered: float, seed: int) -> None:
    """Serve until killed; `ready` gets the port when it is known.

    `unanswered` is the share of messages that are taken without an answer.
    """
    lock, roll = Lock(), Random(seed)
    with log.open("a") as book, log.with_suffix(".unanswered").open("a") as silent:

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                with lock:
                    note(book, self.headers["x-message"])
                    answered = roll.random() >= unanswered
                    if not answered:
                        note(silent, self.headers["x-message"])
                sleep(PAUSE_SECONDS)
                if not answered:
                    self.close_connection = True
                    return
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


def note(book: TextIO, line: str) -> None:
    """Write a line so that it is there whatever happens next."""
    book.write(line + "\n")
    book.flush()
    os.fsync(book.fileno())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
