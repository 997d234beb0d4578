"""Numbers as people read them, and the few phrases that need a singular."""

from __future__ import annotations

from datetime import datetime
from math import isnan
from zoneinfo import ZoneInfo

from nurture.reports.svg import HARD_SPACE

NOTHING = "–"  # noqa: RUF001 (a dash for "no figure")
_TEN, _TWO_DAYS = 9.95, 48


def count(number: float) -> str:
    """Return a whole number with commas between the thousands."""
    return f"{number:,.0f}"


def percent(part: float | None) -> str:
    """Return a share in percent: with a decimal only below ten, where it says something."""
    if part is None or isnan(part):
        return NOTHING
    shown = 100 * part
    digits = 1 if 0 < shown < _TEN else 0
    return f"{shown:.{digits}f}{HARD_SPACE}%"


def days(number: float | None) -> str:
    """Return a length of time in days, hours where it is less than one."""
    if number is None or isnan(number):
        return NOTHING
    if number < 1:
        return f"{number * 24:.0f}{HARD_SPACE}h"
    shown = f"{number:.0f}" if number >= _TEN else f"{number:.1f}".removesuffix(".0")
    return f"{shown}{HARD_SPACE}d"


def lasting(number: float) -> str:
    """Return a length of time in days as a phrase: "26 days", "5 hours"."""
    if number < 1:
        return many(round(number * 24), "hour")
    return many(round(number), "day")


def hours(number: float | None) -> str:
    """Return a length of time in hours, days from two of them on."""
    if number is None or isnan(number):
        return NOTHING
    return days(number / 24) if number >= _TWO_DAYS else f"{number:.0f}{HARD_SPACE}h"


def many(number: int, one: str, several: str = "") -> str:
    """Return the number with its noun."""
    noun = one if number == 1 else several or f"{one}s"
    return f"{count(number)} {noun}"


def speaking(name: str) -> str:
    """Return the name of a file as a title: three-quick-questions is "Three quick questions"."""
    text = name.replace("-", " ").replace("_", " ").strip()
    return f"{text[:1].upper()}{text[1:]}"


def moment(at: datetime, zone: str) -> str:
    """Return day and time in the zone."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M}"
