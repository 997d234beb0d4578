"""A raw sink: takes HTTP posts or mails as fast as Python can, and counts them."""

from __future__ import annotations

import multiprocessing
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

CHUNK = 1 << 20
OK = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: sink\r\nContent-Length: 0\r\n\r\n"
HELLO = b"250 sink\r\n"
SMTP = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}
END = b"\r\n.\r\n"
METHOD = multiprocessing.get_context("spawn")


Take = Callable[[socket.socket, list[int]], None]


@dataclass(frozen=True, slots=True)
class Sink:
    """A running sink. `ask` is its control line."""

    port: int
    ask: Connection

    def taken(self) -> tuple[int, int]:
        """Return how many posts and bytes of bodies came in so far."""
        self.ask.send("count")
        posts, size = self.ask.recv()
        return int(posts), int(size)


@contextmanager
def running(*, tls: tuple[Path, Path] | None = None, smtp: bool = False) -> Iterator[Sink]:
    """Run a sink in a process of its own; `tls` is a certificate and its key."""
    ours, theirs = METHOD.Pipe()
    process = METHOD.Process(target=_serve, args=(theirs, tls, smtp), daemon=True)
    process.start()
    # With our copy of its end open, a sink that dies would leave us waiting for ever.
    theirs.close()
    try:
        yield Sink(port=int(ours.recv()), ask=ours)
    finally:
        ours.send("stop")
        process.join(timeout=5)
        process.kill()


def _serve(control: Connection, tls: tuple[Path, Path] | None, smtp: bool) -> None:
    counted = [0, 0]
    server = socket.create_server(("127.0.0.1", 0))
    if tls is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*tls)
        server = context.wrap_socket(server, server_side=True)
    take = _take_mails if smtp else _take
    threading.Thread(target=_accept, args=(server, take, counted), daemon=True).start()
    control.send(server.getsockname()[1])
    while control.recv() == "count":
        control.send(tuple(counted))


def _accept(server: socket.socket, take: Take, counted: list[int]) -> None:
    while True:
        client, _ = server.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=take, args=(client, counted), daemon=True).start()


def _take_mails(client: socket.socket, counted: list[int]) -> None:
    """Speak as much SMTP as a client asks that sends one mail after the other."""
    client.sendall(HELLO.replace(b"250", b"220"))
    waiting, body = b"", False
    while got := client.recv(CHUNK):
        waiting += got
        if body:
            if not waiting.endswith(END):
                continue
            counted[0] += 1
            counted[1] += len(waiting)
            waiting, body = b"", False
            client.sendall(HELLO)
            continue
        while (end := waiting.find(b"\r\n")) >= 0:
            verb, waiting = waiting[:4].upper(), waiting[end + 2 :]
            body = verb == b"DATA"
            client.sendall(SMTP.get(verb, HELLO))


def _take(client: socket.socket, counted: list[int]) -> None:
    """Read one post after the other; bodies are counted, never kept."""
    buffer = bytearray(CHUNK)
    view = memoryview(buffer)
    head, left = b"", 0
    while got := client.recv_into(buffer):
        at = 0
        while at < got:
            if not left:
                head += bytes(view[at:got])
                end = head.find(b"\r\n\r\n")
                if end < 0:
                    break
                at = got - (len(head) - end - 4)
                left = int(head[:end].lower().split(b"content-length:")[1].split(b"\r\n")[0])
                head = b""
                counted[1] += left
            here = min(left, got - at)
            left, at = left - here, at + here
            if not left:
                counted[0] += 1
                client.sendall(OK)
