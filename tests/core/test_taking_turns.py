"""Who has to wait for a token keeps their place, however late or seldom anybody looks."""

from __future__ import annotations

import heapq
import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from nurture.core.throttle import Bucket, Size, book, book_again, free_at, is_too_long, take
from tests.core.builders import MINUTE, NOW, SECOND

EMPTY = Bucket(name="minute:one.example")
TEN = Size(tokens=10, span=MINUTE)
SIXTY = Size(tokens=60, span=MINUTE)


def always_sixty(_: datetime) -> Size:
    """Return the size of a bucket that does not grow."""
    return SIXTY


def emptied(mails: int, *, every: float, late: float) -> list[datetime]:
    """Return when each mail of a queue leaves, if a tick comes so often (seconds), and so late."""
    dice, now, bucket = random.Random(6), NOW, EMPTY
    waiting = [(NOW, number, False) for number in range(mails)]
    left: dict[int, datetime] = {}
    while waiting:
        due = list[tuple[bool, int]]()
        while waiting and waiting[0][0] <= now:
            _, number, booked = heapq.heappop(waiting)
            due.append((not booked, number))
        for is_new, number in sorted(due):
            if free_at(bucket, SIXTY, now=now) <= now:
                bucket, left[number] = take(bucket, MINUTE, now=now), now
                continue
            if is_new:
                bucket, at = book(bucket, always_sixty, now=now)
            else:
                bucket, at = book_again(bucket, SIXTY, now=now)
            heapq.heappush(waiting, (at, number, True))
        now += timedelta(seconds=every + dice.uniform(0, late))
    return [left[number] for number in range(mails)]


@pytest.mark.parametrize(
    ("every", "late", "takes"),
    [
        pytest.param(60, 0, 51 * MINUTE, id="each minute"),
        pytest.param(60, 2, 52 * MINUTE, id="up to two seconds late"),
        pytest.param(61, 0, 52 * MINUTE, id="always a second late"),
        pytest.param(30, 1, 52 * MINUTE, id="twice a minute"),
        # No minute sees more than 60: one tick can send no more, however long nobody has looked.
        pytest.param(300, 0, 50 * 5 * MINUTE, id="each five minutes"),
    ],
)
def test_a_queue_of_50_minutes_is_done_in_time(every: float, late: float, takes: timedelta) -> None:
    left = emptied(3000, every=every, late=late)
    assert max(left) - NOW <= takes
    times = sorted(left)
    assert all(later - first >= MINUTE for first, later in zip(times, times[60:], strict=False))


@pytest.mark.parametrize("every", [60, 61, 300])
def test_nobody_is_overtaken(every: float) -> None:
    left = emptied(600, every=every, late=2)
    assert left == sorted(left)


def test_who_finds_no_token_at_their_turn_gets_the_next_one() -> None:
    bucket = take(replace(EMPTY, booked_to=NOW + 30 * MINUTE), MINUTE, now=NOW, count=10)
    turns = list[datetime]()
    for _ in range(12):
        bucket, at = book_again(bucket, TEN, now=NOW + SECOND)
        turns.append(at)
    assert turns == [NOW + MINUTE] * 10 + [NOW + 2 * MINUTE] * 2
    assert bucket.booked_to == NOW + 30 * MINUTE, "the others stay where they are"


def test_each_token_is_promised_once_and_anew_when_one_was_used() -> None:
    bucket = take(EMPTY, MINUTE, now=NOW, count=4)
    bucket = take(bucket, MINUTE, now=NOW + 20 * SECOND, count=6)
    turns = list[datetime]()
    for _ in range(5):
        bucket, at = book_again(bucket, TEN, now=NOW + 30 * SECOND)
        turns.append(at)
    assert turns == [NOW + MINUTE] * 4 + [NOW + MINUTE + 20 * SECOND]
    bucket = take(bucket, MINUTE, now=NOW + MINUTE)
    assert book_again(bucket, Size(tokens=7, span=MINUTE), now=NOW + MINUTE)[1] == (
        NOW + MINUTE + 20 * SECOND
    )


@pytest.mark.parametrize(
    ("booked", "waiting", "too_long"),
    [
        (None, 0, False),
        (-MINUTE, 0, False),
        (2 * MINUTE, 0, False),
        (28 * MINUTE, 2, True),
        (28 * MINUTE, 259, True),
        (28 * MINUTE, 260, False),
        (28 * MINUTE, 300, False),
    ],
)
def test_a_line_is_too_long_if_those_in_it_do_not_fill_it(
    booked: timedelta | None, waiting: int, too_long: bool
) -> None:
    bucket = replace(EMPTY, booked_to=None if booked is None else NOW + booked)
    assert is_too_long(bucket, TEN, waiting, now=NOW) == too_long
