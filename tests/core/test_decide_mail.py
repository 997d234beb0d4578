"""Decisions: when a mail is planned, when it is held, and what a form waits for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from nurture.core.decision import (
    Decision,
    Park,
    PlanMessage,
    Situation,
    TakeBack,
    WaitingMail,
)
from nurture.core.enrollment import Awaiting
from nurture.core.event import EventKind
from nurture.core.lead import Lead
from nurture.core.planning import SETTLE, SOON
from nurture.core.sequence import FormStep, GotoStep, Late, Sequence, WhenCapped
from tests.core.builders import DAY, HOUR, LEAD, NOW, SECOND, facts, lead
from tests.core.passages import (
    ENROLLMENT,
    decided,
    email,
    mailed,
    notes,
    parked,
    sequence,
    situation,
    wait,
)

SATURDAY = NOW + 4 * DAY
MONDAY_MORNING = datetime.fromisoformat("2026-09-07T08:30+02:00")
MAIL = sequence(email())
EXPIRING = sequence(email(expires_seconds=5 * 86400), wait(DAY, "after"))

FORM = FormStep(
    id="first", next=None, form="basics", template="three-questions", timeout_seconds=5 * 86400
)
FORMS = sequence(FORM, wait(DAY, "after"))


def test_a_mail_is_planned_with_what_the_step_and_the_sequence_say() -> None:
    assert mailed(decided(MAIL)) == PlanMessage(
        step="first", template="first", topic="news", window="office-hours"
    )


def test_a_step_may_have_its_own_topic_and_window() -> None:
    own = sequence(email(topic="guides", window="any-time", expires_seconds=3600))
    assert mailed(decided(own, since=NOW)) == PlanMessage(
        step="first",
        template="first",
        topic="guides",
        window="any-time",
        expires_at=NOW + HOUR,
    )


def test_after_a_mail_the_next_wait_counts_from_the_mail() -> None:
    found = parked(decided(sequence(email(), wait(2 * DAY, "after")), due_at=NOW - 3 * DAY))
    assert (found.step, found.due_at) == ("after", NOW + 2 * DAY)


def test_two_mails_do_not_leave_in_one_decision() -> None:
    found = decided(sequence(email(), email("second")))
    assert mailed(found)
    assert parked(found) == Park(
        step="second",
        awaiting=Awaiting.TURN,
        due_at=NOW + SOON,
        wait_until=None,
        since=NOW,
        reason="one mail at a time",
    )


# --- holds --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "awaiting", "due_at", "reason"),
    [
        pytest.param(
            situation(lead(locked=True)), Awaiting.SALES, None, "with sales", id="with sales"
        ),
        pytest.param(
            situation(lead(topics=frozenset({"guides"}))), Awaiting.HOLD, None,
            "no consent for news", id="no consent",
        ),
        pytest.param(
            situation(unsettled=True), Awaiting.TURN, NOW + SETTLE,
            "the mail before has not left", id="the mail before has not left",
        ),
        pytest.param(
            situation(recent_sends=[NOW - HOUR]), Awaiting.TURN, NOW + DAY - 1.5 * HOUR,
            "window office-hours and caps", id="a mail today already",
        ),
        pytest.param(
            situation(lead(time_zone="America/New_York")), Awaiting.TURN, NOW + 4.5 * HOUR,
            "window office-hours and caps", id="night over there",
        ),
        pytest.param(
            situation(lead(locked=True, topics=frozenset()), unsettled=True), Awaiting.SALES,
            None, "with sales", id="sales comes before everything",
        ),
        pytest.param(
            situation(lead(topics=frozenset()), unsettled=True), Awaiting.HOLD, None,
            "no consent for news", id="consent comes before the clock",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("steps", [MAIL, FORMS], ids=["mail", "form"])
def test_a_mail_is_held(
    steps: Sequence, seen: Situation, awaiting: Awaiting, due_at: datetime | None, reason: str
) -> None:
    found = decided(steps, seen, since=NOW - HOUR)
    assert found.actions == ()
    assert found.then == Park(
        step="first",
        awaiting=awaiting,
        due_at=due_at,
        wait_until=None,
        since=NOW - HOUR,
        reason=reason,
    )
    assert notes(found) == [f"held: {reason}"]


def test_outside_the_window_a_mail_waits_for_its_opening() -> None:
    assert parked(decided(MAIL, now=SATURDAY)).due_at == MONDAY_MORNING


@pytest.mark.parametrize(
    ("who", "awaiting"),
    [
        pytest.param(lead(locked=True), Awaiting.SALES, id="with sales"),
        pytest.param(lead(topics=frozenset()), Awaiting.HOLD, id="no consent"),
    ],
)
def test_a_hold_is_noted_once(who: Lead, awaiting: Awaiting) -> None:
    assert decided(MAIL, who=who, awaiting=awaiting).notes == ()


def test_a_new_reason_to_hold_is_noted() -> None:
    found = decided(MAIL, who=lead(locked=True), awaiting=Awaiting.HOLD, due_at=None)
    assert notes(found) == ["held: with sales"]


@pytest.mark.parametrize("awaiting", [Awaiting.HOLD, Awaiting.SALES])
def test_a_hold_that_is_over_lets_the_mail_go(awaiting: Awaiting) -> None:
    assert mailed(decided(MAIL, awaiting=awaiting))


# --- late work ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "sent"),
    [
        pytest.param(timedelta(0), True, id="in time"),
        pytest.param(5 * DAY, True, id="on the second"),
        pytest.param(5 * DAY + SECOND, False, id="too late"),
    ],
)
def test_a_mail_that_comes_too_late_is_not_sent(late: timedelta, *, sent: bool) -> None:
    found = decided(EXPIRING, since=NOW - late)
    assert (mailed(found) is not None) is sent
    assert ("too late to send; skipped" in notes(found)) is not sent
    assert parked(found).step == "after"


def test_after_downtime_a_mail_is_as_late_as_the_wait_before_it() -> None:
    steps = sequence(wait(DAY), email("next", expires_seconds=5 * 86400))
    found = decided(steps, wait_until=NOW - 6 * DAY, awaiting=Awaiting.TIME, since=NOW - 7 * DAY)
    assert mailed(found) is None
    assert notes(found) == ["waited", "too late to send; skipped", "left the sequence: finished"]


def test_a_mail_held_until_it_is_too_late_is_not_sent() -> None:
    held = decided(EXPIRING, situation(recent_sends=[NOW]), since=NOW - 5 * DAY)
    released = decided(EXPIRING, since=parked(held).since, now=NOW + DAY)
    assert mailed(released) is None


def test_a_planned_mail_says_when_it_is_too_late() -> None:
    mail = mailed(decided(EXPIRING, since=NOW - DAY))
    assert mail is not None
    assert mail.expires_at == NOW + 4 * DAY


@pytest.mark.parametrize("late", [Late.ASK, Late.SEND])
def test_a_late_mail_that_is_not_skipped_is_planned_with_its_limit(late: Late) -> None:
    steps = sequence(email(expires_seconds=86400, late=late), wait(DAY, "after"))
    mail = mailed(decided(steps, since=NOW - 5 * DAY))
    assert mail is not None
    assert mail.expires_at == (NOW - 4 * DAY if late is Late.ASK else None)


# --- over the caps ------------------------------------------------------------------------------

DROPS = sequence(email(when_capped=WhenCapped.DROP), wait(DAY, "after"))
REPLACES = sequence(email(when_capped=WhenCapped.REPLACE), wait(DAY, "after"))


def waits(enrollment_id: int = 2) -> Situation:
    """Return the situation of a lead for whom another mail has not begun to leave."""
    mail = WaitingMail(id=7, enrollment_id=enrollment_id, template="old", planned_at=NOW - HOUR)
    own = enrollment_id == ENROLLMENT.id
    return situation(recent_sends=[mail.planned_at], waiting=[mail], unsettled=own)


def test_a_mail_that_is_dropped_lets_its_sequence_go_on() -> None:
    found = decided(DROPS, situation(recent_sends=[NOW - HOUR]))
    assert mailed(found) is None
    assert "over the caps; dropped" in notes(found)
    assert parked(found).step == "after"


@pytest.mark.parametrize("enrollment_id", [2, ENROLLMENT.id], ids=["another's", "its own"])
def test_a_mail_takes_the_place_of_an_older_one_that_waits(enrollment_id: int) -> None:
    found = decided(REPLACES, waits(enrollment_id))
    assert mailed(found) is not None
    taken = [action for action in found.actions if isinstance(action, TakeBack)]
    assert taken == [TakeBack(step="first", message_id=7, reason="replaced by first")]
    assert "took the place of the mail old" in notes(found)


def test_a_mail_too_late_to_send_takes_nobodys_place() -> None:
    steps = sequence(email(when_capped=WhenCapped.REPLACE, expires_seconds=60), wait(DAY, "after"))
    assert decided(steps, waits(), since=NOW - DAY).actions == ()


# --- forms --------------------------------------------------------------------------------------


def answered(at: datetime, form: str = "basics") -> Situation:
    """Return the situation of a lead who submitted the form."""
    return situation(facts=facts(LEAD, latest={(EventKind.FORM_SUBMITTED, form): at}))


def test_a_form_is_mailed_and_waited_for() -> None:
    found = decided(FORMS)
    mail = mailed(found)
    assert mail is not None
    assert (mail.template, mail.form) == ("three-questions", "basics")
    assert (parked(found).step, parked(found).awaiting) == ("first", Awaiting.EVENT)
    assert parked(found).due_at == parked(found).wait_until == NOW + 5 * DAY


def _waiting(seen: Situation | None = None, until: datetime = NOW + DAY) -> Decision:
    """Decide on a form that was mailed and is waited for."""
    return decided(FORMS, seen, awaiting=Awaiting.EVENT, wait_until=until)


def test_an_answer_ends_the_wait_at_once() -> None:
    found = _waiting(answered(NOW - SECOND))
    assert notes(found)[0] == "answered"
    assert (parked(found).step, parked(found).due_at) == ("after", NOW + DAY)


def test_without_an_answer_the_enrollment_goes_on_after_the_timeout() -> None:
    found = _waiting(until=NOW - HOUR)
    assert notes(found)[0] == "no answer to the form"
    assert (parked(found).step, parked(found).due_at) == ("after", NOW - HOUR + DAY)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(situation(), id="nothing happened"),
        pytest.param(answered(NOW, form="other"), id="another form was answered"),
        pytest.param(answered(NOW - 4 * DAY), id="the form was answered before the sequence"),
        pytest.param(situation(lead(locked=True)), id="sales has the lead"),
        pytest.param(situation(lead(topics=frozenset())), id="consent was withdrawn"),
    ],
)
def test_the_form_is_neither_mailed_again_nor_given_up(seen: Situation) -> None:
    found = _waiting(seen)
    assert (found.actions, found.notes) == ((), ())
    assert (parked(found).step, parked(found).due_at) == ("first", NOW + DAY)


def test_a_form_answered_in_this_sequence_already_is_not_mailed() -> None:
    found = decided(FORMS, answered(NOW - 2 * DAY))
    assert mailed(found) is None
    assert parked(found).step == "after"


def test_on_a_second_pass_a_form_is_mailed_again() -> None:
    back = GotoStep(id="back", next=None, target="first", at_most=1)
    found = decided(sequence(FORM, back), awaiting=Awaiting.EVENT, wait_until=NOW)
    assert mailed(found)
    assert (found.visit, parked(found).due_at) == (1, NOW + 5 * DAY)


def test_a_form_that_comes_too_late_is_not_mailed_and_not_waited_for() -> None:
    late = sequence(replace(FORM, expires_seconds=60), wait(DAY, "after"))
    found = decided(late, since=NOW - HOUR)
    assert mailed(found) is None
    assert parked(found).step == "after"
