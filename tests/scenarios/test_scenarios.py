"""Every scenario holds; together they cover the tables that they are named after."""

from __future__ import annotations

from itertools import product

import pytest

from nurture.core.lead import Stage, Temperature, Verdict
from nurture.core.stages import BACK, FORWARD
from nurture.store.db import Database
from tests.engine.programme import Programme
from tests.scenarios.runner import Case, cases, play

ALL = list(cases())


@pytest.mark.parametrize("case", ALL, ids=str)
def test_it_goes_as_the_scenario_says(case: Case, sqlite_database: Database) -> None:
    assert play(case, Programme(sqlite_database)) == []


def test_row_18_all_27_combinations_of_the_three_gates_are_there() -> None:
    gates = ("organization", "opportunity", "stakeholder")
    found = [
        tuple(case.steps[0]["then"][gate] for gate in gates)
        for case in ALL
        if case.file == "row-18-three-gates"
    ]
    assert sorted(found) == sorted(product(map(str, Verdict), repeat=3))


def test_row_23_every_temperature_is_there() -> None:
    found = {
        step["then"]["temperature"]
        for case in ALL
        for step in case.steps
        if "temperature" in step.get("then", {})
    }
    assert found == {str(one) for one in Temperature}


def test_every_usual_move_forward_and_back_is_there() -> None:
    found = {
        move.partition(":")[0]
        for case in ALL
        for step in case.steps
        for move in step.get("then", {}).get("moves", [])
    }
    usual = {f"{one} -> {to}" for one in Stage for to in (*FORWARD[one], *BACK[one])}
    assert usual - found == set()
