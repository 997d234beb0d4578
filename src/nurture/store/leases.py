"""Leases: who holds a row, and until when. A lost one runs out by itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_

SKEW = timedelta(minutes=15)
"""So far the clocks of two workers may be apart before one takes what the other holds."""


def longest(now: datetime, lease: timedelta) -> datetime:
    """Return until when a lease can last that anybody has taken by now."""
    return now + lease + SKEW


def is_free(
    lease_until: ColumnElement[datetime | None],
    now: datetime | ColumnElement[datetime],
    end: datetime | ColumnElement[datetime],
) -> ColumnElement[bool]:
    """Return the term that is true for rows that nobody holds. `end`: `longest` of now.

    A lease that is longer than any can be was taken by a clock that has been set back since.
    """
    return or_(lease_until.is_(None), lease_until <= now, lease_until > end)
