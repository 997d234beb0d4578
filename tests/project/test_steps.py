"""From steps as written to steps laid out flat."""

from __future__ import annotations

import pytest

from nurture.core.condition import TRUE, Compare, Operator, Ref, ValueType
from nurture.core.errors import ProjectError
from nurture.core.sequence import (
    ArchiveStep,
    BranchStep,
    EmailStep,
    ExitStep,
    FormStep,
    GotoStep,
    HandoffStep,
    Late,
    ScoreStep,
    SetStep,
    SplitArm,
    SplitStep,
    TaskStep,
    WaitForStep,
    WaitStep,
    WhenCapped,
)
from nurture.project.load import load_files
from tests.project.support import BASE, edited, with_file

DAY = 86_400

STEPS = """\
  - {email: guide, expires: 5d}
  - {email: guide, topic: news}
  - {wait: 2w}
  - {id: wait-14d-2, wait: 1d}
  - {wait: 14d}
  - {form: basics, email: questions}
  - {wait_for: {when: "clicked('guide')", timeout: 10d}}
  - branch:
      - {when: "stage == 'prospect'", steps: [{exit: is a prospect}]}
      - {when: lead.interested}
      - else: true
        steps:
          - split:
              - {share: 50, name: short, steps: [{wait: 1d}]}
              - {share: 50, name: long}
          - {set: {lead.role: manager, lead.topics_of_interest: [leaks, energy, leaks]}}
  - {score: -5, reason: just looking}
  - {score: 5, reason: came back}
  - {task: {title: "Call Ada! (today)", team: development}}
  - {handoff: sales}
  - {id: back, goto: form-basics, at_most: 2}
  - {archive: unresponsive}
"""


def sequence_of(steps: str) -> dict[str, str]:
    head, _, _ = BASE["sequences/welcome.yaml"].partition("steps:\n")
    return with_file("sequences/welcome.yaml", f"{head}steps:\n{steps}")


def test_a_mail_step_says_what_becomes_of_late_mail_and_of_mail_over_the_caps() -> None:
    written = sequence_of(
        "  - {email: guide, expires: 5d, late: ask, when_capped: drop}\n"
        "  - {form: basics, email: questions, late: send, when_capped: replace}\n"
        "  - {email: guide}\n"
    )
    asks, sends, plain = load_files(written, {}).sequences["welcome"].steps
    assert isinstance(asks, EmailStep)
    assert isinstance(sends, FormStep)
    assert isinstance(plain, EmailStep)
    assert (asks.late, asks.when_capped) == (Late.ASK, WhenCapped.DROP)
    assert (sends.late, sends.when_capped) == (Late.SEND, WhenCapped.REPLACE)
    assert (plain.late, plain.when_capped) == (Late.SKIP, WhenCapped.DEFER)


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        ("{email: guide, late: ask}", "late: ask needs expires"),
        ("{email: guide, late: skip}", "late: skip needs expires"),
        ("{email: guide, late: send, expires: 2d}", "a mail with late: send has no limit"),
    ],
)
def test_a_limit_and_what_becomes_of_late_mail_go_together(step: str, wrong: str) -> None:
    with pytest.raises(ProjectError, match=wrong):
        load_files(sequence_of(f"  - {step}\n"), {})


def test_steps_get_ids_from_what_they_do() -> None:
    steps = load_files(sequence_of(STEPS), {}).sequences["welcome"].steps
    assert [step.id for step in steps] == [
        "email-guide",
        "email-guide-2",
        "wait-14d",
        "wait-14d-2",
        "wait-14d-3",
        "form-basics",
        "wait-for",
        "branch",
        "exit-is-a-prospect",
        "split",
        "wait-1d",
        "set-role",
        "score-minus-5",
        "score-5",
        "task-call-ada-today",
        "handoff-sales",
        "back",
        "archive-unresponsive",
    ]


def test_steps_know_what_follows_them() -> None:
    sequence = load_files(sequence_of(STEPS), {}).sequences["welcome"]
    assert sequence.first == "email-guide"
    assert {step.id: step.next for step in sequence.steps} == {
        "email-guide": "email-guide-2",
        "email-guide-2": "wait-14d",
        "wait-14d": "wait-14d-2",
        "wait-14d-2": "wait-14d-3",
        "wait-14d-3": "form-basics",
        "form-basics": "wait-for",
        "wait-for": "branch",
        "branch": "score-minus-5",
        "exit-is-a-prospect": None,
        "split": "set-role",
        "wait-1d": "set-role",
        "set-role": "score-minus-5",
        "score-minus-5": "score-5",
        "score-5": "task-call-ada-today",
        "task-call-ada-today": "handoff-sales",
        "handoff-sales": "back",
        "back": "archive-unresponsive",
        "archive-unresponsive": None,
    }


def test_steps_carry_what_is_written() -> None:
    sequence = load_files(sequence_of(STEPS), {}).sequences["welcome"]
    by_id = sequence.by_id
    assert by_id["email-guide"] == EmailStep(
        id="email-guide", next="email-guide-2", line=8, template="guide", expires_seconds=5 * DAY
    )
    assert by_id["form-basics"] == FormStep(
        id="form-basics",
        next="wait-for",
        line=13,
        form="basics",
        template="questions",
        timeout_seconds=7 * DAY,
    )
    assert isinstance(by_id["wait-14d"], WaitStep)
    assert isinstance(by_id["wait-for"], WaitForStep)
    assert by_id["wait-for"].text == "clicked('guide')"
    assert by_id["set-role"] == SetStep(
        id="set-role",
        next="score-minus-5",
        line=23,
        values={"lead.role": "manager", "lead.topics_of_interest": ("energy", "leaks")},
    )
    assert isinstance(by_id["score-minus-5"], ScoreStep)
    assert isinstance(by_id["task-call-ada-today"], TaskStep)
    assert isinstance(by_id["handoff-sales"], HandoffStep)
    assert by_id["handoff-sales"].timeout_seconds == 14 * DAY
    assert isinstance(by_id["back"], GotoStep)
    assert isinstance(by_id["archive-unresponsive"], ArchiveStep)
    assert isinstance(by_id["exit-is-a-prospect"], ExitStep)


def test_arms_know_their_first_step() -> None:
    by_id = load_files(sequence_of(STEPS), {}).sequences["welcome"].by_id
    branch, split = by_id["branch"], by_id["split"]
    assert isinstance(branch, BranchStep)
    assert [(arm.text, arm.first) for arm in branch.arms] == [
        ("stage == 'prospect'", "exit-is-a-prospect"),
        ("lead.interested", None),
        ("else", "split"),
    ]
    interested = Ref("lead", "interested", ValueType.BOOL)
    assert branch.arms[1].when == Compare(interested, Operator.EQ, True)
    assert branch.arms[2].when == TRUE
    assert isinstance(split, SplitStep)
    assert split.arms == (
        SplitArm(name="short", share=50, first="wait-1d"),
        SplitArm(name="long", share=50, first=None),
    )


def test_ids_of_a_step_do_not_change_when_steps_are_added_behind_it() -> None:
    before = load_files(sequence_of(STEPS), {}).sequences["welcome"].steps
    after = load_files(sequence_of(STEPS + "  - {wait: 14d}\n"), {}).sequences["welcome"].steps
    assert [step.id for step in after[: len(before)]] == [step.id for step in before]


def test_an_id_has_an_end() -> None:
    steps = load_files(sequence_of(f"  - {{exit: {'very ' * 30}long}}\n"), {}).sequences["welcome"]
    assert steps.first == "exit-" + "-".join(["very"] * 11)


def test_sending_rules_have_defaults() -> None:
    files = edited("sequences/welcome.yaml", "send: {window: office, topic: guides}\n", "")
    sequence = load_files(files, {}).sequences["welcome"]
    assert (sequence.window, sequence.topic, sequence.reentry_seconds) == ("office", "", None)


def test_a_lead_may_enter_again() -> None:
    files = edited("sequences/welcome.yaml", "reentry: never", "reentry: 90d")
    assert load_files(files, {}).sequences["welcome"].reentry_seconds == 90 * DAY
