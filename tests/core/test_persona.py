"""Golden persons fit the personas of the starter (domain rows 3 and 4)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from nurture.core.condition import (
    And,
    Compare,
    Condition,
    Known,
    Not,
    OneOf,
    Operator,
    Ref,
    ValueType,
    holds,
)
from nurture.core.persona import Persona, is_one_of, persona_of
from nurture.core.project import FitModel, FitRule
from nurture.core.score import fit
from nurture.project.load import load_folder
from tests.core.builders import NOW, TODAY, facts, lead

ROOT = Path(__file__).parents[2]


@cache
def personas() -> tuple[Persona, ...]:
    return tuple(load_folder(ROOT, {}).personas.values())


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("plant-manager", "plant-manager"),
        ("operations-director", "plant-manager"),
        ("maintenance-lead", "maintenance-lead"),
        ("energy-manager", "energy-manager"),
        ("purchasing", "purchasing"),
        ("student", None),
        (None, None),
    ],
)
def test_row_03_a_golden_person_fits_the_persona_expected(
    role: str | None, expected: str | None
) -> None:
    person = lead(profile={"role": role} if role else {}, account={})
    found = persona_of(personas(), person, today=TODAY, now=NOW)
    assert (found.name if found else None) == expected


def test_the_first_by_name_is_taken() -> None:
    person = lead(profile={"role": "purchasing"}, account={})
    (purchasing,) = [each for each in personas() if each.name == "purchasing"]
    twin = Persona(name="buyer", title="Buyer", when=purchasing.when, text=purchasing.text)
    found = persona_of([purchasing, twin], person, today=TODAY, now=NOW)
    assert found == twin


def test_row_04_every_persona_of_the_starter_has_something_to_say_and_to_ask() -> None:
    for each in personas():
        assert each.talking_points, each.name
        assert each.questions, each.name
        assert each.proof, each.name
    assert sum(each.weight for each in personas()) <= 120


# --- points by persona --------------------------------------------------------------------------

ROLES = ("boss", "fitter", "buyer")
ROLE, SIZE = Ref("lead", "role", ValueType.CHOICE), Ref("account", "employees", ValueType.NUMBER)
CONDITIONS = st.sampled_from(
    [
        *(Compare(ROLE, Operator.EQ, role) for role in ROLES),
        OneOf(ROLE, ("boss", "buyer")),
        Compare(SIZE, Operator.GE, 50),
        And((Compare(ROLE, Operator.EQ, "boss"), Compare(SIZE, Operator.LT, 50))),
        Not(Compare(ROLE, Operator.EQ, "fitter")),
        Known(SIZE),
    ]
)


def made(name: str, when: Condition) -> Persona:
    return Persona(name=name, title=name, when=when, text="")


@given(
    st.dictionaries(st.sampled_from("abcd"), CONDITIONS),
    st.frozensets(st.sampled_from("abcd")),
    st.sampled_from((*ROLES, None)),
    st.sampled_from((20, 50, None)),
)
def test_row_03_a_fit_rule_about_personas_takes_whom_the_dossier_takes(
    whens: dict[str, Condition], named: frozenset[str], role: str | None, employees: int | None
) -> None:
    some = [made(name, when) for name, when in whens.items()]
    who = lead(
        profile={"role": role} if role else {},
        account={"employees": employees} if employees else {},
    )
    found = persona_of(some, who, today=TODAY, now=NOW)
    is_one = found is not None and found.name in named
    assert holds(is_one_of(some, named), facts(who), now=NOW) is is_one


def test_row_03_a_persona_that_is_not_known_counts_nothing_either_way() -> None:
    rule = FitRule(id="role", when=is_one_of(personas(), ["plant-manager"]), points=30)
    model = FitModel(rules=(rule,), exclusions=(), grades={"A": 30})

    def found(**profile: str) -> tuple[int, int]:
        fitting = fit(model, facts(lead(profile=profile, account={})), now=NOW)
        return fitting.score.value // 1000, fitting.coverage_percent

    assert found() == (0, 0)
    assert found(role="student") == (0, 100)
    assert found(role="operations-director") == (30, 100)
