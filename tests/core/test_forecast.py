"""When the queue will be empty: windows, holidays, the allowed rate."""

from __future__ import annotations

from datetime import datetime

import pytest

from nurture.core.forecast import FARTHEST, Waiting, empty_at, latest
from tests.core.builders import ANY_TIME, DAY, HOUR, MINUTE, NOW, OFFICE_HOURS, WORKSPACE

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def waiting(
    mails: int, zone: str = BERLIN, from_at: datetime = NOW, window: object = OFFICE_HOURS
) -> Waiting:
    """Return mails that wait; NOW is a Tuesday, ten in the morning in Berlin."""
    assert window in (OFFICE_HOURS, ANY_TIME)
    chosen = OFFICE_HOURS if window is OFFICE_HOURS else ANY_TIME
    return Waiting(window=chosen, zone=zone, from_at=from_at, mails=mails)


def at(text: str) -> datetime:
    """Return the instant of a time in Berlin's summer."""
    return datetime.fromisoformat(f"{text}+02:00")


@pytest.mark.parametrize(
    ("groups", "per_hour", "empty"),
    [
        pytest.param([], 100, NOW, id="nothing waits"),
        pytest.param([waiting(9)], None, NOW, id="without a limit: at once"),
        pytest.param([waiting(100)], 200, NOW + HOUR / 2, id="half an hour's worth"),
        pytest.param([waiting(250)], 100, NOW + 2.5 * HOUR, id="hour after hour"),
        pytest.param([waiting(50), waiting(50)], 100, NOW + HOUR, id="all share the rate"),
        pytest.param([waiting(9, from_at=NOW + DAY)], None, NOW + DAY, id="held until tomorrow"),
        pytest.param(
            [waiting(9, NEW_YORK)], None, at("2026-09-01T14:30"), id="when the window opens there"
        ),
        pytest.param(
            [waiting(900)], 100, at("2026-09-02T09:30"), id="the rest when it opens again"
        ),
        pytest.param(
            [waiting(9, from_at=at("2026-09-04T18:00"))], None, at("2026-09-07T08:30"),
            id="over the weekend",
        ),
        pytest.param(
            [waiting(10**9, window=ANY_TIME)], 60, None, id="longer than anybody plans"
        ),
    ],
)  # fmt: skip
def test_when_the_queue_is_empty(
    groups: list[Waiting], per_hour: int | None, empty: datetime | None
) -> None:
    assert empty_at(groups, WORKSPACE.holidays, lambda _: per_hour, now=NOW) == empty


def test_a_rate_that_grows_is_followed() -> None:
    warmed = empty_at(
        [waiting(300)], frozenset(), lambda hour: 100 if hour < NOW + HOUR else 400, now=NOW
    )
    assert warmed == NOW + HOUR + 30 * MINUTE


def test_a_rate_of_nothing_is_never_done() -> None:
    assert empty_at([waiting(1)], frozenset(), lambda _: 0, now=NOW) is None
    assert FARTHEST > 30 * DAY


def test_mails_that_ask_again_one_after_the_other_are_no_later_than_together() -> None:
    spread = [waiting(1, from_at=NOW + minutes * MINUTE) for minutes in range(240)]
    assert empty_at(spread, frozenset(), lambda _: 60, now=NOW) == NOW + 4 * HOUR
    assert empty_at(spread, frozenset(), lambda _: 40, now=NOW) == NOW + 6 * HOUR


@pytest.mark.parametrize(
    ("ends", "last"),
    [
        pytest.param([], NOW, id="nothing waits"),
        pytest.param([NOW + HOUR, NOW + DAY, NOW], NOW + DAY, id="the latest"),
        pytest.param([NOW + HOUR, None], None, id="one that nobody can see"),
    ],
)
def test_the_queue_is_empty_when_the_last_part_of_it_is(
    ends: list[datetime | None], last: datetime | None
) -> None:
    assert latest(ends, now=NOW) == last
