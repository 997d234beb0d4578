"""An end to waiting: who answers byte by byte buys no time.

A timeout of a socket is one for each read. What bounds an exchange is a time at which it is over.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer


class Deadline:
    """The time at which an attempt is over, whatever the other side still has to say."""

    def __init__(self, at: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._at = at
        self._monotonic = monotonic

    def left(self) -> float:
        """Return the seconds that are left, or raise TimeoutError if there are none."""
        left = self._at - self._monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def within(seconds: float) -> Deadline:
    """Return the deadline so many seconds from now."""
    return Deadline(time.monotonic() + seconds)


class Reader(io.RawIOBase):
    """Reads from a connection until the deadline."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self.deadline = deadline

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """Read what is there, or wait for it until the deadline."""
        self._connection.settimeout(self.deadline.left())
        return self._connection.recv_into(buffer)
