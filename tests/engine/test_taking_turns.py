"""Mail to a receiver that has a rate of its own leaves in turn, also with ticks that come late."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from nurture.core.receivers import OTHERS
from nurture.engine import tick
from nurture.store.tables import messages
from tests.engine.programme import Programme, row
from tests.engine.test_deliver_trouble import mail, rows
from tests.engine.test_throttle import paced

DOMAIN = "one.example"
MINUTE = timedelta(minutes=1)


def plan(programme: Programme, name: str, count: int) -> None:
    """Plan mails to so many people at the receiving domain."""
    people = [row(f"{name}{number}@{DOMAIN}") for number in range(count)]
    programme.bring(*people, name=f"{name}.csv")
    tick.think(programme.runtime, programme.ways, tick.Ticked(), now=programme.now, limit=count)


def cancel(programme: Programme, *, but: int = 0) -> None:
    """Cancel all that waits, but the last so many."""
    ids = [each.id for each in rows(programme, "ready")]
    gone = ids[: len(ids) - but]
    with programme.database.write() as connection:
        connection.execute(
            update(messages).where(messages.c.id.in_(gone)).values(state="cancelled")
        )


def test_ticks_that_come_late_let_nobody_be_overtaken(lite: Programme) -> None:
    wire = paced(lite, per_domain={DOMAIN: 10})
    plan(lite, "p", 100)
    begun, left = lite.now, list[datetime]()
    while rows(lite, "ready"):
        mail(lite)
        left += [lite.now] * (len(wire.taken) - len(left))
        lite.now += timedelta(seconds=61.5)
    assert wire.taken == [each.uid for each in rows(lite)]
    assert max(left) - begun <= 11 * MINUTE
    assert all(later - at >= MINUTE for at, later in zip(left, left[10:], strict=False))


@pytest.mark.parametrize("but", [0, 2], ids=["all", "all but the last two"])
def test_who_is_cancelled_holds_nobody_up(programme: Programme, but: int) -> None:
    wire = paced(programme, per_domain={DOMAIN: 10})
    plan(programme, "p", 100)
    mail(programme)
    cancel(programme, but=but)
    programme.now += 2 * MINUTE
    plan(programme, "q", 12)
    mail(programme)
    assert len(wire.taken) == 20
    turns = [each.not_before - programme.now for each in rows(programme, "ready")]
    assert len(turns) == 2 + but
    assert all(MINUTE <= turn < 1.5 * MINUTE for turn in turns)


def test_a_warm_up_lets_follow_who_waits_where_others_were_cancelled(lite: Programme) -> None:
    wire = paced(lite, ramp_from=lite.now)
    plan(lite, "p", 100)
    mail(lite)
    cancel(lite, but=1)
    lite.now += MINUTE
    mail(lite)
    (last,) = rows(lite, "ready")
    assert f" to {OTHERS} " in last.reason
    assert last.not_before - lite.now < timedelta(hours=1)
    lite.now = last.not_before
    mail(lite)
    assert len(wire.taken) == 21


def test_a_long_line_that_is_full_stays_as_it_is(lite: Programme) -> None:
    paced(lite, per_domain={DOMAIN: 10})
    plan(lite, "p", 100)
    mail(lite)
    before = [(each.id, each.not_before) for each in rows(lite, "ready")]
    lite.now += timedelta(seconds=30)
    mail(lite)
    assert [(each.id, each.not_before) for each in rows(lite, "ready")] == before
