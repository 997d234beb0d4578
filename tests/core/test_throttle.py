"""How fast mail may leave: buckets, the warm-up of a young domain, breakers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from nurture.core.throttle import (
    IDLE,
    MINIMUM_SENT,
    RAMP,
    Bucket,
    Finding,
    Pacing,
    Size,
    Trouble,
    Verdict,
    book,
    free_at,
    judge,
    ramp_began,
    ramp_day_ends,
    ramp_per_hour,
    ramp_size,
    slow_per_hour,
    take,
    used,
)
from tests.core.builders import DAY, HOUR, MINUTE, NOW, SECOND

FULL = Bucket(name="minute")
TEN = Size(tokens=10, span=MINUTE)
COMPLAINTS, BOUNCES, DEFERRALS = Trouble


def always_ten(_: datetime) -> Size:
    """Return the size of a bucket that does not grow."""
    return TEN


def emptied(at: datetime) -> Bucket:
    """Return a bucket of ten whose tokens were all used at the time."""
    return take(FULL, MINUTE, now=at, count=10)


@given(st.lists(st.integers(min_value=0, max_value=90_000), min_size=1, max_size=200))
def test_no_minute_sees_more_mails_than_the_bucket_holds(pauses_ms: list[int]) -> None:
    now, bucket, left = NOW, FULL, list[datetime]()
    for pause in pauses_ms:
        now += timedelta(milliseconds=pause)
        if free_at(bucket, TEN, now=now) <= now:
            bucket = take(bucket, MINUTE, now=now)
            left.append(now)
    assert all(sum(first <= at < first + MINUTE for at in left) <= 10 for first in left)
    assert len(bucket.taken) <= 62


def test_a_token_comes_back_a_minute_after_it_was_used() -> None:
    bucket = emptied(NOW)
    assert free_at(bucket, TEN, now=NOW + 59 * SECOND) == NOW + MINUTE
    assert used(bucket, MINUTE, now=NOW + MINUTE) == 0


def test_mails_without_a_token_ask_again_one_after_the_other() -> None:
    bucket, first = book(emptied(NOW), always_ten, now=NOW + SECOND)
    _, second = book(bucket, always_ten, now=NOW + SECOND)
    assert (first, second) == (NOW + MINUTE, NOW + MINUTE + 6 * SECOND)


@pytest.mark.parametrize("back", [2 * HOUR, 2 * DAY])
def test_a_clock_that_is_set_back_locks_nothing_up(back: timedelta) -> None:
    now = NOW - back
    booked, _ = book(emptied(NOW), always_ten, now=NOW)
    assert free_at(booked, TEN, now=now) == now
    again = take(booked, MINUTE, now=now, count=10)
    assert book(again, always_ten, now=now)[1] == now + MINUTE


# -- warm-up -------------------------------------------------------------------------------------


def test_the_warm_up_is_the_published_curve() -> None:
    assert RAMP[:10] == (20, 28, 39, 55, 77, 108, 151, 211, 295, 413)
    assert (RAMP[14], RAMP[20], RAMP[30]) == (2222, 16734, 484029)


@pytest.mark.parametrize(
    ("days", "per_hour"), [(-3, 20), (0, 20), (0.99, 20), (1, 28), (30, 484029), (31, None)]
)
def test_each_day_of_a_warm_up_allows_more(days: float, per_hour: int | None) -> None:
    assert ramp_per_hour(NOW - days * DAY, now=NOW) == per_hour


@pytest.mark.parametrize(
    ("silent", "began"),
    [(None, NOW - 50 * DAY), (IDLE, NOW - 50 * DAY), (IDLE + SECOND, NOW)],
    ids=["never used", "a month", "longer"],
)
def test_after_a_long_silence_a_warm_up_begins_again(
    silent: timedelta | None, began: datetime
) -> None:
    bucket = Bucket(name="hour", last_at=None if silent is None else NOW - silent)
    assert ramp_began(NOW - 50 * DAY, bucket, now=NOW) == began


def test_a_warm_up_that_began_again_goes_on_from_there() -> None:
    bucket = Bucket(name="hour", since=NOW - 3 * DAY, last_at=NOW - HOUR)
    assert ramp_began(NOW - 50 * DAY, bucket, now=NOW) == NOW - 3 * DAY
    assert ramp_began(NOW - DAY, bucket, now=NOW) == NOW - DAY, "the file says so, and later"


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        (NOW, NOW + DAY),
        (NOW + DAY - SECOND, NOW + DAY),
        (NOW + DAY, NOW + 2 * DAY),
        pytest.param(NOW - 5 * DAY, NOW + DAY, id="before it has begun: its first day"),
    ],
)
def test_a_day_of_a_warm_up_ends(at: datetime, ends: datetime) -> None:
    assert ramp_day_ends(NOW, now=at) == ends


def test_mails_are_booked_as_fast_as_the_curve_of_their_day_allows() -> None:
    curve, bucket = ramp_size(NOW), Bucket(name="warm-up")
    bucket = take(bucket, HOUR, now=NOW, count=RAMP[0])
    booked = list[datetime]()
    for _ in range(2000):
        bucket, at = book(bucket, curve, now=NOW + SECOND)
        booked.append(at)
    assert booked[:2] == [NOW + HOUR, NOW + HOUR + HOUR / RAMP[0]]
    per_day = Counter((at - NOW) // DAY for at in booked)
    # The first hour was used already; a mail whose turn comes at midnight is the next day's.
    expected = [RAMP[0] * 23, RAMP[1] * 24, 2000 - RAMP[0] * 23 - RAMP[1] * 24]
    assert all(abs(per_day[day] - count) <= 1 for day, count in enumerate(expected))


def test_after_the_last_day_of_the_curve_nobody_waits_for_anybody() -> None:
    began = NOW - 30 * DAY
    bucket = take(Bucket(name="warm-up"), HOUR, now=NOW + 23.9 * HOUR, count=RAMP[30])
    bucket = replace(bucket, booked_to=NOW + DAY + HOUR)
    _, at = book(bucket, ramp_size(began), now=NOW + 23.95 * HOUR)
    assert at == NOW + DAY + HOUR
    assert ramp_size(began)(NOW + DAY) is None
    assert book(bucket, ramp_size(began), now=NOW + DAY) == (bucket, NOW + DAY)


def test_a_slowed_domain_sends_half_and_never_nothing() -> None:
    assert slow_per_hour(48_000) == 1000
    assert slow_per_hour(0) == 60


# -- breakers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "trouble", "count", "verdict"),
    [
        pytest.param(10, COMPLAINTS, 1, None, id="one complaint of ten mails says nothing"),
        pytest.param(MINIMUM_SENT - 1, BOUNCES, 99, None, id="nor does anything of so few"),
        pytest.param(1000, COMPLAINTS, 1, None, id="one in a thousand complains"),
        pytest.param(1000, COMPLAINTS, 2, Verdict.WARN, id="more than that"),
        pytest.param(1000, COMPLAINTS, 3, Verdict.WARN, id="three in a thousand"),
        pytest.param(1000, COMPLAINTS, 4, Verdict.PAUSE, id="more than that too"),
        pytest.param(100, COMPLAINTS, 2, Verdict.WARN, id="two people are too few to pause"),
        pytest.param(100, COMPLAINTS, 3, Verdict.PAUSE, id="three are not"),
        pytest.param(100, BOUNCES, 2, None, id="two in a hundred bounce"),
        pytest.param(100, BOUNCES, 3, Verdict.WARN, id="more than two"),
        pytest.param(100, BOUNCES, 5, Verdict.WARN, id="five in a hundred"),
        pytest.param(100, BOUNCES, 6, Verdict.PAUSE, id="more than five"),
        pytest.param(100, DEFERRALS, 20, None, id="a fifth is deferred"),
        pytest.param(100, DEFERRALS, 21, Verdict.SLOW, id="more than a fifth"),
    ],
)
def test_a_breaker(sent: int, trouble: Trouble, count: int, verdict: Verdict | None) -> None:
    found = judge(sent, {trouble: count})
    assert [finding.verdict for finding in found] == ([verdict] if verdict else [])


def test_each_kind_of_trouble_is_judged() -> None:
    found = judge(1000, {COMPLAINTS: 5, BOUNCES: 30, DEFERRALS: 300})
    assert [f.verdict for f in found] == [Verdict.PAUSE, Verdict.WARN, Verdict.SLOW]


def test_a_finding_says_the_figures() -> None:
    finding = Finding(trouble=COMPLAINTS, verdict=Verdict.PAUSE, count=4, sent=1000, limit=0.003)
    assert str(finding) == ("4 complaints among 1000 mails of 24 hours are 0.4%, more than 0.3%")


def test_nothing_is_counted_where_nothing_is_limited() -> None:
    assert not Pacing(sender_domain="mail.example").is_set
    assert Pacing(per_other_domain=5).is_set
    assert Pacing(per_domain={"a.example": 5}, per_other_domain=9).limit_for("a.example") == 5
    assert Pacing(per_domain={"a.example": 5}, per_other_domain=9).limit_for("b.example") == 9
