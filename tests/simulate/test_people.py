"""Pretend people and pretend sales: the same seed is the same behaviour, in any order."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from nurture.simulate.clock import VirtualClock
from nurture.simulate.people import LEANINGS, RARE, Deed, Person, Temperament
from nurture.simulate.sales import FIRST, answers

TODAY = date(2026, 9, 1)
PEOPLE = [Person(seed=7, email=f"p{n}@plant.example") for n in range(600)]


def test_the_same_person_reacts_to_the_same_mail_in_the_same_way() -> None:
    again = [Person(seed=7, email=person.email) for person in reversed(PEOPLE)]
    assert [p.react("a/1", asks=True) for p in PEOPLE] == [
        p.react("a/1", asks=True) for p in reversed(again)
    ]


def test_another_seed_is_another_crowd() -> None:
    other = [Person(seed=8, email=person.email) for person in PEOPLE]
    assert [p.temperament for p in PEOPLE] != [p.temperament for p in other]


def test_every_temperament_is_there_and_the_silent_do_nothing() -> None:
    found = Counter(person.temperament for person in PEOPLE)
    assert set(found) == set(Temperament)
    for person in PEOPLE:
        if person.temperament is Temperament.SILENT:
            deeds = {reaction.deed for reaction in person.react("a/1", asks=True)}
            assert deeds <= {Deed.SCAN, Deed.OPEN, Deed.OUT_OF_OFFICE}


def test_reactions_come_in_order_and_a_scanner_is_quicker_than_any_person() -> None:
    for person in PEOPLE:
        reactions = person.react("a/1", asks=False)
        assert [r.after for r in reactions] == sorted(r.after for r in reactions)
        for reaction in reactions:
            assert (reaction.after < timedelta(seconds=10)) == (reaction.deed is Deed.SCAN)


def test_nobody_ticks_what_nobody_says_in_passing() -> None:
    options = ["decider", "influencer", "user", "observer", "student"]
    ticked = {person.answer("lead.authority", options, "radio", today=TODAY) for person in PEOPLE}
    assert ticked == set(LEANINGS["lead.authority"])
    assert not ticked & RARE


@pytest.mark.parametrize(
    ("kind", "field"), [("number", "account.employees"), ("number", "x.y"), ("date", "x.d")]
)
def test_typed_answers_are_of_their_kind(kind: str, field: str) -> None:
    for person in PEOPLE[:50]:
        text = person.answer(field, [], kind, today=TODAY)
        assert text == "" or (text.isdigit() if kind == "number" else date.fromisoformat(text))


def test_whoever_is_asked_for_a_number_to_call_types_one() -> None:
    for person in PEOPLE[:50]:
        text = person.answer("lead.phone", [], "text", today=TODAY)
        assert text == "" or text.startswith("+4")


def test_sales_answers_in_order_and_each_first_answer_occurs() -> None:
    said = [answers(7, f"p{n}@plant.example/1") for n in range(300)]
    assert {found[0].verb if found else "" for found in said} == {verb for verb, _ in FIRST}
    for found in said:
        assert [a.after for a in found] == sorted(a.after for a in found)


def test_virtual_time_never_runs_backwards() -> None:
    clock = VirtualClock(datetime(2026, 9, 1, tzinfo=UTC))
    clock.move_to(datetime(2026, 9, 2, tzinfo=UTC))
    with pytest.raises(AssertionError, match="forward"):
        clock.move_to(datetime(2026, 9, 1, tzinfo=UTC))
