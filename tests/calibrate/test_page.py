from __future__ import annotations

from dataclasses import replace

import pytest
from selectolax.lexbor import LexborHTMLParser

from nurture.calibrate.backtest import Plan, Split, backtest
from nurture.calibrate.page import render
from tests.calibrate.population import factories

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def page() -> str:
    cases = factories()
    known = cases.columns.assign(
        closed_by=["Jonas" if won else "" for won in cases.won],
        **{HOSTILE: ["a" if won else "b" for won in cases.won]},
    )
    found = backtest(replace(cases, columns=known, title=HOSTILE), Plan(capacity=50))
    return render(found, yaml=HOSTILE, is_diff=False)


def test_the_page_needs_nothing_else(page: str) -> None:
    tree = LexborHTMLParser(page)

    assert not tree.css("script, link, img, iframe")
    assert "http" not in page.replace("http-equiv", "")


def test_names_are_shown_and_never_obeyed(page: str) -> None:
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_the_page_warns_first_of_what_knows_too_much(page: str) -> None:
    tree = LexborHTMLParser(page)
    pill = tree.css_first(".pill")

    assert pill is not None
    assert pill.text() == "2 fields know too much: read this first"
    assert tree.css_first("#leaks") is not None


def test_every_figure_says_in_words_what_it_shows(page: str) -> None:
    tree = LexborHTMLParser(page)

    assert all(chart.attributes.get("aria-label") for chart in tree.css("svg"))
    assert all(text.text().strip() for text in tree.css("figcaption p"))


def test_a_time_split_is_told_as_what_it_is() -> None:
    found = backtest(factories(), Plan(split=Split.TIME))

    assert "The first 70 % of the cases in time were learned from" in render(
        found, yaml="", is_diff=False
    )
