"""Which reason stands against an address, and when mail has come back too often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nurture.core.suppression import bounces_too_often

START = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "too_often"),
    [
        ([], False),
        ([0, 1], False),
        ([0, 1, 2], True),
        ([0, 15, 30], True),
        ([0, 15, 30.01], False),
        ([0, 40, 41, 50], True),
        ([50, 0, 41, 40], True),
        ([0, 31, 62, 93], False),
    ],
)
def test_three_within_thirty_days_are_too_many(days: list[float], too_often: bool) -> None:
    assert bounces_too_often(START + timedelta(days=day) for day in days) is too_often
