"""Temperature and entries: what follows from where a lead stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nurture.core.condition import Constant, Known
from nurture.core.event import EventKind
from nurture.core.history import History
from nurture.core.lead import Lead, Stage, Temperature
from nurture.core.sequence import Sequence
from tests.core.builders import (
    DAY,
    INTEREST,
    LEAD,
    NOW,
    NURTURED,
    assessed,
    in_stage,
    lead,
    project,
    qualified,
)
from tests.core.passages import (
    branch,
    email,
    sequence,
)

# --- temperature --------------------------------------------------------------------------------

RAISED = {(EventKind.FORM_SUBMITTED, "walkthrough"): NOW - DAY}
FORGET = {(EventKind.ERASURE_REQUESTED, ""): NOW - DAY}


@pytest.mark.parametrize(
    ("stage", "latest", "expected"),
    [
        pytest.param(Stage.PROSPECT, {}, Temperature.NEW, id="new"),
        pytest.param(Stage.PROSPECT, RAISED, Temperature.HOT, id="hot"),
        pytest.param(Stage.LEAD, RAISED, Temperature.NEW, id="a lead is always new"),
        pytest.param(Stage.SUSPECT, RAISED, Temperature.NEW, id="so is a suspect"),
        pytest.param(Stage.LEAD, FORGET, Temperature.CLOSED, id="closed can be anybody"),
        pytest.param(Stage.PROSPECT, FORGET | RAISED, Temperature.CLOSED, id="closed comes first"),
    ],
)
def test_temperature(stage: Stage, latest: object, expected: Temperature) -> None:
    assert assessed(lead(stage=stage), latest=latest).standing.temperature is expected


def test_without_a_matching_rule_everybody_is_new() -> None:
    found = assessed(lead(stage=Stage.PROSPECT), rules=project(temperatures=()))
    assert found.standing.temperature is Temperature.NEW


def test_who_asks_to_be_forgotten_is_forgotten_and_nothing_else() -> None:
    found = assessed(qualified(), NURTURED, project(sequence(email())), latest=FORGET)
    assert found.erase
    assert (found.enter, found.hand_off, found.check_at) == ((), False, None)


# --- entries ------------------------------------------------------------------------------------


def named(name: str, **changes: object) -> Sequence:
    """Return a sequence that everybody may enter."""
    return sequence(email(), name=name, **changes)


URGENT, PLAIN = named("urgent", priority=20), named("plain")


def _entered(*sequences: Sequence, who: Lead = LEAD) -> tuple[str, ...]:
    return assessed(who, rules=project(*sequences)).enter


def test_sequences_are_entered_in_the_order_of_priority_then_name() -> None:
    assert _entered(PLAIN, named("also"), URGENT) == ("urgent", "also", "plain")


def test_of_an_exclusive_group_only_the_most_urgent_is_entered() -> None:
    rivals = [replace(one, exclusive="nurture") for one in (PLAIN, URGENT)]
    assert _entered(*rivals, named("free")) == ("urgent", "free")


def test_a_group_that_the_lead_is_in_is_taken() -> None:
    history = History(groups=frozenset({"nurture"}))
    rules = project(replace(PLAIN, exclusive="nurture"), URGENT)
    assert assessed(LEAD, history, rules).enter == ("urgent",)


def test_nobody_enters_where_they_are() -> None:
    found = assessed(LEAD, rules=project(PLAIN, URGENT), inside=frozenset({"plain"}))
    assert found.enter == ("urgent",)


def test_the_condition_of_entry_sees_the_new_stage() -> None:
    prospects = named("prospects", enter=in_stage(Stage.PROSPECT))
    leads = named("leads", enter=in_stage(Stage.LEAD))
    assert _entered(prospects, leads, who=qualified()) == ("prospects",)


@pytest.mark.parametrize(
    "who",
    [
        pytest.param(lead(suppressed="unsubscribed"), id="unsubscribed"),
        pytest.param(lead(email=""), id="without an address"),
    ],
)
def test_who_cannot_be_mailed_enters_no_sequence_that_mails(who: Lead) -> None:
    assert _entered(PLAIN, who=who) == ()


def test_without_an_address_a_sequence_without_mail_is_open() -> None:
    calls = sequence(branch((Constant(True), None)), name="calls")
    assert _entered(calls, who=lead(email="")) == ("calls",)


@pytest.mark.parametrize(
    ("reentry", "days", "may"),
    [
        pytest.param(None, 3650, False, id="never again"),
        pytest.param(10, 9, False, id="not yet"),
        pytest.param(10, 10, True, id="on the day"),
    ],
)
def test_reentry(reentry: int | None, days: int, *, may: bool) -> None:
    again = named("again", reentry_seconds=None if reentry is None else reentry * 86400)
    left = History(left_at={"again": NOW - days * DAY, "gone": NOW - DAY})
    assert (assessed(LEAD, left, project(again)).enter == ("again",)) is may


def test_an_unmet_condition_keeps_everybody_out() -> None:
    assert _entered(named("interested", enter=Known(INTEREST))) == ()
