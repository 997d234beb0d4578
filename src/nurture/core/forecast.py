"""When will the queue be empty? Windows, holidays and the allowed rate, an hour at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from nurture.core.policy import next_open
from nurture.core.project import Window

HOUR = timedelta(hours=1)
FARTHEST = timedelta(days=60)
"""Nobody needs to know more than that it takes longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Mails that wait together: for the same window in the same zone, from the same time on."""

    window: Window
    zone: str
    from_at: datetime
    mails: int


@dataclass(slots=True)
class _Part:
    waiting: Waiting
    left: int


PerHour = Callable[[datetime], int | None]
"""How many mails may leave in the hour that begins then; None: as many as there are."""


def empty_at(
    waiting: Iterable[Waiting], holidays: frozenset[date], per_hour: PerHour, *, now: datetime
) -> datetime | None:
    """Return when the last of these mails can have left; None if that is too far to be seen.

    Caps of people and limits of receiving domains may make it later; nothing makes it earlier.
    """
    parts = [_Part(group, group.mails) for group in waiting if group.mails]
    parts.sort(key=lambda part: part.waiting.from_at)
    at, end = now, now
    while parts:
        if at > now + FARTHEST:
            return None
        opens = [_opens(part.waiting, holidays, at) for part in parts]
        if min(opens) >= at + HOUR:
            at = min(opens)
            continue
        end = max(end, _send(parts, opens, at, per_hour(at)))
        parts = [part for part in parts if part.left]
        at += HOUR
    return end


def _opens(group: Waiting, holidays: frozenset[date], at: datetime) -> datetime:
    return next_open(group.window, group.zone, holidays, now=max(at, group.from_at))


def _send(
    parts: Sequence[_Part], opens: Sequence[datetime], at: datetime, most: int | None
) -> datetime:
    """Take from the parts what may leave in this hour; return when the last of it does."""
    sent, last = 0, at
    for part, opening in zip(parts, opens, strict=True):
        if opening >= at + HOUR or (most is not None and sent >= most):
            continue
        going = part.left if most is None else min(part.left, most - sent)
        part.left -= going
        sent += going
        last = max(last, opening if most is None else max(opening, at + HOUR * (sent / most)))
    return last
