"""What every transport is to the engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from nurture.core.message import Outcome, OutgoingMessage, Refused

ToBytes = Callable[[OutgoingMessage], bytes]
"""Assembles the bytes of a message; given to a transport, which may not import the renderer."""

MAX_REASON = 300
_MAX_READ = 2_000

PATIENCE = timedelta(minutes=1)
"""After this no further message of a group is begun: the rest goes back, and comes up again."""
LEFT_OVER = Refused(reason="the group took too long", permanent=False, is_try=False)
"""The outcome of a message that was not begun."""

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


def reason(text: object) -> str:
    """Return what the other side said, fit to be stored: one line, short, no addresses.

    Providers quote the recipient in their errors, and reasons outlive an erasure.
    """
    line = _CONTROL.sub(" ", str(text)[:_MAX_READ]).strip()
    return _ADDRESS.sub("<address>", line)[:MAX_REASON]
