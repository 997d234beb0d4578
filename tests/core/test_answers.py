"""Answers: what people type, read as the value of a field, or refused with a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from nurture.core.answers import clean_text, is_nothing, parse_answer
from nurture.core.condition import ValueType
from nurture.core.errors import RefusedInput
from nurture.core.lead import Value
from nurture.core.project import Field

CHOICES = {"food": "Food and drink", "steel": "Steel", "none": "None of these"}


def field(type_: ValueType, **limits: int) -> Field:
    """Return a field of the type."""
    return Field(
        owner="account", name="x", type=type_, label="X", choices=CHOICES,
        minimum=limits.get("minimum"), maximum=limits.get("maximum"),
    )  # fmt: skip


TEXT, NUMBER, BOOL, DATE, CHOICE, SEVERAL = (
    field(type_)
    for type_ in (
        ValueType.TEXT, ValueType.NUMBER, ValueType.BOOL, ValueType.DATE, ValueType.CHOICE,
        ValueType.CHOICES,
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "typed", "value"),
    [
        pytest.param(TEXT, "  Ada ", "Ada", id="text is trimmed"),
        pytest.param(TEXT, "Zoe\u0308", "Zoë", id="and composed"),
        pytest.param(TEXT, "a\x00b\x1b", "ab", id="without control characters"),
        pytest.param(NUMBER, "250", 250, id="a number"),
        pytest.param(NUMBER, "-5", -5, id="below zero"),
        pytest.param(NUMBER, "1,200", 1200, id="with a comma"),
        pytest.param(NUMBER, "1.200.000", 1_200_000, id="with points"),
        pytest.param(NUMBER, "1\u202f200", 1200, id="with a thin space"),
        pytest.param(NUMBER, "1'200", 1200, id="with an apostrophe"),
        pytest.param(NUMBER, "ca. 300", 300, id="about"),
        pytest.param(NUMBER, "75 kW", 75, id="with a unit"),
        pytest.param(NUMBER, "300 Mitarbeiter", 300, id="with a word"),
        pytest.param(NUMBER, "12.5", 12, id="decimals are cut off"),
        pytest.param(BOOL, "Ja", True, id="yes"),
        pytest.param(BOOL, "off", False, id="no"),
        pytest.param(DATE, "2026-11-30", "2026-11-30", id="a date"),
        pytest.param(DATE, "30.11.2026", "2026-11-30", id="a date with points"),
        pytest.param(DATE, "2026/11/30", "2026-11-30", id="a date with strokes"),
        pytest.param(CHOICE, "food", "food", id="a choice by its key"),
        pytest.param(CHOICE, "FOOD and drink", "food", id="a choice by its label"),
        pytest.param(CHOICE, "none", "none", id="none can be a choice"),
    ],
)
def test_read(asked: Field, typed: str, value: Value) -> None:
    assert parse_answer(asked, [typed]) == value


@pytest.mark.parametrize("typed", ["", "  ", "-", "N/A", "unknown", "?"])
@pytest.mark.parametrize("asked", [TEXT, NUMBER, BOOL, DATE], ids=lambda f: str(f.type))
def test_no_answer(asked: Field, typed: str) -> None:
    assert parse_answer(asked, [typed]) is None
    assert is_nothing(typed)


def test_nothing_given_is_no_answer() -> None:
    assert parse_answer(TEXT, []) is None
    assert parse_answer(SEVERAL, ["", ""]) is None


def test_the_first_of_several_answers_that_says_something_counts() -> None:
    assert parse_answer(NUMBER, ["", "5", "6"]) == 5


def test_several_choices_are_sorted_and_each_there_once() -> None:
    assert parse_answer(SEVERAL, ["steel", "food", "Steel"]) == ("food", "steel")


@pytest.mark.parametrize(
    ("asked", "typed", "why"),
    [
        pytest.param(NUMBER, "many", "whole number", id="no number"),
        pytest.param(NUMBER, "50-100", "whole number", id="a range"),
        pytest.param(NUMBER, "1,20,0", "whole number", id="misplaced commas"),
        pytest.param(NUMBER, "5k", "whole number", id="thousands are not ones"),
        pytest.param(NUMBER, "1.2 Mio.", "whole number", id="nor are millions"),
        pytest.param(NUMBER, "9" * 30, "whole number", id="too many digits"),
        pytest.param(NUMBER, "9999999999", "a number from", id="too large for any field"),
        pytest.param(field(ValueType.NUMBER, minimum=1), "0", "from 1", id="below the least"),
        pytest.param(field(ValueType.NUMBER, maximum=9), "10", "to 9", id="above the most"),
        pytest.param(BOOL, "maybe", "yes or no", id="neither yes nor no"),
        pytest.param(DATE, "31.02.2026", "date", id="no such day"),
        pytest.param(DATE, "0026-02-01", "date", id="a year long ago"),
        pytest.param(DATE, "soon", "date", id="no date"),
        pytest.param(CHOICE, "glass", "choose", id="no such choice"),
        pytest.param(TEXT, "x" * 4001, "longer", id="too long"),
        pytest.param(TEXT, "\ud800", "not valid text", id="half a character"),
    ],
)
def test_refused(asked: Field, typed: str, why: str) -> None:
    with pytest.raises(RefusedInput, match=why):
        parse_answer(asked, [typed])


@given(st.sampled_from([TEXT, NUMBER, BOOL, DATE, CHOICE]), st.text())
def test_whatever_is_read_is_read_again_as_the_same(asked: Field, typed: str) -> None:
    try:
        value = parse_answer(asked, [typed])
    except RefusedInput:
        return
    if value is not None:
        assert parse_answer(asked, [str(value)]) == value


def test_lines_stay_lines() -> None:
    assert clean_text("one\r\ntwo") == "one\ntwo"
