"""The buyer's step (row 49): from what somebody reads, and beside what the stage expects."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nurture.core.buyer import STEPS, USUAL, Deed, StepMap, compared, shown, step_map
from nurture.core.event import EventKind
from nurture.project.load import load_folder
from tests.core.builders import NOW
from tests.core.test_persona import ROOT

MAP = StepMap(
    mails={"why": "problem", "how": "exploring", "which": "comparing"}, forms={"visit": "deciding"}
)


def click(mail: str, *, days_ago: float) -> Deed:
    return EventKind.MESSAGE_CLICKED, mail, NOW - timedelta(days=days_ago)


def sends(form: str, *, days_ago: float) -> Deed:
    return EventKind.FORM_SUBMITTED, form, NOW - timedelta(days=days_ago)


@pytest.mark.parametrize(
    ("deeds", "step"),
    [
        pytest.param([], None, id="nothing was read"),
        pytest.param([click("which", days_ago=3)], "comparing", id="a comparison"),
        pytest.param(
            [click("which", days_ago=3), click("why", days_ago=1)], "problem", id="the last counts"
        ),
        pytest.param(
            [click("why", days_ago=1), click("which", days_ago=1)], "comparing", id="the furthest"
        ),
        pytest.param(
            [click("why", days_ago=1), sends("visit", days_ago=0)], "deciding", id="a raised hand"
        ),
        pytest.param([sends("basics", days_ago=1)], None, id="a form that raises none"),
        pytest.param([click("news", days_ago=1)], None, id="a mail without a step"),
        pytest.param([click("which", days_ago=90)], None, id="too long ago"),
        pytest.param([click("which", days_ago=89.9)], "comparing", id="just lately"),
        pytest.param([click("which", days_ago=-1)], None, id="not yet"),
    ],
)
def test_the_step_that_somebody_shows(deeds: list[Deed], step: str | None) -> None:
    found = shown(deeds, MAP, now=NOW)
    assert (found.step if found else None) == step
    assert shown(reversed(deeds), MAP, now=NOW) == found


@pytest.mark.parametrize(
    ("step", "expected", "how"),
    [
        ("problem", ("exploring", "comparing"), "behind"),
        ("exploring", ("exploring", "comparing"), ""),
        ("comparing", ("exploring", "comparing"), ""),
        ("deciding", ("exploring", "comparing"), "ahead"),
        ("comparing", ("problem", "deciding"), ""),
        ("deciding", (), ""),
    ],
)
def test_a_step_is_as_expected_or_ahead_or_behind(
    step: str, expected: tuple[str, ...], how: str
) -> None:
    assert compared(step, expected) == how


def test_the_starter_has_content_for_every_step_and_expects_steps_of_its_stages() -> None:
    project = load_folder(ROOT, {})
    steps = step_map(project)
    assert set(steps.mails.values()) == set(STEPS)
    assert steps.forms == {"book-a-walkthrough": "deciding"}
    stages = project.qualification.stages
    assert {stage: stages[stage].buyer for stage in USUAL} == dict(USUAL)
