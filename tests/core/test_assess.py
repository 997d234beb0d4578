"""Assessment: verdicts, stages, temperature, entries and handoff, from facts alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from nurture.core.condition import Known, OneOf
from nurture.core.event import EventKind
from nurture.core.history import HandoffView, History
from nurture.core.lead import (
    IN_PLAY,
    QUALIFYING_GATES,
    Gate,
    Lead,
    Stage,
    Trait,
    Verdict,
)
from nurture.core.project import Exclusion, Project
from nurture.core.score import Tally
from tests.core.builders import (
    AUTHORITY,
    DAY,
    LEAD,
    NOW,
    NURTURED,
    PROJECT,
    QUALIFICATION,
    QUALIFIED_ACCOUNT,
    QUALIFIED_PROFILE,
    SECOND,
    TODAY,
    TRAITS_ACCOUNT,
    TRAITS_PROFILE,
    assessed,
    lead,
    project,
    qualified,
    standing,
)
from tests.core.passages import (
    email,
    sequence,
)

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
FULLY_QUALIFIED = qualified(
    profile=QUALIFIED_PROFILE | TRAITS_PROFILE, account=QUALIFIED_ACCOUNT | TRAITS_ACCOUNT
)


def at_stage(stage: Stage, who: Lead = LEAD) -> Lead:
    """Return the lead at another stage."""
    return replace(who, standing=standing(stage=stage))


# --- gates and stages ---------------------------------------------------------------------------

EMPLOYEES = {PASS: {"employees": 50}, FAIL: {"employees": 49}, UNKNOWN: {}}
POWER = {PASS: {"compressor_kw": 75}, FAIL: {"compressor_kw": 74}, UNKNOWN: {}}
SAY = {PASS: {"authority": "influencer"}, FAIL: {"authority": "user"}, UNKNOWN: {}}


@pytest.mark.parametrize("stage", [Stage.LEAD, Stage.PROSPECT, Stage.OPPORTUNITY])
@pytest.mark.parametrize("answers", list(product(Verdict, Verdict, Verdict)), ids="-".join)
def test_three_passes_qualify_and_one_fail_disqualifies(
    answers: tuple[Verdict, ...], stage: Stage
) -> None:
    organization, opportunity, stakeholder = answers
    account = EMPLOYEES[organization] | POWER[opportunity]
    profile = SAY[stakeholder]
    if stage is Stage.OPPORTUNITY:
        profile, account = profile | TRAITS_PROFILE, account | TRAITS_ACCOUNT
    found = assessed(at_stage(stage, lead(profile=profile, account=account))).standing
    assert tuple(found.verdicts[gate] for gate in QUALIFYING_GATES) == answers
    if stage is Stage.LEAD:
        assert found.stage is (Stage.PROSPECT if set(answers) == {PASS} else Stage.LEAD)
    else:
        assert found.stage is (Stage.LEAD if FAIL in answers else stage)


@pytest.mark.parametrize("missing", ["pain", "interest", "sensors_fit"])
def test_a_prospect_without_all_traits_is_no_opportunity(missing: str) -> None:
    who = FULLY_QUALIFIED
    profile = {name: value for name, value in who.profile.items() if name != missing}
    account = {name: value for name, value in who.account.items() if name != missing}
    found = assessed(replace(who, profile=profile, account=account)).standing
    assert found.stage is Stage.PROSPECT


def test_a_lead_can_become_an_opportunity_at_once_through_every_stage() -> None:
    found = assessed(FULLY_QUALIFIED)
    assert [move.after for move in found.moves] == [Stage.PROSPECT, Stage.OPPORTUNITY]
    assert found.standing.traits == {Trait.PAIN: 3, Trait.INTEREST: 2, Trait.FIT: 2}


def test_the_first_matching_row_of_a_trait_counts() -> None:
    found = assessed(lead(profile={"interest": "low"})).standing
    assert found.traits[Trait.INTEREST] == 1


def test_a_move_says_on_what_it_rests() -> None:
    [move] = assessed(qualified()).moves
    assert move.reason == "all three gates pass"
    assert move.evidence["organization"] == "pass"
    assert move.evidence["pain"] == "0"


def test_a_suspect_stays_a_suspect() -> None:
    assert assessed(at_stage(Stage.SUSPECT, FULLY_QUALIFIED)).moves == ()


def test_whoever_is_excluded_is_out_whatever_the_points_say() -> None:
    out = Exclusion(id="rival", when=OneOf(AUTHORITY, ("decider",)), text="", reason="rival")
    rules = project(fit=replace(QUALIFICATION.fit, exclusions=(out,)))
    found = assessed(FULLY_QUALIFIED, NURTURED, rules)
    assert found.standing.stage is Stage.DISQUALIFIED
    assert [move.reason for move in found.moves] == ["excluded: rival"]
    assert (found.enter, found.hand_off, found.check_at) == ((), False, None)


def test_an_exclusion_that_does_not_hold_keeps_nobody_out() -> None:
    out = Exclusion(id="rival", when=OneOf(AUTHORITY, ("user",)), text="", reason="rival")
    rules = project(fit=replace(QUALIFICATION.fit, exclusions=(out,)))
    assert assessed(qualified(), rules=rules).standing.stage is Stage.PROSPECT


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage not in IN_PLAY])
def test_who_has_left_the_game_is_left_alone(stage: Stage) -> None:
    found = assessed(at_stage(stage, FULLY_QUALIFIED), NURTURED, project(sequence(email())))
    assert found.standing.stage is stage
    assert (found.moves, found.enter, found.hand_off, found.check_at) == ((), (), False, None)


def test_row_10_the_same_facts_and_clock_give_the_same_assessment() -> None:
    assert assessed(FULLY_QUALIFIED, NURTURED) == assessed(FULLY_QUALIFIED, NURTURED)


@pytest.mark.parametrize(
    "who", [LEAD, qualified(), FULLY_QUALIFIED], ids=["unknown", "prospect", "opportunity"]
)
def test_an_assessment_settles_everything_at_once(who: Lead) -> None:
    first = assessed(who, NURTURED)
    again = assessed(replace(who, standing=first.standing), NURTURED)
    assert again.moves == ()
    assert again.standing == first.standing


# --- scores and grade ---------------------------------------------------------------------------


def test_scores_are_part_of_the_standing_and_come_with_their_rows() -> None:
    replies = Tally(
        kind=EventKind.MESSAGE_REPLIED, subject="", day=TODAY.toordinal(), count=2, points=0
    )
    found = assessed(qualified(), History(tallies=[replies]))
    assert (found.standing.fit, found.standing.engagement) == (70_000, 40_000)
    assert found.standing.readiness == (40 * 70 + 60 * 40) // 100
    assert found.standing.grade == "A"
    assert [score.value for score in (found.scores[0], found.scores[1].score)] == [40_000, 70_000]


def test_a_condition_sees_the_scores_of_now() -> None:
    rules = project(sequence(email(), enter=Known(AUTHORITY)))
    assert assessed(qualified(), rules=rules).enter == ("welcome",)


# --- nurtured and handed over -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("history", "verdict"),
    [
        pytest.param(NURTURED, PASS, id="three touches in a week and more"),
        pytest.param(replace(NURTURED, touches=2), UNKNOWN, id="too few touches"),
        pytest.param(replace(NURTURED, first_touch=NOW - 8 * DAY), PASS, id="over exactly a week"),
        pytest.param(
            replace(NURTURED, first_touch=NOW - 8 * DAY + SECOND), UNKNOWN, id="a second too short"
        ),
        pytest.param(History(touches=3), UNKNOWN, id="without times"),
    ],
)
def test_nurtured_takes_touches_and_time(history: History, verdict: Verdict) -> None:
    assert assessed(history=history).standing.verdicts[Gate.NURTURED] is verdict


WITH_SALES = HandoffView(state="delivered")
LATER = replace(QUALIFICATION.handoff, from_stage=Stage.OPPORTUNITY)
CHOOSY = replace(QUALIFICATION.handoff, floor=100)


@pytest.mark.parametrize(
    ("who", "history", "rules", "due"),
    [
        pytest.param(qualified(), NURTURED, PROJECT, True, id="qualified and nurtured"),
        pytest.param(FULLY_QUALIFIED, NURTURED, PROJECT, True, id="an opportunity all the more"),
        pytest.param(LEAD, NURTURED, PROJECT, False, id="not qualified"),
        pytest.param(qualified(), History(), PROJECT, False, id="not nurtured"),
        pytest.param(
            qualified(), replace(NURTURED, handoff=WITH_SALES), PROJECT, False, id="already over"
        ),
        pytest.param(
            qualified(suppressed="unsubscribed"), NURTURED, PROJECT, False, id="unsubscribed"
        ),
        pytest.param(qualified(), NURTURED, project(handoff=LATER), False, id="a stage too early"),
        pytest.param(FULLY_QUALIFIED, NURTURED, project(handoff=LATER), True, id="late enough"),
        pytest.param(qualified(), NURTURED, project(handoff=CHOOSY), False, id="below the floor"),
    ],
)
def test_a_handoff_is_due(who: Lead, history: History, rules: Project, *, due: bool) -> None:
    assert assessed(who, history, rules).hand_off is due


@pytest.mark.parametrize(
    ("view", "locked"),
    [
        pytest.param(None, False, id="no handoff"),
        pytest.param(HandoffView(state="waiting"), False, id="waiting for a free hand"),
        pytest.param(HandoffView(state="ready"), True, id="released"),
        pytest.param(WITH_SALES, True, id="delivered"),
        pytest.param(HandoffView(state="dead"), False, id="never arrived"),
        pytest.param(replace(WITH_SALES, answer=EventKind.HANDOFF_ACCEPTED), True, id="accepted"),
        pytest.param(replace(WITH_SALES, answer=EventKind.HANDOFF_MEETING), True, id="a meeting"),
        pytest.param(replace(WITH_SALES, answer=EventKind.HANDOFF_WON), False, id="won"),
        pytest.param(replace(WITH_SALES, answer=EventKind.HANDOFF_LOST), False, id="lost"),
        pytest.param(replace(WITH_SALES, answer=EventKind.HANDOFF_RECYCLED), False, id="recycled"),
    ],
)
def test_sales_has_the_lead(view: HandoffView | None, *, locked: bool) -> None:
    assert assessed(qualified(), replace(NURTURED, handoff=view)).locked is locked


@pytest.mark.parametrize(
    ("answer", "stage", "reason"),
    [
        (EventKind.HANDOFF_WON, Stage.CUSTOMER, "won by sales"),
        (EventKind.HANDOFF_LOST, Stage.LOST, "lost by sales"),
    ],
)
def test_what_sales_decided_ends_it(answer: EventKind, stage: Stage, reason: str) -> None:
    view = replace(WITH_SALES, answer=answer, reason="price")
    found = assessed(at_stage(Stage.OPPORTUNITY), replace(NURTURED, handoff=view))
    assert found.standing.stage is stage
    assert [(move.reason, dict(move.evidence)) for move in found.moves] == [
        (reason, {"sales said": "price"})
    ]


@pytest.mark.parametrize("answer", [EventKind.HANDOFF_RECYCLED, EventKind.HANDOFF_REJECTED])
def test_a_lead_given_back_starts_a_new_cycle_and_needs_new_touches(answer: EventKind) -> None:
    history = replace(NURTURED, handoff=replace(WITH_SALES, answer=answer))
    found = assessed(at_stage(Stage.OPPORTUNITY, qualified()), history)
    assert found.standing.cycle == 2
    assert [move.after for move in found.moves] == [Stage.LEAD, Stage.PROSPECT]
    assert found.standing.verdicts[Gate.NURTURED] is UNKNOWN
    assert (found.locked, found.hand_off) == (False, False)


def test_a_lead_given_back_is_handed_over_again_after_new_touches() -> None:
    second = replace(qualified(), standing=standing(stage=Stage.PROSPECT, cycle=2))
    assert assessed(second, NURTURED).hand_off


# --- silence and life ---------------------------------------------------------------------------


def silent_for(days: int, **changes: object) -> Lead:
    """Return a lead whose last sign of life was so many days ago."""
    long_ago = NOW - 400 * DAY
    return lead(captured_at=long_ago, last_life_at=NOW - days * DAY, **changes)


NEVER_HEARD_OF = lead(captured_at=NOW - 75 * DAY, last_life_at=None)


@pytest.mark.parametrize(
    ("who", "stage"),
    [
        pytest.param(silent_for(74), Stage.LEAD, id="not yet"),
        pytest.param(silent_for(75), Stage.INACTIVE, id="on the day"),
        pytest.param(NEVER_HEARD_OF, Stage.INACTIVE, id="not a word since capture"),
        pytest.param(silent_for(149, stage=Stage.PROSPECT), Stage.PROSPECT, id="longer"),
        pytest.param(silent_for(150, stage=Stage.PROSPECT), Stage.INACTIVE, id="not forever"),
        pytest.param(
            silent_for(
                399,
                stage=Stage.OPPORTUNITY,
                profile=TRAITS_PROFILE,
                account=TRAITS_ACCOUNT,
            ),
            Stage.OPPORTUNITY,
            id="no limit",
        ),
    ],
)  # fmt: skip
def test_silence_ends_it(who: Lead, stage: Stage) -> None:
    assert assessed(who).standing.stage is stage


@pytest.mark.parametrize(
    "history",
    [
        pytest.param(History(open_enrollments=1), id="a sequence gives the last chance"),
        pytest.param(History(handoff=WITH_SALES), id="sales has it"),
    ],
)
def test_silence_ends_nothing_while_something_is_open(history: History) -> None:
    assert assessed(silent_for(200), history).standing.stage is Stage.LEAD


def test_a_sign_of_life_after_the_archive_brings_the_lead_back() -> None:
    who = silent_for(1, stage=Stage.INACTIVE, archived_at=NOW - 5 * DAY)
    [move] = assessed(who).moves
    assert (move.before, move.after) == (Stage.INACTIVE, Stage.LEAD)


@pytest.mark.parametrize(
    "who",
    [
        pytest.param(silent_for(6, archived_at=NOW - 5 * DAY), id="a sign before the archive"),
        pytest.param(silent_for(5, archived_at=NOW - 5 * DAY), id="a sign at the very moment"),
        pytest.param(silent_for(80, archived_at=NOW - 90 * DAY), id="a sign reported long after"),
        pytest.param(silent_for(1, archived_at=None), id="never archived"),
        pytest.param(lead(last_life_at=None, archived_at=NOW - DAY), id="no sign at all"),
    ],
)
def test_who_stays_in_the_inactive_file(who: Lead) -> None:
    assert assessed(at_stage(Stage.INACTIVE, who)).moves == ()
