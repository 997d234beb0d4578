"""Golden persons fit the personas of the starter (domain rows 3 and 4)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from nurture.core.persona import Persona, persona_of
from nurture.project.load import load_folder
from tests.core.builders import NOW, TODAY, lead

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
def test_a_golden_person_fits_the_persona_expected(role: str | None, expected: str | None) -> None:
    person = lead(profile={"role": role} if role else {}, account={})
    found = persona_of(personas(), person, today=TODAY, now=NOW)
    assert (found.name if found else None) == expected


def test_the_first_by_name_is_taken() -> None:
    person = lead(profile={"role": "purchasing"}, account={})
    (purchasing,) = [each for each in personas() if each.name == "purchasing"]
    twin = Persona(name="buyer", title="Buyer", when=purchasing.when, text=purchasing.text)
    found = persona_of([purchasing, twin], person, today=TODAY, now=NOW)
    assert found == twin


def test_every_persona_of_the_starter_has_something_to_say_and_to_ask() -> None:
    for each in personas():
        assert each.talking_points, each.name
        assert each.questions, each.name
        assert each.proof, each.name
    assert sum(each.weight for each in personas()) <= 120
