"""A clock that only moves when it is told to."""

from __future__ import annotations

from datetime import datetime


class VirtualClock:
    """Time in a simulation; call it to read it."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """Return the present virtual instant."""
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Move forward; a simulation never goes back in time."""
        assert moment >= self._now, "virtual time runs forward"
        self._now = moment
