"""What a run leaves to be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from flows import pages
from flows.work import Done
from nurture.engine.health import Health, Line, Need
from tests.flows.programme import DUE

QUIET = Done(
    counts={"assess": {"leads": 0}},
    health=Health(
        at=DUE,
        lines=(
            Line(name="deliver", title="Mails", due=0, oldest_for=None, is_behind=False),
        ),
        needs=(),
        halted=(),
    ),
)  # fmt: skip
LATE = Line(name="deliver", title="Mails", due=7, oldest_for=timedelta(hours=2), is_behind=True)
DOUBT = Need(name="mails_uncertain", title="Mails in doubt", count=2, remedy="Look.")


def test_a_quiet_run_says_so() -> None:
    assert pages.headline(QUIET) == "nothing was due"
    assert "Nothing was due." in pages.page(QUIET)
    assert "## Needs a person\n\nNothing." in pages.page(QUIET)


def test_only_what_happened_is_counted() -> None:
    done = replace(QUIET, counts={"assess": {"leads": 3, "stale": 0}, "echo": {"posts": 0}})

    assert pages.headline(done) == "assess: 3 leads"
    assert "| assess | leads | 3 |" in pages.page(done)
    assert "stale" not in pages.page(done)


def test_the_oldest_work_is_shown_with_its_age() -> None:
    done = replace(QUIET, health=replace(QUIET.health, lines=(LATE,)))

    assert pages.headline(done) == "nothing was due; behind"
    assert "| Mails | 7 | 2 h (behind) |" in pages.page(done)


def test_what_needs_a_person_is_shown_with_what_to_do() -> None:
    done = replace(QUIET, health=replace(QUIET.health, needs=(DOUBT,)))

    assert "- **2** Mails in doubt. Look." in pages.page(done)


def test_a_halt_is_named_without_its_reason() -> None:
    done = replace(QUIET, health=replace(QUIET.health, halted=("transport:smtp",)))

    assert pages.headline(done) == "nothing was due; halted"
    assert "`transport:smtp` is halted" in pages.page(done)


@pytest.mark.parametrize(
    ("span", "told"),
    [
        (None, "-"),
        (timedelta(), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(minutes=3), "3 min"),
        (timedelta(hours=47), "1 d"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(span: timedelta | None, told: str) -> None:
    assert pages.age(span) == told
