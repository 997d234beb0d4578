"""Fool's gold is told from solid gold (row 36), and sales gets the best few of it (row 37)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import mean

import pytest
from sqlalchemy import select

from nurture.core.event import EventKind
from nurture.store.db import Database
from nurture.store.tables import handoffs
from tests.engine.programme import Programme, row, starter

ADA = "ada@berg-foods.example"
Deeds = Callable[[Programme, int], None]


def reads_a_lot(programme: Programme, lead: int) -> None:
    for number in range(4):
        programme.happens(lead, EventKind.MESSAGE_CLICKED, f"mail-{number}")
        programme.happens(lead, EventKind.FORM_SUBMITTED, "profile-basics")


def is_a_student(programme: Programme, lead: int) -> None:
    programme.tells(lead, lead__role="student")
    reads_a_lot(programme, lead)


def works_for_a_rival(programme: Programme, lead: int) -> None:
    programme.tells(lead, account__industry="competitor")
    reads_a_lot(programme, lead)


def looks_for_a_job(programme: Programme, lead: int) -> None:
    programme.happens(lead, EventKind.MESSAGE_CLICKED, "leak-walk")
    for _ in range(3):
        programme.happens(lead, EventKind.PAGE_VIEWED, "careers")


def is_a_machine(programme: Programme, lead: int) -> None:
    for number in range(9):
        programme.happens(lead, EventKind.MESSAGE_CLICKED, f"mail-{number}", human=False)


def is_solid_gold(programme: Programme, lead: int) -> None:
    programme.tells(lead, lead__role="plant-manager", account__industry="food")
    reads_a_lot(programme, lead)


@pytest.mark.parametrize(
    ("deeds", "stage", "grade", "engaged"),
    [
        pytest.param(is_a_student, "disqualified", "B", True, id="a student"),
        pytest.param(works_for_a_rival, "disqualified", "B", True, id="a competitor"),
        pytest.param(looks_for_a_job, "lead", "B", False, id="a careers visitor"),
        pytest.param(is_a_machine, "lead", "B", False, id="a link scanner"),
        pytest.param(is_solid_gold, "lead", "A", True, id="solid gold"),
    ],
)
def test_what_looks_good_and_is_not_lands_in_another_cell(
    programme: Programme, deeds: Deeds, stage: str, grade: str, engaged: bool
) -> None:
    programme.bring(row(ADA, downloaded=""))
    deeds(programme, programme.lead(ADA))
    programme.tick()
    found = programme.standing(programme.lead(ADA))
    assert (found["stage"], found["grade"]) == (stage, grade)
    assert (found["engagement"] >= 25_000) is engaged


def handed_over(programme: Programme, capacity: int) -> list[int]:
    """Let six leads qualify, some more engaged than others; return the readiness of the handed."""
    rules = starter().qualification
    few = replace(rules, handoff=replace(rules.handoff, capacity_per_week=capacity))
    programme.project = replace(starter(), qualification=few)
    names = [f"p{number}@plant{number}.example" for number in range(6)]
    programme.bring(*(row(name, company=f"Plant {n}") for n, name in enumerate(names)))
    for number, name in enumerate(names):
        programme.qualify(programme.lead(name))
        for _ in range(number % 3):
            programme.happens(programme.lead(name), EventKind.MESSAGE_REPLIED, "leak-walk")
    programme.tick()
    with programme.database.read() as connection:
        released = select(handoffs.c.readiness).where(handoffs.c.released_at.is_not(None))
        return list(connection.scalars(released))


@pytest.mark.parametrize("capacity", [1, 2, 4])
def test_sales_gets_no_more_than_it_asked_for_and_the_best_of_it(
    database: Database, capacity: int
) -> None:
    programme = Programme(database)
    found = handed_over(programme, capacity)
    assert len(found) == capacity
    with programme.database.read() as connection:
        everybody = sorted(connection.scalars(select(handoffs.c.readiness)), reverse=True)
    assert len(everybody) == 6
    assert sorted(found, reverse=True) == everybody[:capacity]
    assert mean(found) > mean(everybody), "fewer are better"
