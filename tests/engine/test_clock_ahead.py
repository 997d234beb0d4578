"""A machine's clock was two days ahead, its worker died, and the clock was set right again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nurture.engine import advance, deliver
from nurture.store import enrollments, messages
from tests.engine.programme import Programme, row
from tests.engine.test_deliver_trouble import Wire, mail, plan, states, wire  # noqa: F401 (fixture)
from tests.engine.test_stop_lists import ADA, Account, pull

AHEAD = timedelta(days=2)


def test_mail_that_was_leased_ahead_leaves_at_once(
    programme: Programme,
    wire: Wire,  # noqa: F811 (fixture)
) -> None:
    plan(programme, 7)
    with programme.database.write() as connection:
        ahead = programme.now + AHEAD
        claim = messages.claim(connection, now=ahead, lease=deliver.LEASE, limit=7)
        assert len(claim.rows) == 7
    mail(programme)
    assert states(programme) == {"accepted": 7}
    assert len(wire.taken) == 7


def test_an_enrollment_that_was_leased_ahead_goes_on(programme: Programme) -> None:
    programme.bring(row(ADA))
    programme.tick()
    with programme.database.write() as connection:
        ahead = programme.now + 10 * AHEAD
        assert enrollments.claim(connection, now=ahead, lease=advance.LEASE, limit=7).rows
    assert states(programme) == {"accepted": 1}
    programme.wait(days=4)
    assert states(programme) == {"accepted": 2}


@pytest.mark.parametrize("apart", [timedelta(0), timedelta(minutes=10), timedelta(minutes=-4)])
def test_what_a_worker_holds_whose_clock_is_not_quite_ours_is_left_alone(
    lite: Programme, apart: timedelta
) -> None:
    plan(lite, 3)
    lite.now += timedelta(minutes=10)
    with lite.database.write() as connection:
        messages.claim(connection, now=lite.now + apart, lease=deliver.LEASE, limit=3)
        assert not messages.claim(connection, now=lite.now, lease=deliver.LEASE, limit=3).rows


def test_what_came_onto_a_stop_list_meanwhile_is_read(lite: Programme) -> None:
    account, begun = Account(), lite.now
    lite.now += AHEAD
    pull(lite, account)
    lite.now = begun + timedelta(days=1)
    lite.bring(row(ADA))
    account.put("bounces", ADA, begun + timedelta(hours=5))
    assert pull(lite, account).leads == 1
    account.asked.clear()
    lite.now += timedelta(days=1)
    pull(lite, account)
    since = {asked["start_time"] for _, asked in account.asked}
    assert since == {int((begun + timedelta(hours=23)).timestamp())}, "as ever from then on"
