"""Decisions: which way a sequence goes, and how often it goes back."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st

from nurture.core.condition import TRUE, Constant, Known
from nurture.core.decide import MAX_STEPS
from nurture.core.decision import Decision
from nurture.core.enrollment import Awaiting
from nurture.core.planning import SOON
from nurture.core.sequence import BranchStep, ExitStep, GotoStep, SplitArm, SplitStep
from tests.core.builders import DAY, MINUTE, NAME, NOW, lead
from tests.core.passages import branch, decided, email, mailed, notes, parked, sequence, wait

# --- choosing a way -----------------------------------------------------------------------------

FALSE = Constant(False)
ARMS = (
    email("one", next="end"),
    email("two", next="end"),
    ExitStep(id="end", next=None, reason="x"),
)


def _template(decision: Decision) -> str | None:
    mail = mailed(decision)
    return mail.template if mail else None


@pytest.mark.parametrize(
    ("choice", "taken"),
    [
        pytest.param(branch((TRUE, "one"), (TRUE, "two")), "one", id="the first that holds"),
        pytest.param(branch((FALSE, "one"), (TRUE, "two")), "two", id="not one that does not"),
        pytest.param(branch((FALSE, "two")), "one", id="none: go on"),
        pytest.param(branch((TRUE, None)), "one", id="one without steps: go on"),
        pytest.param(branch((Known(NAME), "two")), "one", id="what is not known is no"),
    ],
)
def test_branches(choice: BranchStep, taken: str) -> None:
    assert _template(decided(sequence(choice, *ARMS))) == taken


def split(*shares: int) -> SplitStep:
    """Return a split of so many arms."""
    arms = tuple(SplitArm(name=str(n), share=share, first=None) for n, share in enumerate(shares))
    return SplitStep(id="first", next=None, arms=arms)


def _arm(step: SplitStep, uid: str) -> str:
    found = decided(step, who=lead(uid=uid), step=step.id)
    return notes(found)[0].removeprefix("took the path: ")


@given(st.uuids(), st.lists(st.integers(1, 9), min_size=2, max_size=4))
def test_a_lead_always_takes_the_same_arm(uid: UUID, shares: list[int]) -> None:
    step = split(*shares)
    assert _arm(step, uid.hex) == _arm(step, uid.hex)


def test_a_split_stays_as_it_was_when_the_release_was_made() -> None:
    arms = "".join(_arm(split(1, 1), f"uid-{n}") for n in range(16))
    assert arms == "0011111000000110"


def test_a_split_keeps_its_shares() -> None:
    counts = Counter(_arm(split(3, 1), f"uid-{n}") for n in range(2000))
    assert counts["0"] / 2000 == pytest.approx(0.75, abs=0.04)


def test_two_splits_are_independent() -> None:
    one, other = split(1, 1), replace(split(1, 1), id="other")
    pairs = Counter((_arm(one, str(n)), _arm(other, str(n))) for n in range(800))
    assert len(pairs) == 4
    assert all(count / 800 == pytest.approx(0.25, abs=0.07) for count in pairs.values())


def test_a_split_can_lead_into_steps() -> None:
    step = SplitStep(id="first", next=None, arms=(SplitArm(name="a", share=1, first="two"),))
    assert _template(decided(sequence(step, *ARMS))) == "two"


# --- going back ---------------------------------------------------------------------------------

BACK = GotoStep(id="back", next=None, target="first", at_most=2)
LOOP = sequence(wait(DAY), BACK, email("next"))


def test_going_back_is_counted_and_begins_the_wait_anew() -> None:
    found = decided(LOOP, wait_until=NOW, awaiting=Awaiting.TIME)
    assert (found.jumps, found.visit) == ({"back": 1}, 1)
    assert parked(found).due_at == NOW + DAY


def test_going_back_has_an_end() -> None:
    found = decided(LOOP, wait_until=NOW, awaiting=Awaiting.TIME, jumps={"back": 2}, visit=2)
    assert (found.jumps, found.visit) == ({"back": 2}, 2)
    assert notes(found)[1] == "went back 2 times already; going on"
    assert _template(found) == "next"


def test_a_loop_with_long_passed_waits_goes_on_in_the_next_tick_at_last() -> None:
    endless = sequence(wait(MINUTE), replace(BACK, at_most=10_000), email("next"))
    found = decided(endless, wait_until=NOW - 5 * DAY, awaiting=Awaiting.TIME)
    assert len(found.notes) == MAX_STEPS
    assert parked(found).awaiting is Awaiting.TURN
    assert parked(found).due_at == NOW + SOON


@settings(max_examples=50)
@given(st.integers(0, 5), st.integers(0, 5))
def test_no_loop_takes_more_rounds_than_allowed(at_most: int, taken: int) -> None:
    loop = sequence(branch((TRUE, None)), replace(BACK, at_most=at_most), email("next"))
    found = decided(loop, jumps={"back": taken} if taken else {})
    assert found.jumps.get("back", 0) == max(at_most, taken)
    assert _template(found) == "next"
