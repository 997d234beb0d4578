"""May this mail leave now? Windows in the lead's own time, holidays and frequency caps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from nurture.core.project import Window, Workspace
from nurture.core.sequence import WhenCapped

SEARCH_DAYS = 60
"""How many days ahead an opening is looked for; longer shut than this is a wrong window."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the time zone; names are checked when they enter the system."""
    return ZoneInfo(name)


@lru_cache(maxsize=1024)
def next_open(
    window: Window, zone_name: str, holidays: frozenset[date], *, now: datetime
) -> datetime:
    """Return `now` if the window is open in the zone, else the instant at which it opens.

    A local time that a clock change skips moves forward by the length of the gap; one that
    occurs twice means the first.
    """
    here = zone(zone_name)
    local = now.astimezone(here)
    for offset in range(SEARCH_DAYS):
        day = local.date() + timedelta(days=offset)
        if day.isoweekday() not in window.days or day in holidays:
            continue
        opens = _instant(day, window.start, here)
        closes = (
            _instant(day + timedelta(days=1), time(0), here)
            if window.until is None
            else _instant(day, window.until, here)
        )
        if now < opens:
            return opens
        if now < closes:
            return now
    raise AssertionError(f"window {window.name} does not open within {SEARCH_DAYS} days")


def _instant(day: date, at: time, here: ZoneInfo) -> datetime:
    local = datetime.combine(day, at, tzinfo=here)
    # fold=0 is the first of two; in a gap it is the old offset, so the instant lies after the gap.
    return local.astimezone(UTC)


def next_uncapped(
    workspace: Workspace, zone_name: str, sent: Sequence[datetime], *, now: datetime
) -> datetime:
    """Return `now` if neither cap is reached, else when the next mail would be within both.

    The day is the lead's calendar day, the week the last seven times 24 hours.
    """
    if not sent and workspace.cap_per_day > 0 and workspace.cap_per_week > 0:
        return now
    here = zone(zone_name)
    local_day = now.astimezone(here).date()
    earliest = now
    today = [at for at in sent if at.astimezone(here).date() == local_day]
    if len(today) >= workspace.cap_per_day:
        earliest = _instant(local_day + timedelta(days=1), time(0), here)
    week = sorted(at for at in sent if at > now - timedelta(days=7))
    if len(week) >= workspace.cap_per_week:
        earliest = max(earliest, week[-workspace.cap_per_week] + timedelta(days=7))
    return earliest


def sendable_from(
    workspace: Workspace,
    window: Window,
    zone_name: str,
    sent: Sequence[datetime],
    *,
    now: datetime,
) -> datetime:
    """Return the first instant from `now` on at which window, holidays and caps allow a mail."""
    moment = now
    for _ in range(SEARCH_DAYS):
        allowed = next_uncapped(workspace, zone_name, sent, now=moment)
        opened = next_open(window, zone_name, workspace.holidays, now=allowed)
        if opened == moment:
            return moment
        moment = opened
    raise AssertionError("caps and windows leave no opening")


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """The mail may leave once the oldest `replaces` of the lead's waiting mails give way."""

    replaces: int = 0


OPEN = Open()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut:
    """The mail may not leave before."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Dropped:
    """The caps are reached, and the mail is one that does not wait."""


def turn(
    when_capped: WhenCapped,
    workspace: Workspace,
    window: Window,
    zone_name: str,
    sent: Sequence[datetime],
    *,
    waiting: int = 0,
    now: datetime,
) -> Open | Shut | Dropped:
    """Return whether a mail may leave now, by window, holidays, caps and what it does when capped.

    `sent` are the lead's mails of seven days that left or may have; `waiting` says how many others
    are ready to leave, which only a mail that replaces asks for.
    """
    if when_capped is WhenCapped.DEFER:
        opens = sendable_from(workspace, window, zone_name, sent, now=now)
        return OPEN if opens == now else Shut(until=opens)
    # The window first: by the time it opens the caps may have room again.
    opens = next_open(window, zone_name, workspace.holidays, now=now)
    if opens > now:
        return Shut(until=opens)
    for replaced in range(waiting + 1):
        about_to_leave = [now] * (waiting - replaced)
        if next_uncapped(workspace, zone_name, [*sent, *about_to_leave], now=now) == now:
            return Open(replaces=replaced)
    if when_capped is WhenCapped.DROP:
        return Dropped()
    return Shut(until=sendable_from(workspace, window, zone_name, sent, now=now))
