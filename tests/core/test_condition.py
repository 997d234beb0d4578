"""Conditions: what holds for one lead, and how gates judge what they do not know."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, strategies as st

from nurture.core.condition import (
    TRUE,
    And,
    Compare,
    Condition,
    Constant,
    Contains,
    DatePast,
    DateWithin,
    Happened,
    InSequence,
    Known,
    Not,
    OneOf,
    Operator,
    Or,
    Ref,
    Sent,
    Silent,
    ValueType,
    holds,
    judge,
    kinds_asked,
    leaves,
    refs_of,
    value_of,
)
from nurture.core.event import EventKind
from nurture.core.lead import Gate, Lead, Profile, Stage, Trait, Value, Verdict
from tests.core.builders import (
    AUTHORITY,
    COMPRESSOR_KW,
    DAY,
    EMPLOYEES,
    ENGAGEMENT,
    HOUR,
    LEAD,
    NAME,
    NOW,
    READINESS,
    REVISIT_ON,
    SECOND,
    SENSORS_FIT,
    STAGE,
    TODAY,
    TOOLS,
    at_least,
    equals,
    facts,
    lead,
    standing,
)

TICK = SECOND / 1_000_000
CLICKED, SUBMITTED = EventKind.MESSAGE_CLICKED, EventKind.FORM_SUBMITTED


def _holds(condition: Condition, who: Lead = LEAD) -> bool:
    return holds(condition, facts(who), now=NOW)


# --- values -------------------------------------------------------------------------------------

FULL = lead(
    profile={
        "first_name": "Ada", "authority": "decider", "tools": ("ear", "sensor"),
        "revisit_on": TODAY.isoformat(),
    },
    account={"employees": 50, "sensors_fit": False},
    standing=standing(
        stage=Stage.PROSPECT, grade="B", fit=40_000, engagement=24_999, readiness=30,
        verdicts=dict.fromkeys(Gate, Verdict.FAIL), traits=dict.fromkeys(Trait, 2),
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(equals(NAME, "Ada"), True, id="text equals"),
        pytest.param(equals(NAME, "ada"), False, id="capitals matter"),
        pytest.param(Compare(NAME, Operator.NE, "Bob"), True, id="text differs"),
        pytest.param(Compare(NAME, Operator.LT, "ada"), True, id="capitals come first"),
        pytest.param(at_least(EMPLOYEES, 50), True, id="the edge counts"),
        pytest.param(Compare(EMPLOYEES, Operator.GT, 50), False, id="above leaves the edge out"),
        pytest.param(Compare(EMPLOYEES, Operator.LE, 50), True, id="at most"),
        pytest.param(equals(SENSORS_FIT, False), True, id="false is an answer"),
        pytest.param(OneOf(AUTHORITY, ("decider", "user")), True, id="one of"),
        pytest.param(OneOf(AUTHORITY, ("user",)), False, id="none of"),
        pytest.param(Contains(TOOLS, "ear"), True, id="holds the choice"),
        pytest.param(Contains(TOOLS, "nose"), False, id="does not hold the choice"),
        pytest.param(Known(TOOLS), True, id="known"),
        pytest.param(equals(STAGE, "prospect"), True, id="the stage"),
        pytest.param(equals(Ref("", "temperature", ValueType.CHOICE), "new"), True, id="warmth"),
        pytest.param(equals(Ref("", "grade", ValueType.CHOICE), "B"), True, id="the grade"),
        pytest.param(at_least(READINESS, 30), True, id="readiness is in points"),
        pytest.param(at_least(ENGAGEMENT, 25), False, id="24.999 points are not 25"),
        pytest.param(at_least(ENGAGEMENT, 24), True, id="but more than 24"),
        pytest.param(at_least(Ref("score", "fit", ValueType.NUMBER), 40), True, id="fit"),
        pytest.param(OneOf(Ref("score", "fit", ValueType.NUMBER), (40,)), True, id="fit in a list"),
        pytest.param(
            equals(Ref("verdict", "nurtured", ValueType.CHOICE), "fail"), True, id="a verdict"
        ),
        pytest.param(at_least(Ref("trait", "pain", ValueType.NUMBER), 2), True, id="a trait"),
        pytest.param(equals(Ref("", "source", ValueType.TEXT), "fair"), True, id="the source"),
        pytest.param(Known(Ref("lead", "email", ValueType.TEXT)), True, id="the address"),
        pytest.param(
            equals(Ref("lead", "time_zone", ValueType.TEXT), "Europe/Berlin"), True, id="the zone"
        ),
        pytest.param(
            equals(Ref("lead", "language", ValueType.TEXT), "en"), True, id="the language"
        ),
    ],
)
def test_values(condition: Condition, *, expected: bool) -> None:
    assert _holds(condition, FULL) is expected


@pytest.mark.parametrize(
    "condition",
    [
        equals(NAME, "Ada"),
        Compare(NAME, Operator.NE, "Ada"),
        OneOf(NAME, ("Ada",)),
        Contains(TOOLS, "ear"),
        Known(NAME),
        DatePast(REVISIT_ON),
        DateWithin(REVISIT_ON, 30),
    ],
    ids=lambda condition: type(condition).__name__,
)
@pytest.mark.parametrize(
    "profile",
    [
        pytest.param({}, id="missing"),
        pytest.param({"first_name": "", "tools": (), "revisit_on": ""}, id="empty"),
        pytest.param({"first_name": 5, "tools": "ear", "revisit_on": True}, id="of another type"),
    ],
)
def test_what_is_not_known_is_no_and_so_its_opposite_is_yes(
    condition: Condition, profile: Profile
) -> None:
    assert not _holds(condition, lead(profile=profile))
    assert _holds(Not(condition), lead(profile=profile))


@pytest.mark.parametrize("empty", ["source", "email", "time_zone", "language"])
def test_an_empty_column_is_not_known(empty: str) -> None:
    assert not _holds(Known(Ref("lead", empty, ValueType.TEXT)), lead(**{empty: ""}))


@pytest.mark.parametrize(("stored", "type_"), [(True, ValueType.NUMBER), (1, ValueType.BOOL)])
def test_a_truth_is_no_number_and_a_number_no_truth(stored: Value, type_: ValueType) -> None:
    assert not _holds(Known(Ref("lead", "x", type_)), lead(profile={"x": stored}))


def test_a_name_that_nobody_knows_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError, match="no such reference"):
        value_of(Ref("", "mood", ValueType.TEXT), facts())


# --- dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "past", "soon"),
    [(-1, True, False), (0, True, True), (7, False, True), (8, False, False)],
    ids=["yesterday", "today", "in a week", "in eight days"],
)
def test_dates(days: int, *, past: bool, soon: bool) -> None:
    who = lead(profile={"revisit_on": (TODAY + days * DAY).isoformat()})
    assert _holds(DatePast(REVISIT_ON), who) is past
    assert _holds(DateWithin(REVISIT_ON, 7), who) is soon


# --- what happened ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        pytest.param(Happened(CLICKED), True, id="about anything"),
        pytest.param(Happened(CLICKED, "guide"), True, id="about this"),
        pytest.param(Happened(CLICKED, "case"), False, id="about something else"),
        pytest.param(Happened(SUBMITTED), False, id="of another kind"),
        pytest.param(Happened(CLICKED, "guide", 3601), True, id="just within the window"),
        pytest.param(Happened(CLICKED, "guide", 3600), False, id="on the edge it is over"),
        pytest.param(Happened(CLICKED, None, 7200), True, id="about anything, lately"),
        pytest.param(Sent("guide"), True, id="sent"),
        pytest.param(Sent(), True, id="sent anything"),
        pytest.param(Sent("case"), False, id="not sent"),
        pytest.param(Sent("guide", 3600), False, id="sent too long ago"),
        pytest.param(InSequence("welcome", finished=False), True, id="enrolled"),
        pytest.param(InSequence("nurture", finished=False), False, id="not enrolled"),
        pytest.param(InSequence("nurture", finished=True), True, id="completed"),
        pytest.param(InSequence("welcome", finished=True), False, id="not completed"),
    ],
)
def test_history(condition: Condition, *, expected: bool) -> None:
    an_hour_ago = NOW - HOUR
    known = facts(
        latest={(CLICKED, "guide"): an_hour_ago},
        sent={"guide": an_hour_ago},
        inside=frozenset({"welcome"}),
        left=frozenset({"nurture"}),
    )
    assert holds(condition, known, now=NOW) is expected


def test_without_mail_nothing_was_sent() -> None:
    assert not _holds(Sent())


def test_the_future_has_not_happened() -> None:
    known = facts(latest={(CLICKED, "guide"): NOW + TICK})
    assert not holds(Happened(CLICKED), known, now=NOW)


@pytest.mark.parametrize(
    ("captured", "life", "expected"),
    [
        pytest.param(NOW - HOUR, None, True, id="since capture"),
        pytest.param(NOW - HOUR + TICK, None, False, id="not long enough"),
        pytest.param(NOW - DAY, NOW - HOUR + TICK, False, id="since the last sign of life"),
        pytest.param(NOW, NOW - DAY, False, id="an older sign changes nothing"),
    ],
)
def test_silence(captured: object, life: object, *, expected: bool) -> None:
    assert _holds(Silent(3600), lead(captured_at=captured, last_life_at=life)) is expected


# --- gates: unknown is an answer ----------------------------------------------------------------

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
ANSWERS: dict[Verdict, Condition] = {
    PASS: Constant(True),
    FAIL: Constant(False),
    UNKNOWN: equals(NAME, "Ada"),
}
ORDER = [FAIL, UNKNOWN, PASS]


def _judge(condition: Condition, who: Lead = LEAD) -> Verdict:
    return judge(condition, facts(who), now=NOW)


@pytest.mark.parametrize(("one", "other"), list(product(ORDER, ORDER)))
def test_and_is_as_good_as_its_worst_term(one: Verdict, other: Verdict) -> None:
    assert _judge(And((ANSWERS[one], ANSWERS[other]))) is min(one, other, key=ORDER.index)


@pytest.mark.parametrize(("one", "other"), list(product(ORDER, ORDER)))
def test_or_is_as_good_as_its_best_term(one: Verdict, other: Verdict) -> None:
    assert _judge(Or((ANSWERS[one], ANSWERS[other]))) is max(one, other, key=ORDER.index)


@pytest.mark.parametrize(("one", "other"), list(zip(ORDER, ORDER[::-1], strict=True)))
def test_the_opposite_of_unknown_is_unknown(one: Verdict, other: Verdict) -> None:
    assert _judge(Not(ANSWERS[one])) is other


def test_all_of_nothing_passes_and_any_of_nothing_fails() -> None:
    assert _judge(And(())) is PASS
    assert _judge(Or(())) is FAIL


@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        pytest.param(Contains(TOOLS, "ear"), UNKNOWN, id="choices not known"),
        pytest.param(OneOf(NAME, ("Ada",)), UNKNOWN, id="a value not known"),
        pytest.param(DatePast(REVISIT_ON), UNKNOWN, id="a date not known"),
        pytest.param(Known(NAME), FAIL, id="whether something is known is always known"),
        pytest.param(Happened(CLICKED), FAIL, id="so is what happened"),
        pytest.param(equals(STAGE, "lead"), PASS, id="and where the lead stands"),
    ],
)
def test_only_values_can_be_unknown(condition: Condition, verdict: Verdict) -> None:
    assert _judge(condition) is verdict


def _trees(depth: int) -> st.SearchStrategy[Condition]:
    leaf: st.SearchStrategy[Condition] = st.sampled_from(
        [at_least(EMPLOYEES, 50), at_least(COMPRESSOR_KW, 75), equals(SENSORS_FIT, True), TRUE]
    )
    if depth == 0:
        return leaf
    inner = _trees(depth - 1)
    several = st.lists(inner, max_size=3).map(tuple)
    return leaf | inner.map(Not) | several.map(And) | several.map(Or)


ACCOUNTS = [
    {"employees": employees, "compressor_kw": power, "sensors_fit": fits}
    for employees, power, fits in product((49, 50), (74, 75), (False, True))
]


@given(_trees(3), st.sets(st.sampled_from(["employees", "compressor_kw", "sensors_fit"])))
def test_a_verdict_stands_whatever_the_missing_answers_turn_out_to_be(
    condition: Condition, missing: set[str]
) -> None:
    for account in ACCOUNTS:
        partly = {name: value for name, value in account.items() if name not in missing}
        verdict = _judge(condition, lead(account=partly))
        if verdict is not UNKNOWN:
            assert _holds(condition, lead(account=account)) is (verdict is PASS)


@given(_trees(3), st.sampled_from(ACCOUNTS))
def test_with_every_answer_known_a_gate_is_a_plain_condition(
    condition: Condition, account: Profile
) -> None:
    who = lead(account=account)
    assert _judge(condition, who) is (PASS if _holds(condition, who) else FAIL)


# --- looking into a tree ------------------------------------------------------------------------


def test_a_tree_tells_what_it_asks() -> None:
    named, clicked = equals(NAME, "Ada"), Happened(CLICKED)
    tree = Or((Not(named), And((clicked, named, Silent(1))), TRUE))
    assert list(leaves(tree)) == [named, clicked, named, Silent(1), TRUE]
    assert refs_of(tree) == (NAME,)
    assert kinds_asked(tree) == {CLICKED}


def test_a_reference_is_printed_as_it_is_written() -> None:
    assert NAME.text == "lead.first_name"
    assert STAGE.text == "stage"
