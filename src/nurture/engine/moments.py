"""Say times to people: in the lead's zone and in the workspace's, both named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from nurture.core.policy import zone
from nurture.project.durations import DAY, HOUR, MINUTE, WEEK

# Written out: what the machine's locale calls them must not show.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_UNITS = ((WEEK, "week"), (DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Zones:
    """The zone a lead lives in and the one the workspace works in."""

    lead: str
    home: str

    def both(self, at: datetime) -> str:
        """Return the instant in both zones: `Tue 8 Sep 2026, 10:12 Europe/Helsinki (09:12 …)`."""
        there = at.astimezone(zone(self.lead))
        shown = f"{_day(there.date())}, {_clock(there)} {self.lead}"
        if self.lead == self.home:
            return shown
        return f"{shown} ({self.at_home(at)} {self.home})"

    def at_home(self, at: datetime) -> str:
        """Return the instant at home, with the day only where it is another one than theirs."""
        there, here = at.astimezone(zone(self.lead)), at.astimezone(zone(self.home))
        return _clock(here) if here.date() == there.date() else _stamp(here)

    @property
    def names(self) -> tuple[str, ...]:
        """The zones that differ, the lead's first: the heads of the columns below."""
        return (self.lead,) if self.lead == self.home else (self.lead, self.home)

    def columns(self, at: datetime) -> tuple[str, ...]:
        """Return the instant in each zone of `names`, for columns whose heads name the zones."""
        return tuple(_stamp(at.astimezone(zone(name))) for name in self.names)

    def day(self, at: datetime) -> str:
        """Return the lead's calendar day of the instant."""
        return _day(at.astimezone(zone(self.lead)).date())


def say_day(day: date) -> str:
    """Return a date as `8 Sep 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def say_moment(at: datetime, zone_name: str) -> str:
    """Return the instant in one zone, for where that is named already."""
    return _stamp(at.astimezone(zone(zone_name)))


def say_time(at: datetime, zone_name: str) -> str:
    """Return the instant in one zone, named."""
    return f"{say_moment(at, zone_name)} {zone_name}"


def say_seconds(count: int) -> str:
    """Return a duration as `9 days` or `2 days 6 hours`: the two largest units, weeks as days."""
    left = count
    parts: list[str] = []
    for size, name in _UNITS:
        # Read aloud, fourteen days are plainer than two weeks.
        if size == WEEK or left < size or len(parts) == 2:  # noqa: PLR2004 (two units)
            continue
        number, left = divmod(left, size)
        parts.append(f"{number} {name}{'' if number == 1 else 's'}")
    return " ".join(parts) or "no time"


def _day(day: date) -> str:
    return f"{_DAYS[day.weekday()]} {say_day(day)}"


def _stamp(local: datetime) -> str:
    return f"{_day(local.date())}, {_clock(local)}"


def _clock(local: datetime) -> str:
    return f"{local:%H:%M}"
