"""A warm-up counts each receiver group by itself, and no group waits for another."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from nurture.core.receivers import receiver_group
from nurture.core.throttle import IDLE, RAMP, Pacing
from nurture.engine import sending, throttle, tick
from nurture.engine.apply import apply
from tests.engine.programme import Programme, row
from tests.engine.test_deliver_trouble import Wire, mail, rows
from tests.engine.test_throttle import DOMAIN, paced

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def plan(programme: Programme, **at: int) -> None:
    """Plan so many mails at each provider: gmail=30 are to 30 people at gmail.com."""
    names = {"gmail": "gmail.com", "outlook": "outlook.de", "gmx": "web.de", "plants": "p.example"}
    people = [f"p{n}@{names[name]}" for name, count in at.items() for n in range(count)]
    programme.bring(*map(row, people))
    total = tick.Ticked()
    tick.think(programme.runtime, programme.ways, total, now=programme.now, limit=len(people))
    assert total.advance["planned"] == len(people)


def taken(wire: Wire, since: int = 0) -> Counter[str]:
    """Count what the wire has taken, by receiver group."""
    emails = (wire.addresses[uid] for uid in wire.taken[since:])
    return Counter(receiver_group(email.partition("@")[2]) for email in emails)


def test_each_receiver_group_has_the_curve_to_itself(programme: Programme) -> None:
    wire = paced(programme, ramp_from=programme.now, time_zone="Europe/Berlin")
    plan(programme, gmail=30, outlook=25, plants=10)
    mail(programme)
    assert taken(wire) == {"gmail": 20, "outlook": 20, "others": 10}
    until = "until Wed 2 Sep 2026, 10:00 Europe/Berlin"
    found = sending.look(programme.runtime, now=programme.now)
    assert [(group.mails, group.reason) for group in found.held] == [
        (10, f"warm-up: 20 an hour to gmail {until}"),
        (5, f"warm-up: 20 an hour to outlook {until}"),
    ]
    assert [(limit.why, limit.left) for limit in found.limits] == [
        ("warm-up, day 0: 20 an hour to gmail", 0),
        ("warm-up, day 0: 20 an hour to outlook", 0),
        ("warm-up, day 0: 20 an hour to others", 10),
    ]
    first = found.held[0]
    assert first.first_at == programme.now + HOUR
    assert first.last_at == programme.now + HOUR + 9 * HOUR / 20
    programme.now = first.last_at
    mail(programme)
    assert sum(taken(wire).values()) == 65


def test_before_the_first_mail_all_groups_begin_alike(lite: Programme) -> None:
    paced(lite, ramp_from=lite.now - 2 * DAY)
    (limit,) = sending.look(lite.runtime, now=lite.now).limits
    assert (limit.why, limit.left) == ("warm-up, day 2: 39 an hour to each receiver group", 39)


def test_a_warm_up_and_rates_hold_together(programme: Programme) -> None:
    rates: dict[str, Any] = {"per_minute": 30, "per_domain": {"outlook.de": 5}}
    wire = paced(programme, ramp_from=programme.now, breakers=True, **rates)
    plan(programme, gmail=30, outlook=30, plants=30)
    for _ in range(6):
        mail(programme)
        programme.now += timedelta(minutes=1)
    # No token of the minute was used for a mail that its group or its domain held back.
    assert taken(wire) == {"gmail": 20, "outlook": 20, "others": 20}


def tokens(programme: Programme, pacing: Pacing, email: str, now: datetime) -> int:
    """Return how many mails to the address may leave now, and let them."""
    with programme.database.write() as connection:
        meter = throttle.Meter(connection, pacing, [email], now=now)
        count = 0
        while count < RAMP[5] and meter.take(email) is None:
            count += 1
        meter.keep(connection)
    return count


def test_a_group_without_mail_for_a_month_begins_again_and_no_other_does(lite: Programme) -> None:
    begun = lite.now
    pacing = Pacing(sender_domain=DOMAIN, ramp_from=begun)
    for at in (begun, begun + DAY):
        day = (at - begun) // DAY
        assert tokens(lite, pacing, "a@gmail.com", at) == RAMP[day]
    assert tokens(lite, pacing, "a@gmx.de", begun + DAY + IDLE / 2) == RAMP[5], "day 16 allows it"
    silent = begun + DAY + IDLE + HOUR
    assert tokens(lite, pacing, "a@gmail.com", silent) == RAMP[0]
    assert tokens(lite, pacing, "a@gmail.com", silent + DAY) == RAMP[1]
    assert tokens(lite, pacing, "a@gmx.de", silent) == RAMP[5], "the curve is over for it"


def test_another_pace_lets_what_was_booked_ask_at_once(programme: Programme) -> None:
    wire = paced(programme, ramp_from=programme.now)
    plan(programme, gmail=50)
    mail(programme)
    workspace = replace(programme.project.workspace, pacing=Pacing(sender_domain=DOMAIN))
    programme.project = replace(programme.project, workspace=workspace, content_hash="faster")
    apply(programme.runtime, programme.project, by="Ann", now=programme.now)
    mail(programme)
    assert taken(wire) == {"gmail": 50}


def per_hour(left: list[tuple[datetime, str]], group: str) -> int:
    """Return the most that left to the group in any hour, wherever it begins."""
    times = [at for at, name in left if name == group]
    return max(sum(first <= at < first + HOUR for at in times) for first in set(times))


@pytest.fixture
def busy(lite: Programme) -> tuple[Programme, Wire]:
    """Return a programme on day 3 of its warm-up with 5,000 mails, most of them to gmail."""
    wire = paced(lite, ramp_from=lite.now - 3 * DAY)
    wire.group_size = 100
    plan(lite, gmail=4000, gmx=500, outlook=300, plants=200)
    return lite, wire


def test_a_long_queue_at_one_provider_holds_up_no_other(busy: tuple[Programme, Wire]) -> None:
    programme, wire = busy
    begun, left = programme.now, list[tuple[datetime, str]]()
    forecasts = list[datetime]()
    while programme.now < begun + 6 * HOUR:
        before = len(wire.taken)
        mail(programme)
        left += [(programme.now, name) for name in taken(wire, before).elements()]
        empty_at = sending.look(programme.runtime, now=programme.now).empty_at
        assert empty_at is not None
        forecasts.append(empty_at)
        programme.now += timedelta(minutes=20)
    for group in ("gmail", "gmx", "outlook", "others"):
        assert per_hour(left, group) <= RAMP[3]
    counts = Counter(name for _, name in left)
    assert counts["others"] == 200, "all of them are done, though 4,000 others waited before them"
    assert all(counts[name] >= 5 * RAMP[3] for name in ("gmail", "gmx", "outlook"))
    # 55 an hour today, 77 tomorrow, 108 from the day after: in the window that is always open.
    assert {at.date() for at in forecasts} == {begun.date() + 2 * DAY}
    last = max(each.not_before for each in rows(programme, "ready"))
    assert abs(forecasts[-1] - last) < timedelta(minutes=30)
