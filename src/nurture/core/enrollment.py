"""Enrollments: one lead's passage through one sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from nurture.core.value import value


class Awaiting(StrEnum):
    """What an open enrollment waits for. A hold has no date: only an event can end it."""

    TURN = "turn"
    TIME = "time"
    EVENT = "event"
    SALES = "sales"
    HOLD = "hold"


@value(frozen=True, slots=True, kw_only=True)
class Enrollment:
    """An open enrollment.

    `due_at` is when it is looked at next; `wait_until` when the present wait is over, so that an
    early look (an event came in) does not shorten a wait. `since` is when the step began.
    `jumps` counts each goto taken; `visit` counts all of them, so that a message planned on a
    second pass has a key of its own.
    """

    id: int
    lead_id: int
    sequence: str
    release_id: int
    step: str
    version: int
    awaiting: Awaiting
    due_at: datetime | None
    wait_until: datetime | None
    since: datetime
    entered_at: datetime
    visit: int = 0
    jumps: Mapping[str, int] = field(default_factory=dict)
    failures: int = 0
