"""Stages as agreed: entry gates, allowed moves, and what a person decided over them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.core.event import EventKind
from nurture.core.history import HandoffView, History
from nurture.core.lead import Gate, Lead, Stage, Temperature, Verdict
from nurture.core.moves import MoveReason
from nurture.core.overrides import (
    NEVER,
    Endings,
    Override,
    Overrides,
    as_override,
    standing_overrides,
)
from nurture.core.project import Project
from nurture.core.stages import BACK, FORWARD, EntryGate, may_move
from tests.core.builders import (
    DAY,
    LEAD,
    NOW,
    QUALIFICATION,
    QUALIFIED_ACCOUNT,
    QUALIFIED_PROFILE,
    TRAITS_ACCOUNT,
    TRAITS_PROFILE,
    assessed,
    lead,
    project,
    qualified,
    standing,
)

STAGES = QUALIFICATION.stages
SHOWN = qualified(
    profile=QUALIFIED_PROFILE | TRAITS_PROFILE, account=QUALIFIED_ACCOUNT | TRAITS_ACCOUNT
)
FAILING = lead(profile=QUALIFIED_PROFILE, account={"employees": 10, "compressor_kw": 90})


def with_stage(stage: Stage, **changes: object) -> Project:
    """Return the project with one stage defined otherwise."""
    return project(stages={**STAGES, stage: replace(STAGES[stage], **changes)})  # type: ignore[arg-type]


def at(stage: Stage, who: Lead = LEAD) -> Lead:
    return replace(who, standing=standing(stage=stage))


# --- entry gates and allowed moves --------------------------------------------------------------


def test_commitment_can_be_the_way_into_opportunity() -> None:
    rules = with_stage(Stage.OPPORTUNITY, entry=EntryGate.COMMITTED)
    assert assessed(SHOWN, rules=rules).standing.stage is Stage.PROSPECT
    found = assessed(qualified(), History(committed_at=NOW - DAY), rules)
    assert found.standing.stage is Stage.OPPORTUNITY
    assert found.moves[-1].reason == MoveReason.COMMITTED


@pytest.mark.parametrize("stage", list(Stage))
def test_every_usual_move_is_allowed_and_no_other(stage: Stage) -> None:
    allowed = {after for after in Stage if may_move(STAGES, stage, after)}
    assert allowed == {*FORWARD[stage], *BACK[stage], Stage.ERASED}


def test_a_move_that_is_not_allowed_is_not_made() -> None:
    rules = with_stage(Stage.LEAD, forward=())
    assert assessed(qualified(), rules=rules).moves == ()


def test_a_lead_falls_back_step_by_step() -> None:
    moves = assessed(at(Stage.OPPORTUNITY, FAILING)).moves
    assert [(m.before, m.after) for m in moves] == [
        (Stage.OPPORTUNITY, Stage.PROSPECT),
        (Stage.PROSPECT, Stage.LEAD),
    ]


def test_a_lead_falls_back_only_as_far_as_is_allowed() -> None:
    rules = with_stage(Stage.OPPORTUNITY, back=(Stage.LEAD,))
    moves = assessed(at(Stage.OPPORTUNITY, FAILING), rules=rules).moves
    assert [m.after for m in moves] == [Stage.LEAD]
    rules = with_stage(Stage.OPPORTUNITY, back=())
    assert assessed(at(Stage.OPPORTUNITY, FAILING), rules=rules).moves == ()


def test_what_sales_says_has_happened_whatever_was_agreed() -> None:
    rules = with_stage(Stage.PROSPECT, forward=(), back=())
    view = HandoffView(state="delivered", answer=EventKind.HANDOFF_WON, answered_at=NOW)
    found = assessed(at(Stage.PROSPECT, qualified()), History(handoff=view), rules)
    assert found.standing.stage is Stage.CUSTOMER


# --- a person's word ----------------------------------------------------------------------------


def word(what: str, value: str, **changes: object) -> Override:
    plain = {"at": NOW - DAY, "by": "Bo", "reason": "spoke with them"}
    return Override(what=what, value=value, **{**plain, **changes})  # type: ignore[arg-type]


def by_hand(*said: Override, endings: Endings = NEVER) -> History:
    return History(overrides=standing_overrides(said, now=NOW, endings=endings))


@pytest.mark.parametrize("stage", [s for s in Stage if s is not Stage.ERASED])
def test_row_48_a_persons_word_about_the_stage_stands(stage: Stage) -> None:
    found = assessed(SHOWN, by_hand(word("stage", stage)))
    assert found.standing.stage is stage
    if stage is not Stage.LEAD:
        [move] = found.moves
        assert (move.reason, move.evidence["why"]) == (MoveReason.BY_HAND, "spoke with them")


def test_a_word_ends_on_its_day_and_the_lead_is_looked_at_then() -> None:
    until = NOW + 3 * DAY
    pinned = by_hand(word("stage", "customer", until=until))
    assert assessed(SHOWN, pinned).check_at == until
    later = History(overrides=standing_overrides([word("stage", "lead", until=NOW)], now=NOW))
    assert assessed(SHOWN, later).standing.stage is Stage.OPPORTUNITY


def test_the_last_word_counts_and_can_be_taken_back() -> None:
    said = [word("stage", "lead"), word("stage", "prospect", at=NOW)]
    assert standing_overrides(said, now=NOW).stage == said[1]
    assert standing_overrides([*said, word("stage", "")], now=NOW) == Overrides()


def test_what_sales_says_later_ends_it() -> None:
    for answered_at, stage in ((NOW, Stage.LOST), (NOW - 2 * DAY, Stage.OPPORTUNITY)):
        view = HandoffView(
            state="delivered", answer=EventKind.HANDOFF_LOST, answered_at=answered_at
        )
        endings = Endings(answered_at=answered_at)
        history = replace(by_hand(word("stage", "opportunity"), endings=endings), handoff=view)
        assert assessed(at(Stage.OPPORTUNITY, SHOWN), history).standing.stage is stage


@pytest.mark.parametrize(
    ("endings", "left"),
    [
        pytest.param(
            Endings(cycle_at=NOW - DAY), {"prospect", "hot", "pass"}, id="said in this cycle"
        ),
        pytest.param(Endings(cycle_at=NOW), set(), id="said in the cycle before"),
        pytest.param(
            Endings(answered_at=NOW - DAY), {"hot", "pass"}, id="sales answered at that moment"
        ),
        pytest.param(
            Endings(answered_at=NOW - 2 * DAY),
            {"prospect", "hot", "pass"},
            id="sales answered before",
        ),
        pytest.param(Endings(archived_at=NOW), {"hot", "pass"}, id="archived since"),
    ],
)
def test_what_ends_a_word(endings: Endings, left: set[str]) -> None:
    said = [word("stage", "prospect"), word("temperature", "hot"), word("stakeholder", "pass")]
    found = standing_overrides(said, now=NOW, endings=endings)
    assert {one.value for one in found.all()} == left


def test_a_new_cycle_begins_with_the_rules_alone() -> None:
    view = HandoffView(state="delivered", answer=EventKind.HANDOFF_REJECTED, answered_at=NOW)
    unknown = lead(profile=QUALIFIED_PROFILE, account={"compressor_kw": 90})
    history = replace(by_hand(word("organization", "pass")), handoff=view, committed_at=NOW - DAY)
    found = assessed(at(Stage.PROSPECT, unknown), history)
    assert [move.after for move in found.moves] == [Stage.LEAD]
    assert found.standing.verdicts[Gate.ORGANIZATION] is Verdict.UNKNOWN


def test_silence_ends_it() -> None:
    long_ago = NOW - timedelta(days=400)
    quiet = at(Stage.LEAD, replace(LEAD, captured_at=long_ago, last_life_at=None))
    history = by_hand(word("stage", "lead", at=NOW - timedelta(days=300)))
    moved = assessed(quiet, history)
    assert moved.standing.stage is Stage.INACTIVE
    archived = replace(quiet, standing=moved.standing, archived_at=NOW)
    assert assessed(archived, history).moves == ()


def test_a_waiver_answers_an_open_gate_and_no_failed_one() -> None:
    unknown = lead(profile=QUALIFIED_PROFILE, account={"compressor_kw": 90})
    waived = by_hand(word("organization", "pass"))
    assert assessed(unknown, waived).standing.stage is Stage.PROSPECT
    assert assessed(FAILING, waived).standing.verdicts[Gate.ORGANIZATION] is Verdict.FAIL
    even = by_hand(word("organization", "pass", even_fail=True))
    assert assessed(FAILING, even).standing.stage is Stage.PROSPECT


@pytest.mark.parametrize("said", [Temperature.HOT, Temperature.WARM, Temperature.COLD])
def test_a_persons_word_about_the_temperature_stands(said: Temperature) -> None:
    history = by_hand(word("temperature", said))
    assert assessed(qualified(), history).standing.temperature is said
    assert assessed(LEAD, history).standing.temperature is Temperature.NEW


def test_closed_stands_over_any_word() -> None:
    asked = {(EventKind.ERASURE_REQUESTED, ""): NOW}
    found = assessed(qualified(), by_hand(word("temperature", "hot")), latest=asked)
    assert found.erase


def test_an_event_becomes_the_word_it_records() -> None:
    detail = {"by": "Bo", "reason": "r", "until": NOW.isoformat(), "even_fail": True}
    found = as_override(EventKind.GATE_WAIVED, "stakeholder", NOW, detail, 7)
    assert (found.what, found.value, found.until, found.even_fail) == (
        "stakeholder",
        "pass",
        NOW,
        True,
    )
    assert as_override(EventKind.OVERRIDE_ENDED, "stage", NOW, {}, 8).value == ""
