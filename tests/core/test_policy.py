"""When a mail may leave: windows in the lead's own time, holidays, caps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from nurture.core.policy import (
    Dropped,
    Open,
    Shut,
    next_open,
    next_uncapped,
    sendable_from,
    turn,
)
from nurture.core.project import Window
from nurture.core.sequence import WhenCapped
from tests.core.builders import (
    ANY_TIME,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    OFFICE_HOURS,
    SECOND,
    WORKSPACE,
)

BERLIN = "Europe/Berlin"
NIGHT = replace(ANY_TIME, start=time(2, 30), until=time(2, 45))
WIDE_NIGHT = replace(ANY_TIME, start=time(1, 0), until=time(2, 30))


def at(text: str, zone: str = BERLIN, *, fold: int = 0) -> datetime:
    """Return the instant of a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


# --- windows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        pytest.param("2026-09-01T10:00", "2026-09-01T10:00", id="open"),
        pytest.param("2026-09-01T08:30", "2026-09-01T08:30", id="opening"),
        pytest.param("2026-09-01T08:29:59", "2026-09-01T08:30", id="a second early"),
        pytest.param("2026-09-01T17:29:59", "2026-09-01T17:29:59", id="a second before closing"),
        pytest.param("2026-09-01T17:30", "2026-09-02T08:30", id="closing"),
        pytest.param("2026-09-04T18:00", "2026-09-07T08:30", id="over the weekend"),
        pytest.param("2026-09-06T12:00", "2026-09-07T08:30", id="on Sunday"),
        pytest.param("2026-12-24T18:00", "2026-12-28T08:30", id="over a holiday and a weekend"),
        pytest.param("2026-10-24T12:00", "2026-10-26T08:30", id="over the end of summer time"),
    ],
)
def test_office_hours(now: str, opens: str) -> None:
    assert next_open(OFFICE_HOURS, BERLIN, WORKSPACE.holidays, now=at(now)) == at(opens)


@pytest.mark.parametrize(
    ("zone", "utc"),
    [
        pytest.param("America/New_York", "12:30", id="west"),
        pytest.param("Asia/Kathmandu", "02:45", id="a quarter of an hour off"),
        pytest.param("UTC", "08:30", id="at home"),
    ],
)
def test_the_window_opens_in_the_leads_own_morning(zone: str, utc: str) -> None:
    midnight = datetime(2026, 9, 1, tzinfo=UTC)
    opens = datetime.fromisoformat(f"2026-09-01T{utc}+00:00")
    assert next_open(OFFICE_HOURS, zone, frozenset(), now=midnight) == opens


def test_east_of_the_date_line_the_window_opened_when_it_was_still_yesterday_here() -> None:
    now = datetime(2026, 8, 31, 21, 0, tzinfo=UTC)
    assert next_open(OFFICE_HOURS, "Pacific/Auckland", frozenset(), now=now) == now


def test_a_holiday_is_the_leads_own_day() -> None:
    christmas_in_auckland = datetime(2026, 12, 24, 20, 0, tzinfo=UTC)
    opens = next_open(
        OFFICE_HOURS, "Pacific/Auckland", WORKSPACE.holidays, now=christmas_in_auckland
    )
    assert opens == at("2026-12-28T08:30", "Pacific/Auckland")


def test_a_window_till_midnight_has_no_gap() -> None:
    last = at("2026-09-01T23:59:59")
    assert next_open(ANY_TIME, BERLIN, frozenset(), now=last) == last


@pytest.mark.parametrize(
    ("window", "now", "opens"),
    [
        pytest.param(NIGHT, "2026-03-29T00:00", "2026-03-29T03:30", id="a skipped time is later"),
        pytest.param(NIGHT, "2026-03-29T03:44", "2026-03-29T03:44", id="and lasts as long"),
        pytest.param(NIGHT, "2026-03-29T03:45", "2026-03-30T02:30", id="but no longer"),
        pytest.param(NIGHT, "2026-10-25T00:00", "2026-10-25T02:30", id="a time twice: the first"),
        pytest.param(WIDE_NIGHT, "2026-10-25T02:29", "2026-10-25T02:29", id="open before twice"),
        pytest.param(WIDE_NIGHT, "2026-10-25T02:30", "2026-10-26T01:00", id="closed at the first"),
    ],
)  # fmt: skip
def test_when_clocks_change(window: Window, now: str, opens: str) -> None:
    assert next_open(window, BERLIN, frozenset(), now=at(now)) == at(opens)


def test_in_the_second_of_two_equal_hours_a_window_is_over() -> None:
    again = at("2026-10-25T02:35", fold=1)
    assert next_open(NIGHT, BERLIN, frozenset(), now=again) == at("2026-10-26T02:30")


def test_a_window_that_never_opens_is_a_mistake_of_ours() -> None:
    never = replace(OFFICE_HOURS, days=frozenset())
    with pytest.raises(AssertionError, match="does not open"):
        next_open(never, BERLIN, frozenset(), now=NOW)


# --- caps ---------------------------------------------------------------------------------------


def _uncapped(*sent: datetime, now: datetime = NOW) -> datetime:
    return next_uncapped(WORKSPACE, BERLIN, sent, now=now)


def test_without_mail_there_is_no_cap() -> None:
    assert _uncapped() == NOW


def test_a_mail_today_is_enough_for_today() -> None:
    assert _uncapped(at("2026-09-01T00:00")) == at("2026-09-02T00:00")


def test_a_mail_of_last_night_is_yesterdays() -> None:
    assert _uncapped(at("2026-08-31T23:59:59")) == NOW


def test_the_day_is_the_leads_own() -> None:
    sent = datetime(2026, 8, 31, 22, 30, tzinfo=UTC)
    assert next_uncapped(WORKSPACE, BERLIN, [sent], now=NOW) > NOW
    assert next_uncapped(WORKSPACE, "UTC", [sent], now=NOW) == NOW


def test_three_mails_are_enough_for_seven_days() -> None:
    sent = [NOW - 6 * DAY, NOW - 4 * DAY, NOW - 2 * DAY]
    assert _uncapped(*sent) == NOW + DAY


def test_a_mail_leaves_the_week_after_exactly_seven_days() -> None:
    sent = [NOW - 7 * DAY, NOW - 4 * DAY, NOW - 2 * DAY]
    assert _uncapped(*sent) == NOW
    assert _uncapped(*sent, now=NOW - SECOND) == NOW


def test_with_more_mails_than_allowed_the_newest_three_count() -> None:
    sent = [NOW - n * DAY for n in (6, 5, 4, 3, 2)]
    assert _uncapped(*reversed(sent)) == NOW - 4 * DAY + 7 * DAY


def test_the_later_of_both_caps_decides() -> None:
    sent = [NOW - 6 * DAY, NOW - 5 * DAY, NOW]
    assert _uncapped(*sent) == NOW + DAY


# --- both together ------------------------------------------------------------------------------


def test_a_cap_and_the_weekend_add_up() -> None:
    friday = at("2026-09-04T10:00")
    opens = sendable_from(WORKSPACE, OFFICE_HOURS, BERLIN, [friday], now=friday + HOUR)
    assert opens == at("2026-09-07T08:30")


def test_a_cap_that_ends_in_the_night_waits_for_the_morning() -> None:
    sent = [at("2026-08-26T20:00"), at("2026-08-28T10:00"), at("2026-08-31T10:00")]
    opens = sendable_from(WORKSPACE, OFFICE_HOURS, BERLIN, sent, now=at("2026-09-02T10:00"))
    assert opens == at("2026-09-03T08:30")


def test_caps_and_windows_that_exclude_each_other_are_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="no opening"):
        sendable_from(replace(WORKSPACE, cap_per_day=0), ANY_TIME, BERLIN, [], now=NOW)


# --- what a mail does that finds no room --------------------------------------------------------

DEFER, DROP, REPLACE = WhenCapped
TOMORROW = Shut(until=at("2026-09-02T08:30"))
EVENING = at("2026-09-01T18:00")
WEEK_FULL = [NOW - 6 * DAY, NOW - 4 * DAY, NOW - 2 * DAY]


@pytest.mark.parametrize(
    ("mode", "sent", "waiting", "answer"),
    [
        pytest.param(DEFER, [], 0, Open(), id="room: whatever it does when capped"),
        pytest.param(DROP, [], 0, Open(), id="room: nothing is dropped"),
        pytest.param(REPLACE, [], 0, Open(), id="room: nothing is replaced"),
        pytest.param(DEFER, [NOW - HOUR], 0, TOMORROW, id="capped: it waits"),
        pytest.param(DROP, [NOW - HOUR], 0, Dropped(), id="capped: it is dropped"),
        pytest.param(DROP, WEEK_FULL, 0, Dropped(), id="dropped for the week's cap too"),
        pytest.param(REPLACE, [NOW - HOUR], 0, TOMORROW, id="what has left cannot give way"),
        pytest.param(REPLACE, [], 1, Open(replaces=1), id="the waiting one gives way"),
        pytest.param(REPLACE, [], 2, Open(replaces=2), id="as many as must"),
        pytest.param(REPLACE, WEEK_FULL[1:], 1, Open(replaces=1), id="for the week's cap too"),
        pytest.param(REPLACE, [NOW - HOUR], 1, TOMORROW, id="in vain: nobody gives way"),
    ],
)
def test_over_the_caps(
    mode: WhenCapped, sent: list[datetime], waiting: int, answer: Open | Shut | Dropped
) -> None:
    found = turn(mode, WORKSPACE, OFFICE_HOURS, BERLIN, sent, waiting=waiting, now=NOW)
    assert found == answer


@pytest.mark.parametrize("mode", WhenCapped)
def test_while_the_window_is_shut_nothing_is_dropped_or_replaced(mode: WhenCapped) -> None:
    found = turn(mode, WORKSPACE, OFFICE_HOURS, BERLIN, [NOW], waiting=1, now=EVENING)
    assert found == TOMORROW


def _allowed(moment: datetime, zone: str, sent: list[datetime]) -> bool:
    """Say it the other way round: by looking at the local time, not by computing instants."""
    local = moment.astimezone(ZoneInfo(zone))
    same_day = [mail for mail in sent if mail.astimezone(ZoneInfo(zone)).date() == local.date()]
    same_week = [mail for mail in sent if moment - 7 * DAY < mail <= moment]
    return (
        local.isoweekday() <= 5
        and local.date() != date(2026, 12, 25)
        and time(8, 30) <= local.time() < time(17, 30)
        and len(same_day) < WORKSPACE.cap_per_day
        and len(same_week) < WORKSPACE.cap_per_week
    )


ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "Africa/Cairo"]


@settings(max_examples=60)
@given(
    st.sampled_from(ZONES),
    st.integers(min_value=0, max_value=365 * 24 * 60),
    st.lists(st.integers(min_value=0, max_value=7 * 24 * 60), max_size=5),
)
def test_the_opening_found_is_the_first_one_allowed(
    zone: str, minutes: int, ages: list[int]
) -> None:
    now = NOW + minutes * MINUTE
    sent = [now - age * MINUTE for age in ages]
    opens = sendable_from(WORKSPACE, OFFICE_HOURS, zone, sent, now=now)
    assert opens >= now
    assert _allowed(opens, zone, sent)
    moment = now
    while moment < opens:
        assert not _allowed(moment, zone, sent), f"{moment} was allowed already"
        moment += timedelta(minutes=30)
