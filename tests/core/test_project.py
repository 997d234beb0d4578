"""Small truths of the project, its sequences and its errors."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from itertools import pairwise

import pytest

from nurture.core.condition import Happened, Known, Not, Or, Sent, Silent
from nurture.core.errors import Finding, NurtureError, ProjectError
from nurture.core.event import (
    HANDOFF_ANSWERS,
    MEANINGFUL_TOUCHES,
    SIGNS_OF_LIFE,
    STOPS_MAIL,
    EventKind,
)
from nurture.core.lead import ENDED, IN_PLAY, Stage, Verdict, first_standing
from nurture.core.message import DELIVERY_RANK, DeliveryState
from nurture.core.project import Endpoint, Exclusion, FitModel, FitRule, TransportSettings
from nurture.core.sequence import ExitRule, FormStep, WaitForStep
from tests.core.builders import EMPLOYEES, INTEREST, NAME, PROJECT, QUALIFICATION, project
from tests.core.passages import branch, email, sequence

HOUR = 3600
OPENED, CLICKED, REPLIED, CALLED = (
    Happened(kind)
    for kind in (
        EventKind.MESSAGE_OPENED, EventKind.MESSAGE_CLICKED, EventKind.MESSAGE_REPLIED,
        EventKind.CALL_LOGGED,
    )
)  # fmt: skip


def test_every_condition_of_the_project_is_found_wherever_it_is_written() -> None:
    steps = sequence(
        branch((Or((OPENED, Known(NAME))), None)),
        WaitForStep(id="second", next=None, when=Not(CLICKED), text="", timeout_seconds=HOUR),
        enter=Sent("guide"),
        exits=(ExitRule(when=REPLIED, text="", reason=""),),
    )
    rules = FitModel(
        rules=(FitRule(id="x", when=Silent(HOUR)),),
        exclusions=(Exclusion(id="y", when=CALLED, text="", reason=""),),
        grades={},
    )
    found = project(steps, watches=Known(EMPLOYEES), fit=rules).leaves
    expected = {OPENED, Known(NAME), CLICKED, REPLIED, Sent("guide"), Silent(HOUR), CALLED}
    assert expected | {Known(EMPLOYEES), Known(INTEREST)} <= set(found)


def test_a_condition_that_is_written_twice_is_asked_once() -> None:
    found = project(sequence(email(), enter=OPENED), watches=Or((OPENED, OPENED))).leaves
    assert found.count(OPENED) == 1


def test_the_kinds_that_are_asked_for_are_known() -> None:
    asked = project(watches=Or((OPENED, CLICKED))).asked_kinds
    assert {EventKind.MESSAGE_OPENED, EventKind.MESSAGE_CLICKED} <= asked
    assert EventKind.MESSAGE_REPLIED not in asked


@pytest.mark.parametrize(
    ("agreed", "reached"),
    [
        (Stage.PROSPECT, {Stage.PROSPECT, Stage.OPPORTUNITY}),
        (Stage.OPPORTUNITY, {Stage.OPPORTUNITY}),
    ],
)
def test_far_enough_for_sales(agreed: Stage, reached: set[Stage]) -> None:
    rule = replace(QUALIFICATION.handoff, from_stage=agreed)
    assert {stage for stage in Stage if rule.reached_by(stage)} == reached


def test_a_field_is_named_as_conditions_name_it() -> None:
    assert all(field.key == key for key, field in PROJECT.fields.items())


def test_secrets_are_not_printed() -> None:
    endpoint = Endpoint(
        name="sales", title="", url="", secret="hush", feedback_secret="hush too", allow=(),
        team="", accept_within_seconds=1,
    )  # fmt: skip
    assert "hush" not in repr(endpoint)
    assert "hush" not in repr(TransportSettings(kind="smtp", options={"password": "hush"}))


def test_a_project_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        PROJECT.content_hash = "1"  # type: ignore[misc] # that is the point


def test_a_sequence_knows_its_steps() -> None:
    steps = sequence(email("one"), email("two"))
    assert steps.first == "one"
    assert list(steps.by_id) == ["one", "two"]
    assert [step.next for step in steps.steps] == ["two", None]


def test_a_sequence_knows_whether_it_sends_mail() -> None:
    form = FormStep(id="first", next=None, form="f", template="t", timeout_seconds=1)
    assert sequence(email()).sends_mail
    assert sequence(form).sends_mail
    assert not sequence(branch()).sends_mail


def test_findings_are_told_in_the_order_of_the_files() -> None:
    second = Finding(file="b.yaml", line=1, code="S012", message="unknown", remedy="correct it")
    first = Finding(file="a.yaml", line=9, code="F001", message="wrong")
    error = ProjectError([second, first])
    assert isinstance(error, NurtureError)
    assert str(error).splitlines() == [
        "a.yaml:9: F001 wrong",
        "b.yaml:1: S012 unknown; correct it",
    ]


def test_the_words_fit_together() -> None:
    assert set(Stage) == IN_PLAY | ENDED
    assert MEANINGFUL_TOUCHES <= SIGNS_OF_LIFE
    assert not STOPS_MAIL & SIGNS_OF_LIFE
    assert EventKind.MESSAGE_OPENED not in SIGNS_OF_LIFE
    assert all(answer.startswith("handoff.") for answer in HANDOFF_ANSWERS)
    assert set(DELIVERY_RANK) == set(DeliveryState)
    assert all(a <= b for a, b in pairwise(DELIVERY_RANK.values()))


def test_every_lead_begins_as_a_lead_of_whom_nothing_is_known() -> None:
    begun = first_standing()
    assert (begun.stage, begun.grade, begun.cycle) == (Stage.LEAD, "?", 1)
    assert set(begun.verdicts.values()) == {Verdict.UNKNOWN}
    assert set(begun.traits.values()) == {0}
