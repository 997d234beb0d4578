"""Shares, intervals, quartiles and reasons."""

from __future__ import annotations

import pytest

from nurture.reports.counting import quartiles, share, wilson
from nurture.reports.reasons import plain, said
from nurture.reports.wording import count, days, lasting, many, percent, speaking


@pytest.mark.parametrize(
    ("part", "whole", "interval"),
    [
        pytest.param(2, 3, (0.2077, 0.9385), id="few"),
        pytest.param(81, 263, (0.2553, 0.3662), id="the example of Newcombe, 1998"),
        pytest.param(0, 20, (0.0, 0.1611), id="none"),
        pytest.param(20, 20, (0.8389, 1.0), id="all"),
    ],
)
def test_wilson_intervals_are_those_of_the_books(
    part: int, whole: int, interval: tuple[float, float]
) -> None:
    assert wilson(part, whole) == pytest.approx(interval, abs=5e-5)


def test_without_a_case_there_is_no_rate() -> None:
    assert share(0, 0) is None
    assert wilson(0, 0) == (None, None)
    assert quartiles([]) == (None, None, None)


def test_quartiles_are_interpolated() -> None:
    assert quartiles([10, 4, 6, 14, 8, 2]) == (4.5, 7.0, 9.5)


def test_words_that_one_handoff_got_are_folded_unless_they_are_usual() -> None:
    reasons = [
        "Wrong-person",
        "wrong person.",
        "She is on leave",
        "no need",
        "",
        "Too far",
        "too far",
    ]
    assert said(reasons) == {
        "wrong person": 2,
        "too far": 2,
        "in other words": 1,
        "no need": 1,
        "no reason given": 1,
    }


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        pytest.param("with sales", "with sales", id="as it is"),
        pytest.param("550 <ada@x.example>: no", "550 <(address)>: no", id="an address"),
        pytest.param("set aside: KeyError: 'Ada'", "set aside: KeyError", id="an error's text"),
        pytest.param("a\nb\x00 c", "a b c", id="one line"),
        pytest.param("x" * 200, "x" * 79 + "…", id="not too long"),
    ],
)
def test_a_reason_names_nobody(reason: str, shown: str) -> None:
    assert plain(reason) == shown


def test_numbers_are_written_as_people_read_them() -> None:
    space = "\u00a0"
    assert count(4812) == "4,812"
    assert [percent(part) for part in (0.0, 0.046, 0.0999, 0.345, 1.0, None)] == [
        f"{shown}{space}%" if shown else "–"  # noqa: RUF001 (the dash that stands for no figure)
        for shown in ("0", "4.6", "10", "34", "100", "")
    ]
    assert [days(number) for number in (0.5, 3.25, 26.2)] == [
        f"12{space}h",
        f"3.2{space}d",
        f"26{space}d",
    ]
    assert [lasting(number) for number in (1 / 24, 1.2, 26.4)] == ["1 hour", "1 day", "26 days"]
    assert (many(1, "person", "people"), many(0, "mail")) == ("1 person", "0 mails")
    assert speaking("three-quick-questions") == "Three quick questions"
