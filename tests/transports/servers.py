"""Servers on loopback that behave exactly as badly as a test asks for."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Talk = Callable[[socket.socket], None]
"""What a server does with one connection; it is closed afterwards."""

HOST = "127.0.0.1"


@contextmanager
def serving(talk: Talk, *, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve connections one after the other, each with `talk`; give the port."""
    with socket.create_server((HOST, 0)) as listener:
        listener.settimeout(0.05)
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                connection.settimeout(5)
                try:
                    with tls.wrap_socket(connection, server_side=True) if tls else connection as c:
                        talk(c)
                except OSError:
                    pass  # the client left, which is what some tests want

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            stop.set()
            thread.join(timeout=10)


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def reset(connection: socket.socket) -> None:
    """Make closing the connection a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def drip(connection: socket.socket, begin: bytes) -> None:
    """Begin an answer, and go on with it a byte at a time, for longer than anybody may wait."""
    connection.sendall(begin)
    for _ in range(60):
        time.sleep(0.05)
        connection.sendall(b"x")


def read_request(connection: socket.socket) -> bytes:
    """Read one HTTP request, headers and body."""
    content = b""
    while b"\r\n\r\n" not in content:
        more = connection.recv(65_536)
        if not more:
            return content
        content += more
    head, _, body = content.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        more = connection.recv(65_536)
        if not more:
            break
        body += more
    return head + b"\r\n\r\n" + body


@dataclass
class SmtpServer:
    """Speaks just enough SMTP. `says` overrides the reply to a command; an empty reply hangs up;
    `says_once` does so for the next time only.

    "connect" stands for the greeting and "." for the end of a message. After `close_after`
    messages the server hangs up, and with `reset_in_body` in the middle of the first.
    """

    says: dict[str, str] = field(default_factory=dict)
    says_once: dict[str, str] = field(default_factory=dict)
    features: tuple[str, ...] = ("SIZE 1000000",)
    close_after: int = 0
    reset_in_body: bool = False
    commands: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0

    def __call__(self, connection: socket.socket) -> None:
        self.connections += 1
        sent = 0
        if not self._say(connection, "connect", "220 ready"):
            return
        lines = connection.makefile("rb")
        while line := lines.readline():
            command = line.decode().strip()
            self.commands.append(command)
            verb = command.split(" ")[0].upper()
            if verb == "EHLO":
                features = ["250-here", *(f"250-{each}" for each in self.features), "250 OK"]
                reply = "\r\n".join(features)
            else:
                reply = {"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 OK")
            if not self._say(connection, verb, reply) or verb == "QUIT":
                return
            if verb != "DATA" or not self.says.get("DATA", "354").startswith("354"):
                continue
            if self.reset_in_body:
                reset(connection)
                return
            body = b""
            while not body.endswith(b"\r\n.\r\n"):
                body += lines.readline()
            self.bodies.append(body)
            sent += 1
            if not self._say(connection, ".", "250 2.0.0 queued as 1"):
                return
            if sent == self.close_after:
                return

    def _say(self, connection: socket.socket, verb: str, usual: str) -> bool:
        reply = self.says_once.pop(verb, self.says.get(verb, usual))
        if reply:
            connection.sendall(reply.encode() + b"\r\n")
        return bool(reply)
