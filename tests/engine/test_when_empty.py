"""The forecast of the queue counts what is limited for some receivers only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from nurture.engine import sending, tick
from nurture.store.sending import WaitingFor, busiest, by_window
from nurture.store.tables import leads
from tests.engine.programme import Programme, row
from tests.engine.test_throttle import paced

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PEOPLE = (
    *(f"a{n}@big.example" for n in range(90)),
    *(f"b{n}@gmail.com" for n in range(45)),
    *(f"c{n}@plant{n}.example" for n in range(40)),
)
QUEUES: tuple[tuple[str, dict[str, Any], float], ...] = (
    ("no limit: at once", {}, 0),
    ("a rate for all mail", {"per_minute": 1}, 175 / 60),
    ("one for a receiving domain", {"per_domain": {"big.example": 1}}, 90 / 60),
    ("one for every domain that is not named", {"per_other_domain": 1}, 90 / 60),
    ("two: the later one", {"per_domain": {"big.example": 2, "gmail.com": 1}}, 45 / 60),
    ("a warm-up: 130 others at 20 an hour", {"ramp_day": 0}, 130 / 20),
    ("both", {"ramp_day": 9, "per_domain": {"gmail.com": 1}}, 45 / 60),
)


def queued(programme: Programme) -> None:
    """Plan a mail for everybody; none of them has been looked at."""
    programme.bring(*map(row, PEOPLE))
    total = tick.Ticked()
    tick.think(programme.runtime, programme.ways, total, now=programme.now, limit=1000)
    assert total.advance["planned"] == len(PEOPLE)


def hours_to_go(programme: Programme, *, ramp_day: int | None = None, **pacing: Any) -> float:
    """Return in how many hours the queue is empty at that pace."""
    ramp_from = None if ramp_day is None else programme.now - ramp_day * DAY
    paced(programme, ramp_from=ramp_from, **pacing)
    empty_at = sending.look(programme.runtime, now=programme.now).empty_at
    assert empty_at is not None
    return (empty_at - programme.now) / HOUR


def test_the_queue_is_empty_when_the_slowest_part_of_it_is(programme: Programme) -> None:
    queued(programme)
    found = {name: hours_to_go(programme, **pacing) for name, pacing, _ in QUEUES}
    assert found == pytest.approx({name: hours for name, _, hours in QUEUES})


def test_waiting_mails_are_counted_by_what_stands_behind_the_last_at(programme: Programme) -> None:
    queued(programme)
    with programme.database.write() as connection:
        quoted = update(leads).where(leads.c.id == programme.lead(PEOPLE[-1]))
        connection.execute(quoted.values(email='"d@big.example"@Small.example'))
    with programme.database.read() as connection:
        found = by_window(connection, ["big.example", "small.example"])
        assert busiest(connection, more_than=44) == ["big.example", "gmail.com"]
        assert busiest(connection, more_than=45) == ["big.example"]
        (together,) = by_window(connection)
    assert {one.domain: one.mails for one in found} == {
        "big.example": 90, "small.example": 1, "": 84,
    }  # fmt: skip
    assert isinstance(together, WaitingFor)
    assert (together.domain, together.mails) == ("", 175)
