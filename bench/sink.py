"""A raw sink: takes HTTP posts as fast as Python can, counts them, answers 202."""

from __future__ import annotations

import multiprocessing
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

CHUNK = 1 << 20
OK = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: sink\r\nContent-Length: 0\r\n\r\n"
METHOD = multiprocessing.get_context("spawn")


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
def running() -> Iterator[Sink]:
    """Run a sink in a process of its own."""
    ours, theirs = METHOD.Pipe()
    process = METHOD.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    # With our copy of its end open, a sink that dies would leave us waiting for ever.
    theirs.close()
    try:
        yield Sink(port=int(ours.recv()), ask=ours)
    finally:
        ours.send("stop")
        process.join(timeout=5)
        process.kill()


def _serve(control: Connection) -> None:
    counted = [0, 0]
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(server, counted), daemon=True).start()
    control.send(server.getsockname()[1])
    while control.recv() == "count":
        control.send(tuple(counted))


def _accept(server: socket.socket, counted: list[int]) -> None:
    while True:
        client, _ = server.accept()
        threading.Thread(target=_take, args=(client, counted), daemon=True).start()


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
