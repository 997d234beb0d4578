"""When an organization counts as qualified: as both teams agreed, or as is usual."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRule:
    """Its tier is one of these, somebody means it, and so many kinds of people are engaged.

    In the last `within_days` there were `high_events` events of at least `high_points` points (a
    raised hand always is one), or `medium_events` of at least `medium_points`.
    """

    tiers: tuple[str, ...] = ("1", "2")
    within_days: int = 14
    high_points: int = 15
    high_events: int = 1
    medium_points: int = 5
    medium_events: int = 3
    roles: int = 2


USUAL = AccountRule()
"""What holds where a project says nothing."""
