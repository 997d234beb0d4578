"""What every transport is to the engine."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from nurture.core.message import Outcome, OutgoingMessage, Refused

ToBytes = Callable[[OutgoingMessage], bytes]
"""Assembles the bytes of a message; given to a transport, which may not import the renderer."""

Clock = Callable[[], datetime]
"""Tells the time of day, and is given to a transport: only bootstrap reads the clock."""

MAX_REASON = 300
LONGEST_NUMBER = 100
"""So many digits are read of a number: more has no field that we know."""
_MAX_READ = 2_000

PATIENCE = timedelta(minutes=1)
"""After this no further message of a group is begun: the rest goes back, and comes up again."""
LEFT_OVER = Refused(reason="the group took too long", permanent=False, is_try=False)
"""The outcome of a message that was not begun."""


class Patience:
    """For how long messages of a group are begun, by two clocks.

    The one that only goes forward may stand still while a machine sleeps or is moved; the other
    one tells then that the time has passed at which a message may still be begun.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._clock = clock
        self._ends = monotonic() + PATIENCE.total_seconds()

    def is_over(self, message: OutgoingMessage) -> bool:
        """Say whether it is too late to begin with the message."""
        if self._monotonic() > self._ends:
            return True
        if self._clock is None or message.leave_by is None:
            return False
        return self._clock() > message.leave_by


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_ADDRESS = re.compile(r"[^\s<>\"'(),:;@]{1,64}@[^\s<>\"'(),:;@]+")


class Transport(Protocol):
    """A way for mail to leave. Not shared between threads.

    `send` returns one outcome a message, in their order. It never raises for trouble on the other
    side: what a provider does is an outcome. When the process dies, as many messages as are in a
    group can become uncertain.
    """

    @property
    def name(self) -> str:
        """What the project calls it."""

    @property
    def group_size(self) -> int:
        """How many messages to hand over at a time."""

    @property
    def longest_wait(self) -> timedelta:
        """How long `send` takes at the most, whatever the other side does."""

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Hand the messages over, in order, and say what became of each."""

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Remove copies that the transport itself keeps: (public id, planned at). Erasure asks."""

    def close(self) -> None:
        """Let go of connections; the transport may be used again."""


def whole(digits: str) -> int | None:
    """Return a number of a document as JSON reads it; None for one that no field of ours can be.

    Python refuses to read a number of thousands of digits, and would refuse all that is beside it.
    """
    return int(digits) if len(digits) <= LONGEST_NUMBER else None


def reason(text: object) -> str:
    """Return what the other side said, fit to be stored: one line, short, no addresses.

    Providers quote the recipient in their errors, and reasons outlive an erasure.
    """
    line = _CONTROL.sub(" ", str(text)[:_MAX_READ]).strip()
    return _ADDRESS.sub("<address>", line)[:MAX_REASON]
