"""Durations as authors write them: a whole number and a unit, `90s 15m 4h 2d 3w`."""

from __future__ import annotations

import re

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

UNITS = {"w": WEEK, "d": DAY, "h": HOUR, "m": MINUTE, "s": 1}
PATTERN = r"^[1-9][0-9]{0,8}[smhdw]$"
LONGEST = 3650 * DAY
"""Ten years: longer is a slip of the keyboard, and dates must stay within the calendar."""

EXAMPLE = 'write a whole number and a unit, for example "90s", "15m", "4h", "2d" or "3w"'


def seconds(text: str) -> int:
    """Return the duration in seconds; raise ValueError with a sentence if it is none."""
    if not re.fullmatch(PATTERN, text, re.ASCII):
        raise ValueError("this is not a duration")
    count = int(text[:-1]) * UNITS[text[-1]]
    if count > LONGEST:
        raise ValueError("this is longer than ten years")
    return count


def to_text(count: int) -> str:
    """Return the shortest way to write so many seconds."""
    # Weeks are for authors; read back, 14d is plainer than 2w.
    units = ((unit, size) for unit, size in UNITS.items() if unit != "w")
    unit, size = next((unit, size) for unit, size in units if count % size == 0)
    return f"{count // size}{unit}"
