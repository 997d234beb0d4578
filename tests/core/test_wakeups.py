"""Days that a lead named, and the limit of being new."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nurture.core.condition import TRUE, And, Known
from nurture.core.history import History
from nurture.core.lead import Lead, Stage, Temperature
from nurture.core.project import Project
from tests.core.builders import (
    DAY,
    HOUR,
    NOW,
    QUALIFICATION,
    REVISIT_ON,
    assessed,
    lead,
    project,
    qualified,
    standing,
    temperature,
)

COLD = replace(
    temperature(Temperature.COLD, And((TRUE, Known(REVISIT_ON)))), needs=("lead.revisit_on",)
)
NEW = replace(temperature(Temperature.NEW, TRUE), at_most_seconds=21 * 86400)
RULES: Project = project(temperatures=(COLD, NEW))
MIDNIGHT = datetime(2026, 9, 9, 22, tzinfo=UTC)
"""When 10 September begins in Berlin."""


def prospect(**changes: object) -> Lead:
    return qualified(
        standing=standing(stage=Stage.PROSPECT), temperature_at=NOW - 20 * DAY, **changes
    )


WAITS = prospect(profile={"authority": "decider", "revisit_on": "2026-09-10"})


def test_row_27_cold_needs_its_day_and_is_looked_at_then() -> None:
    assert assessed(prospect(), rules=RULES).standing.temperature is Temperature.NEW
    found = assessed(WAITS, rules=RULES)
    assert found.standing.temperature is Temperature.COLD
    assert (found.check_at, found.arrived) == (MIDNIGHT, ())


def test_row_26_the_day_arrives_exactly_once() -> None:
    later = MIDNIGHT + HOUR
    [arrived] = assessed(WAITS, rules=RULES, now=later).arrived
    assert (arrived.key, arrived.at) == ("lead.revisit_on", MIDNIGHT)
    known = History(arrived={"lead.revisit_on": MIDNIGHT})
    assert assessed(WAITS, known, RULES, now=later).arrived == ()
    another = prospect(profile={"authority": "decider", "revisit_on": "2026-09-02"})
    assert len(assessed(another, known, RULES, now=later).arrived) == 1


@pytest.mark.parametrize("said", ["", "soon", "9999-12-31", 7])
def test_what_is_no_day_of_ours_wakes_nobody(said: object) -> None:
    who = prospect(profile={"authority": "decider", "revisit_on": said})
    assert assessed(who, rules=RULES).arrived == ()


def test_row_24_who_is_new_for_too_long_is_asked_about_once() -> None:
    end = NOW + DAY
    waiting = assessed(prospect(), rules=RULES)
    assert (waiting.asks, waiting.check_at) == ((), end)
    [ask] = assessed(prospect(), rules=RULES, now=end).asks
    [again] = assessed(prospect(), rules=RULES, now=end + 5 * DAY).asks
    assert ask == again
    assert ask.failing == ()


def test_the_clock_of_new_begins_with_the_stage() -> None:
    fresh = assessed(lead(profile={"authority": "decider"}, account=QUALIFIED), rules=RULES)
    assert fresh.standing.stage is Stage.PROSPECT
    assert fresh.temperature_at == NOW
    assert fresh.check_at == NOW + 21 * DAY


QUALIFIED = {"employees": 100, "compressor_kw": 90}


def test_without_a_limit_new_may_last() -> None:
    rules = project(temperatures=QUALIFICATION.temperatures)
    assert assessed(prospect(), rules=rules, now=NOW + 400 * DAY).asks == ()
