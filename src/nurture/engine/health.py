"""Judge how the work stands: which queue is behind, and what a person has to settle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.engine.runtime import Runtime
from nurture.store import queues

BEHIND_AFTER = timedelta(minutes=15)
"""Ticks come every few minutes: what has been due for longer is not being worked."""

QUEUES = {
    "posts": "Provider posts to be worked",
    "assess": "Leads to be assessed",
    "advance": "Enrollments to be advanced",
    "deliver": "Mails to be sent",
    "handoff": "Handoffs to be delivered",
    "capacity": "Handoffs waiting for room at sales",
}
NEVER_BEHIND = frozenset({"capacity"})
"""Waiting there is what capacity means."""

NEEDS = {
    "mails_uncertain": (
        "Mails that may or may not have left",
        "A report settles them if the provider sends any; else `nurture message resolve` does.",
    ),
    "mails_parked": (
        "Mails parked because they stayed uncertain",
        "Look at `nurture message list`, ask the provider, settle them.",
    ),
    "mails_late": (
        "Mails that are late and whose step asks a person",
        "`nurture sending status` has them, `nurture sending late` decides.",
    ),
    "mails_unrendered": (
        "Mails whose template could not be rendered",
        "Tried again, ever more rarely, for three days; put the template right and apply it.",
    ),
    "handoffs_dead": (
        "Handoffs that sales did not get",
        "`nurture handoff show` tells what the CRM answered, `replay` tries again.",
    ),
    "handoffs_unanswered": (
        "Handoffs that sales has not answered in time",
        "Ask sales; the promise stands in qualification.yaml.",
    ),
    "tasks_late": (
        "Tasks that are overdue",
        "`nurture task list` has them.",
    ),
    "tasks_open": (
        "Tasks that are open",
        "`nurture task list` has them; some belong to lines above.",
    ),
    "enrollments_set_aside": (
        "Enrollments set aside because of an error",
        "Tried again, ever more rarely; the log of the run says what failed.",
    ),
    "posts_set_aside": (
        "Posts of providers, signals or replies that could not be worked",
        "Tried again, ever more rarely; the log of the run says what failed.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One queue: how much is due and for how long the oldest has been."""

    name: str
    title: str
    due: int
    oldest_for: timedelta | None
    is_behind: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One kind of thing that waits for a person, how often, and what to do about it."""

    name: str
    title: str
    count: int
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the work stands: counts, ages and words of ours, nothing about anybody."""

    at: datetime
    lines: tuple[Line, ...]
    needs: tuple[Need, ...]
    halted: tuple[str, ...]

    @property
    def is_behind(self) -> bool:
        """Whether some queue is not being worked as fast as it fills."""
        return any(line.is_behind for line in self.lines)


def look(runtime: Runtime, *, now: datetime) -> Health:
    """Return how the work stands now. Only needs that exist are listed."""
    with runtime.database.read() as connection:
        found = queues.standing(connection, now=now)
    return Health(
        at=now,
        lines=tuple(
            _line(name, title, getattr(found.queues, name), now) for name, title in QUEUES.items()
        ),
        needs=tuple(
            Need(name=name, title=title, count=count, remedy=remedy)
            for name, (title, remedy) in NEEDS.items()
            if (count := getattr(found.for_people, name))
        ),
        halted=found.for_people.halted,
    )


def _line(name: str, title: str, queue: queues.Queue, now: datetime) -> Line:
    # A clock may be set back, and then work fell due in what is the future now.
    oldest = None if queue.oldest_at is None else max(now - queue.oldest_at, timedelta())
    return Line(
        name=name,
        title=title,
        due=queue.due,
        oldest_for=oldest,
        is_behind=oldest is not None and oldest > BEHIND_AFTER and name not in NEVER_BEHIND,
    )
