"""When will the queue be empty? Windows, holidays and the allowed rate, an hour at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
class _Pool:
    """Mails of one window and zone whose time has come; `opens` is when they may leave next."""

    window: Window
    zone: str
    opens: datetime
    left: int


PerHour = Callable[[datetime], int | None]
"""How many mails may leave in the hour that begins then; None: as many as there are."""


def latest(ends: Iterable[datetime | None], *, now: datetime) -> datetime | None:
    """Return when the last of several queues is empty: each has a limit of its own."""
    last: datetime | None = now
    for end in ends:
        last = None if last is None or end is None else max(last, end)
    return last


def empty_at(
    waiting: Iterable[Waiting], holidays: frozenset[date], per_hour: PerHour, *, now: datetime
) -> datetime | None:
    """Return when the last of these mails can have left; None if that is too far to be seen.

    Caps of people may make it later; nothing makes it earlier.
    """
    coming = sorted((group for group in waiting if group.mails), key=lambda one: one.from_at)
    coming.reverse()
    pools: list[_Pool] = []
    at, end = now, now
    while coming or pools:
        if at > now + FARTHEST:
            return None
        while coming and coming[-1].from_at < at + HOUR:
            pools.append(_pool(coming.pop(), at))
        _open(pools, holidays, at)
        opens = [pool.opens for pool in pools]
        opens += [coming[-1].from_at] if coming else []
        if min(opens) >= at + HOUR:
            at = min(opens)
            continue
        end = max(end, _send(pools, at, per_hour(at)))
        at += HOUR
        pools = _merged(pools)
    return end


def _pool(group: Waiting, at: datetime) -> _Pool:
    return _Pool(group.window, group.zone, max(at, group.from_at), group.mails)


def _open(pools: Iterable[_Pool], holidays: frozenset[date], at: datetime) -> None:
    """Say of each pool when its window is open; what is known to be shut is not asked again."""
    for pool in pools:
        if pool.opens < at + HOUR:
            pool.opens = next_open(pool.window, pool.zone, holidays, now=max(at, pool.opens))


def _send(pools: Iterable[_Pool], at: datetime, most: int | None) -> datetime:
    """Take from the pools what may leave in this hour; return when the last of it does."""
    sent, last = 0, at
    for pool in pools:
        if pool.opens >= at + HOUR or (most is not None and sent >= most):
            continue
        going = pool.left if most is None else min(pool.left, most - sent)
        pool.left -= going
        sent += going
        last = max(last, pool.opens if most is None else max(pool.opens, at + HOUR * (sent / most)))
    return last


def _merged(pools: Iterable[_Pool]) -> list[_Pool]:
    """Return what is left, one pool for each window and zone: by now all of it waits alike."""
    found: dict[tuple[Window, str], _Pool] = {}
    for pool in pools:
        if not pool.left:
            continue
        same = found.setdefault((pool.window, pool.zone), pool)
        if same is not pool:
            same.left += pool.left
            same.opens = min(same.opens, pool.opens)
    return list(found.values())
