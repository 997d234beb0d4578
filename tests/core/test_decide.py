"""Decisions: what ends an enrollment, how waits run, which way a sequence goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from nurture.core.condition import TRUE, Condition, Constant
from nurture.core.decide import decide
from nurture.core.decision import AddScore, ArchiveLead, AskPerson, End, Park, SetFields
from nurture.core.enrollment import Awaiting
from nurture.core.event import EventKind
from nurture.core.lead import IN_PLAY, Gate, Lead, Stage, Temperature, Verdict
from nurture.core.planning import SOON
from nurture.core.sequence import (
    ArchiveStep,
    ExitRule,
    ExitStep,
    GotoStep,
    HandoffStep,
    ScoreStep,
    SetStep,
    TaskStep,
    WaitForStep,
)
from tests.core.builders import (
    DAY,
    HOUR,
    INTEREST,
    LEAD,
    NOW,
    QUALIFICATION,
    SECOND,
    facts,
    lead,
    project,
    standing,
)
from tests.core.passages import (
    ENROLLMENT,
    branch,
    decided,
    email,
    mailed,
    notes,
    parked,
    sequence,
    situation,
    wait,
)

FALSE = Constant(False)


# --- stops, exits, steps: in this order ---------------------------------------------------------

EXIT = ExitRule(when=TRUE, text="true", reason="with sales")
CLOSED = standing(temperature=Temperature.CLOSED)


@pytest.mark.parametrize(
    ("who", "exits", "reason"),
    [
        pytest.param(lead(suppressed="complained"), (), "suppressed: complained", id="suppressed"),
        pytest.param(lead(standing=CLOSED), (), "closed", id="closed"),
        pytest.param(lead(suppressed="x"), (EXIT,), "suppressed: x", id="a stop outranks an exit"),
        pytest.param(lead(standing=CLOSED), (EXIT,), "closed", id="closing outranks an exit"),
        pytest.param(LEAD, (EXIT,), "with sales", id="an exit outranks a step"),
        pytest.param(
            LEAD, (replace(EXIT, when=FALSE), EXIT), "with sales", id="the first exit that holds"
        ),
        pytest.param(
            lead(stage=Stage.CUSTOMER), (EXIT,), "with sales", id="an exit outranks the stage"
        ),
        *(
            pytest.param(lead(stage=stage), (), f"stage {stage}", id=f"stage {stage}")
            for stage in Stage
            if stage not in IN_PLAY
        ),
    ],
)
def test_what_ends_an_enrollment(who: Lead, exits: tuple[ExitRule, ...], reason: str) -> None:
    found = decided(sequence(email(), exits=exits), who=who)
    assert found.then == End(step="first", reason=reason)
    assert found.actions == ()
    assert notes(found) == [f"left the sequence: {reason}"]


@pytest.mark.parametrize("stage", sorted(IN_PLAY))
def test_on_the_way_the_steps_are_taken(stage: Stage) -> None:
    assert decided(email(), who=lead(stage=stage)).actions


def test_the_end_of_the_steps_is_the_end() -> None:
    found = decided(sequence(branch((TRUE, None))))
    assert found.then == End(step="first", reason="finished")


def test_the_same_facts_give_the_same_decision() -> None:
    assert decided(email()) == decided(email())


# --- waits --------------------------------------------------------------------------------------

WAIT = wait(2 * DAY)


def test_a_wait_begins_when_the_step_is_reached() -> None:
    found = parked(decided(WAIT))
    assert (found.step, found.awaiting) == ("first", Awaiting.TIME)
    assert found.due_at == found.wait_until == NOW + 2 * DAY


def test_a_wait_counts_from_the_due_time_not_from_a_late_tick() -> None:
    found = decided(WAIT, due_at=NOW - DAY)
    assert parked(found).due_at == NOW + DAY


def test_a_second_wait_counts_from_the_end_of_the_first() -> None:
    both = sequence(wait(DAY), wait(2 * DAY, "second"), email("next"))
    found = parked(decided(both, wait_until=NOW - HOUR, awaiting=Awaiting.TIME))
    assert (found.step, found.due_at) == ("second", NOW - HOUR + 2 * DAY)


def test_waits_that_are_all_over_are_passed_at_once() -> None:
    both = sequence(wait(DAY), wait(DAY, "second"), email("next"))
    found = decided(both, wait_until=NOW - 3 * DAY, awaiting=Awaiting.TIME)
    assert notes(found)[:2] == ["waited", "waited"]
    assert [action.step for action in found.actions] == ["next"]


@pytest.mark.parametrize("due_at", [NOW, NOW - HOUR, None], ids=["now", "before", "by an event"])
def test_an_early_look_does_not_shorten_a_wait(due_at: datetime | None) -> None:
    until = NOW + SECOND
    found = parked(decided(WAIT, wait_until=until, awaiting=Awaiting.TIME, due_at=due_at))
    assert (found.due_at, found.wait_until) == (until, until)


def test_a_wait_is_over_on_the_second() -> None:
    assert notes(decided(WAIT, wait_until=NOW, awaiting=Awaiting.TIME))[0] == "waited"


def wait_for(when: Condition = FALSE) -> WaitForStep:
    """Return a step that waits for something, for at most ten days."""
    return WaitForStep(id="first", next=None, when=when, text="it", timeout_seconds=10 * 86400)


def test_what_is_waited_for_ends_the_wait() -> None:
    found = decided(wait_for(TRUE), wait_until=NOW + DAY, awaiting=Awaiting.EVENT)
    assert notes(found)[0] == "it happened"


def test_until_it_happens_the_enrollment_waits() -> None:
    found = parked(decided(wait_for()))
    assert (found.awaiting, found.due_at) == (Awaiting.EVENT, NOW + 10 * DAY)


def test_what_does_not_happen_is_given_up() -> None:
    found = decided(wait_for(), wait_until=NOW, awaiting=Awaiting.EVENT)
    assert notes(found)[0] == "gave up on it"


def test_after_it_happened_the_next_wait_begins_now() -> None:
    steps = sequence(wait_for(TRUE), wait(DAY, "second"))
    found = parked(decided(steps, wait_until=NOW + 5 * DAY, awaiting=Awaiting.EVENT))
    assert found.due_at == NOW + DAY


# --- steps that change something ----------------------------------------------------------------


def test_fields_are_set_and_the_next_step_sees_them_in_the_next_tick() -> None:
    found = decided(SetStep(id="first", next=None, values={"lead.interest": "asked"}))
    assert found.actions == (SetFields(step="first", values={"lead.interest": "asked"}),)
    assert parked(found) == Park(
        step="next", awaiting=Awaiting.TURN, due_at=NOW + SOON, wait_until=None, since=NOW
    )


def test_points_are_given() -> None:
    found = decided(ScoreStep(id="first", next=None, points=-5, reason="bored"), since=NOW - DAY)
    assert found.actions == (AddScore(step="first", points=-5, reason="bored"),)
    assert notes(found) == ["-5 points: bored"]
    assert parked(found).since == NOW


def test_a_change_at_the_end_is_made_and_ends_it() -> None:
    found = decided(sequence(ScoreStep(id="first", next=None, points=5, reason="done")))
    assert len(found.actions) == 1
    assert found.then == End(step="first", reason="finished")


def test_archive() -> None:
    found = decided(ArchiveStep(id="first", next=None, reason="unresponsive"))
    assert found.actions == (ArchiveLead(step="first", reason="unresponsive"),)
    assert found.then == End(step="first", reason="archived: unresponsive")


def test_exit() -> None:
    found = decided(ExitStep(id="first", next=None, reason="not our market"))
    assert found.then == End(step="first", reason="not our market")


# --- people -------------------------------------------------------------------------------------

TASK = TaskStep(id="first", next=None, title="Call", team="sales", timeout_seconds=3 * 86400)


def test_a_task_is_asked_once_and_waited_for() -> None:
    found = decided(TASK, due_at=NOW - DAY)
    assert found.actions == (
        AskPerson(step="first", title="Call", team="sales", due_at=NOW + 3 * DAY),
    )
    assert (parked(found).awaiting, parked(found).due_at) == (Awaiting.EVENT, NOW + 3 * DAY)


@pytest.mark.parametrize(
    ("done", "until", "told"),
    [
        pytest.param(True, NOW + DAY, "done", id="done"),
        pytest.param(True, NOW - DAY, "done", id="done late is done"),
        pytest.param(False, NOW, "nobody did the task", id="given up"),
    ],
)
def test_a_task_ends(until: datetime, told: str, *, done: bool) -> None:
    found = decided(TASK, situation(task_done=done), wait_until=until, awaiting=Awaiting.EVENT)
    assert notes(found)[0] == told
    assert mailed(found)


def test_a_task_that_is_not_done_is_not_asked_again() -> None:
    found = decided(TASK, wait_until=NOW + DAY, awaiting=Awaiting.EVENT)
    assert found.actions == ()


def test_on_a_second_pass_a_task_is_asked_again() -> None:
    back = GotoStep(id="back", next=None, target="first", at_most=2)
    loop = sequence(TASK, back, email("next"))
    found = decided(loop, situation(task_done=True), wait_until=NOW, awaiting=Awaiting.EVENT)
    assert [type(action) for action in found.actions] == [AskPerson]
    assert found.visit == 1


HANDOFF = HandoffStep(id="first", next=None, endpoint="inside-sales", timeout_seconds=10 * 86400)


@pytest.mark.parametrize("state", ["waiting", "ready", "delivered", "dead"])
def test_a_lead_that_is_handed_over_waits_for_sales(state: str) -> None:
    found = parked(decided(HANDOFF, situation(handoff_state=state), due_at=NOW - 20 * DAY))
    assert (found.awaiting, found.due_at) == (Awaiting.SALES, NOW + 10 * DAY)


def test_the_wait_for_sales_is_not_begun_anew() -> None:
    until = NOW + DAY
    seen = situation(handoff_state="delivered")
    found = parked(decided(HANDOFF, seen, wait_until=until, awaiting=Awaiting.SALES))
    assert found.wait_until == until


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (EventKind.HANDOFF_ACCEPTED, "sales answered: accepted"),
        (EventKind.HANDOFF_RECYCLED, "sales answered: recycled"),
        (None, "sales has not answered"),
    ],
)
def test_sales_answers_or_does_not(answer: EventKind | None, told: str) -> None:
    seen = situation(handoff_state="delivered", handoff_answer=answer)
    found = decided(HANDOFF, seen, wait_until=NOW, awaiting=Awaiting.SALES)
    assert notes(found)[0] == told


NURTURED = {**standing().verdicts, Gate.NURTURED: Verdict.PASS}


@pytest.mark.parametrize(
    ("who", "told"),
    [
        pytest.param(LEAD, "stage is lead", id="not qualified"),
        pytest.param(lead(stage=Stage.PROSPECT), "not nurtured yet", id="not nurtured"),
        pytest.param(
            lead(standing=standing(stage=Stage.PROSPECT, verdicts=NURTURED)),
            "not released yet",
            id="a moment too early",
        ),
    ],
)
def test_a_lead_that_is_not_handed_over_goes_on_with_the_reason(who: Lead, told: str) -> None:
    found = decided(HANDOFF, who=who)
    assert notes(found)[0] == f"not handed over: {told}"
    assert mailed(found)


def test_the_stage_that_is_missing_is_the_one_agreed_on() -> None:
    strict = project(handoff=replace(QUALIFICATION.handoff, from_stage=Stage.OPPORTUNITY))
    who = facts(lead(stage=Stage.PROSPECT, profile={INTEREST.name: "high"}))
    steps = sequence(HANDOFF, email("next"))
    found = decide(ENROLLMENT, steps, situation(facts=who), strict, now=NOW)
    assert notes(found)[0] == "not handed over: stage is prospect"
