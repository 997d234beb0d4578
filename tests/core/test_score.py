"""Scores: sums of what counted, how often, and how long ago; explained to the last thousandth."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from nurture.core.event import EventKind
from nurture.core.lead import Lead, Value
from nurture.core.project import (
    Band,
    EngagementGroup,
    EngagementModel,
    EngagementRule,
    FitModel,
    FitRule,
    Required,
)
from nurture.core.score import (
    Contribution,
    Fit,
    Tally,
    crossing_day,
    engagement,
    fit,
    horizon_days,
)
from tests.core.builders import (
    AUTHORITY,
    CAREERS,
    CLICK,
    FIT,
    GUIDE,
    MODEL,
    NOW,
    REPLY,
    TODAY,
    equals,
    facts,
    group,
    lead,
)

DAY = TODAY.toordinal()
CLICKED, SUBMITTED = EventKind.MESSAGE_CLICKED, EventKind.FORM_SUBMITTED


def tally(
    kind: EventKind, *, ago: int = 0, count: int = 1, subject: str = "guide", points: int = 0
) -> Tally:
    """Return events of one day, so many days ago."""
    return Tally(kind=kind, subject=subject, day=DAY - ago, count=count, points=points)


def model(*groups: EngagementGroup, **changes: int) -> EngagementModel:
    """Return a model of these groups, up to 100 points."""
    return EngagementModel(**({"maximum": 100} | changes), groups=groups, bands={})


def points(rules: EngagementModel | EngagementRule, *tallies: Tally, later: int = 0) -> float:
    """Return the engagement in points, of a single rule that never fades, or of a model."""
    if isinstance(rules, EngagementRule):
        rules = model(group(rules, maximum=100, half_life_days=None))
    return engagement(rules, tallies, day=DAY + later).value / 1000


# --- how often something counts -----------------------------------------------------------------

ONCE_A_DAY = replace(CLICK, points=1, max_per_day=1)
TWICE = replace(CLICK, points=1, max_per_day=None, max_count=2)


def test_a_rule_without_limits_counts_everything() -> None:
    unlimited = replace(CLICK, points=2, max_per_day=None)
    assert points(unlimited, tally(CLICKED, count=3), tally(CLICKED, ago=1)) == 8


def test_a_limit_per_day_begins_anew_every_day() -> None:
    assert points(ONCE_A_DAY, tally(CLICKED, count=5), tally(CLICKED, ago=1, count=5)) == 2


def test_a_limit_per_day_holds_across_subjects() -> None:
    tallies = tally(CLICKED, subject="guide"), tally(CLICKED, subject="case")
    assert points(ONCE_A_DAY, *tallies) == 1


def test_a_total_limit_counts_the_newest_first() -> None:
    fading = model(group(TWICE, half_life_days=10))
    old_and_new = [tally(CLICKED, ago=20), tally(CLICKED, ago=10), tally(CLICKED)]
    assert points(fading, *old_and_new) == 1 + 0.5
    rows = engagement(fading, old_and_new, day=DAY).rows
    assert [(row.day, row.count) for row in rows] == [(DAY, 1), (DAY - 10, 1), (DAY - 20, 0)]


def test_a_total_limit_can_end_within_a_day() -> None:
    assert points(TWICE, tally(CLICKED, count=1), tally(CLICKED, ago=1, count=9)) == 2


def test_what_is_over_a_limit_is_told_and_worth_nothing() -> None:
    rules = model(group(replace(CLICK, points=6, max_per_day=2, max_count=1)))
    [row] = engagement(rules, [tally(CLICKED, count=5)], day=DAY).rows
    assert (row.raw, row.over_day, row.over_count, row.net) == (30_000, 18_000, 6_000, 6_000)


def test_within_a_group_an_event_counts_for_the_first_rule_that_takes_it() -> None:
    special = replace(CLICK, id="special", subject="guide", points=10)
    both = model(group(special, replace(CLICK, points=1)))
    assert points(both, tally(CLICKED, subject="guide"), tally(CLICKED, subject="case")) == 11


def test_in_another_group_the_same_event_counts_again() -> None:
    assert points(model(group(CLICK), group(CLICK, id="again")), tally(CLICKED)) == 12


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(tally(SUBMITTED, subject="contact"), id="another subject"),
        pytest.param(tally(CLICKED), id="another kind"),
        pytest.param(tally(SUBMITTED, ago=-1), id="tomorrow"),
    ],
)
def test_what_does_not_count(other: Tally) -> None:
    assert points(GUIDE, other) == 0


# --- how long ago -------------------------------------------------------------------------------


@pytest.mark.parametrize("half_life", [1, 7, 21, 45])
def test_points_halve_after_exactly_the_half_life(half_life: int) -> None:
    fading = model(group(replace(CLICK, points=8), half_life_days=half_life))
    worth = [points(fading, tally(CLICKED), later=n * half_life) for n in range(4)]
    assert worth == [8, 4, 2, 1]


def test_without_half_life_points_stay() -> None:
    assert points(CLICK, tally(CLICKED), later=1000) == 6


def test_minus_points_stay_while_the_others_fade() -> None:
    tallies = tally(EventKind.MESSAGE_REPLIED), tally(EventKind.PAGE_VIEWED, subject="careers")
    assert points(MODEL, *tallies) == 20 - 15
    assert points(MODEL, *tallies, later=10) == 0


# --- limits of groups and of the whole ----------------------------------------------------------


def test_a_group_gives_no_more_than_its_maximum() -> None:
    assert points(model(group(REPLY, maximum=30)), tally(EventKind.MESSAGE_REPLIED, count=2)) == 30


def test_a_group_takes_no_more_than_its_minimum() -> None:
    strict = group(CAREERS, maximum=0, minimum=-10, half_life_days=None)
    tallies = tally(EventKind.PAGE_VIEWED, subject="careers"), tally(CLICKED, count=1)
    assert points(model(strict, group(replace(CLICK, points=30))), *tallies) == 30 - 10


def test_a_score_is_never_below_zero() -> None:
    assert points(MODEL, tally(EventKind.PAGE_VIEWED, subject="careers")) == 0


def test_a_score_is_never_above_the_maximum() -> None:
    low = model(group(REPLY), maximum=15)
    score = engagement(low, [tally(EventKind.MESSAGE_REPLIED)], day=DAY)
    assert score.value == 15_000
    assert [(row.raw, row.over_score, row.net) for row in score.rows] == [(20_000, 5_000, 15_000)]


def test_a_group_keeps_the_newest_when_it_is_full() -> None:
    full = model(group(REPLY, maximum=30, half_life_days=None))
    days = [tally(EventKind.MESSAGE_REPLIED, ago=ago) for ago in (2, 0, 1)]
    rows = engagement(full, days, day=DAY).rows
    assert [(row.over_group, row.net) for row in rows] == [
        (0, 20_000),
        (10_000, 10_000),
        (20_000, 0),
    ]


def test_what_fades_is_told() -> None:
    fading = model(group(replace(CLICK, points=8), half_life_days=10))
    [row] = engagement(fading, [tally(CLICKED, ago=10)], day=DAY).rows
    assert (row.raw, row.faded, row.net) == (8_000, 4_000, 4_000)


def test_a_group_that_leaves_zero_out_says_so() -> None:
    gift = model(group(CLICK, minimum=3))
    [row] = engagement(gift, [], day=DAY).rows
    assert (row.rule, row.raw, row.over_group, row.net) == ("limit", 0, -3_000, 3_000)


def test_points_given_by_hand_come_on_top() -> None:
    tallies = [tally(EventKind.SCORE_ADJUSTED, points=7), tally(CLICKED)]
    assert points(MODEL, *tallies) == 13


def test_points_taken_by_hand_can_cancel_out() -> None:
    tallies = [tally(EventKind.SCORE_ADJUSTED, points=n) for n in (5, -5)]
    score = engagement(MODEL, tallies, day=DAY)
    assert (score.value, sorted(row.net for row in score.rows)) == (0, [-5_000, 5_000])


# --- explained rows and the fall of scores: properties ------------------------------------------

KINDS = [
    CLICKED, SUBMITTED, EventKind.MESSAGE_REPLIED, EventKind.PAGE_VIEWED, EventKind.SCORE_ADJUSTED
]  # fmt: skip
_limits = st.none() | st.integers(min_value=1, max_value=4)


def _rules(low: int, high: int) -> st.SearchStrategy[tuple[EngagementRule, ...]]:
    rule = st.builds(
        EngagementRule,
        id=st.sampled_from("abcdef"),
        kind=st.sampled_from(KINDS[:4]),
        subject=st.sampled_from(["", "guide", "case"]),
        points=st.integers(low, high),
        max_per_day=_limits,
        max_count=_limits,
    )
    return st.lists(rule, min_size=1, max_size=4, unique_by=lambda r: r.id).map(tuple)


_fading = st.builds(
    EngagementGroup,
    id=st.just("fading"),
    minimum=st.just(0),
    maximum=st.integers(5, 60),
    half_life_days=st.none() | st.integers(1, 12),
    rules=_rules(1, 30),
)
_negative = st.builds(
    EngagementGroup,
    id=st.just("negative"),
    minimum=st.integers(-60, -1),
    maximum=st.just(0),
    half_life_days=st.none(),
    rules=_rules(-30, 0),
)
_models = st.builds(
    EngagementModel,
    maximum=st.integers(20, 100),
    groups=st.tuples(_fading, _fading, _negative),
    bands=st.just({}),
)
_tallies = st.lists(
    st.builds(
        tally,
        st.sampled_from(KINDS),
        ago=st.integers(0, 60),
        count=st.integers(1, 5),
        subject=st.sampled_from(["", "guide", "case"]),
        points=st.integers(-9, 9),
    ),
    max_size=12,
)


def lost(row: Contribution) -> int:
    """Return what a row lost on its way, in milli-points."""
    return row.over_day + row.over_count + row.faded + row.over_group + row.over_score


@settings(max_examples=300)
@given(_models, _tallies, st.integers(0, 400))
def test_row_10_the_rows_of_an_engagement_score_add_up_to_it_exactly(
    rules: EngagementModel, tallies: list[Tally], later: int
) -> None:
    score = engagement(rules, tallies, day=DAY + later)
    assert sum(row.net for row in score.rows) == score.value
    assert all(row.raw - lost(row) == row.net for row in score.rows)
    assert 0 <= score.value <= 1000 * rules.maximum


@settings(max_examples=150)
@given(_models, _tallies, st.integers(0, 60))
def test_no_row_loses_more_than_it_had_or_gains_on_the_way(
    rules: EngagementModel, tallies: list[Tally], later: int
) -> None:
    for row in engagement(rules, tallies, day=DAY + later).rows:
        steps = (row.over_day, row.over_count, row.faded, row.over_group, row.over_score, row.net)
        assert all(step == 0 or (step > 0) == (row.raw > 0) for step in steps), row


@settings(max_examples=150)
@given(_models, _tallies, st.integers(0, 60))
def test_event_by_event_or_counted_together_the_score_is_the_same(
    rules: EngagementModel, tallies: list[Tally], later: int
) -> None:
    one_by_one = [
        replace(t, count=1, event_id=n)
        for n, t in enumerate([t for t in tallies for _ in range(t.count)], start=1)
    ]
    together = engagement(rules, tallies, day=DAY + later).value
    told = engagement(rules, one_by_one, day=DAY + later)
    assert told.value == together
    assert sum(row.net for row in told.rows) == together


@settings(max_examples=60)
@given(_models, _tallies, st.integers(0, 100), st.integers(1, 100))
def test_without_new_events_a_score_only_falls(
    rules: EngagementModel, tallies: list[Tally], later: int, more: int
) -> None:
    first = engagement(rules, tallies, day=DAY + later).value
    assert engagement(rules, tallies, day=DAY + later + more).value <= first


@settings(max_examples=30)
@given(_models, st.permutations([tally(k, ago=n, count=n) for n, k in enumerate(KINDS, start=1)]))
def test_row_10_the_order_in_which_events_were_read_does_not_matter(
    rules: EngagementModel, tallies: list[Tally]
) -> None:
    read_in_order = sorted(tallies, key=lambda t: t.day)
    expected = engagement(rules, read_in_order, day=DAY)
    assert engagement(rules, tallies, day=DAY) == expected


@settings(max_examples=50)
@given(_models, _tallies, st.lists(st.integers(-1_000, 60_000), max_size=3))
def test_a_crossing_is_the_first_day_below_the_nearest_threshold(
    rules: EngagementModel, tallies: list[Tally], thresholds: list[int]
) -> None:
    def value(day: int) -> int:
        return engagement(rules, tallies, day=day).value

    found = crossing_day(rules, tallies, thresholds, day=DAY)
    reached = [threshold for threshold in thresholds if 0 < threshold <= value(DAY)]
    if not reached:
        assert found is None
    elif found is None:
        assert value(DAY + horizon_days(rules)) >= max(reached)
    else:
        assert found > DAY
        assert all(value(day) >= max(reached) for day in range(DAY, found))
        assert value(found) < max(reached)


def test_what_fades_over_years_is_waited_for_too() -> None:
    rule = replace(REPLY, points=60)
    slow = replace(MODEL, groups=(group(rule, half_life_days=365, maximum=60),))
    replied = Tally(kind=EventKind.MESSAGE_REPLIED, subject="", day=DAY, count=1)
    assert crossing_day(slow, [replied], [5_000], day=DAY) == DAY + 1309


# --- fit ----------------------------------------------------------------------------------------


def _fit(rules: FitModel | FitRule, who: Lead) -> Fit:
    if isinstance(rules, FitRule):
        rules = FitModel(rules=(rules,), exclusions=(), grades=FIT.grades)
    return fit(rules, facts(who), now=NOW)


SIZE = FitRule(
    id="size",
    key="account.employees",
    bands=(Band(low=1, high=49, points=-5), Band(low=50, high=None, points=40)),
)
KIND = FitRule(id="kind", key="lead.kind", values={"food": 20, "steel": 5}, otherwise=2)
SAYS = FitRule(id="says", when=equals(AUTHORITY, "decider"), points=30)


@pytest.mark.parametrize(
    ("rule", "known", "expected"),
    [
        pytest.param(SIZE, 50, 40, id="on the lower edge"),
        pytest.param(SIZE, 10**9, 40, id="without an upper edge"),
        pytest.param(SIZE, 0, 0, id="in no band"),
        pytest.param(SIZE, None, 0, id="a number not known"),
        pytest.param(SIZE, "many", 0, id="no number"),
        pytest.param(KIND, "food", 20, id="a value"),
        pytest.param(KIND, "glass", 2, id="any other value"),
        pytest.param(KIND, ("steel", "food"), 20, id="the best of several"),
        pytest.param(KIND, (), 0, id="none of several"),
        pytest.param(KIND, "", 0, id="an empty value"),
        pytest.param(SAYS, "decider", 30, id="a condition"),
        pytest.param(SAYS, "user", 0, id="a condition that does not hold"),
    ],
)
def test_fit_points(rule: FitRule, known: Value | None, expected: int) -> None:
    values = {} if known is None else {"employees": known, "kind": known, "authority": known}
    who = lead(profile=values, account=values)
    assert _fit(rule, who).score.value == 1000 * expected


def test_a_bad_band_takes_points_but_fit_stays_above_zero() -> None:
    score = _fit(SIZE, lead(account={"employees": 10})).score
    assert [(row.raw, row.over_score, row.net) for row in score.rows] == [(-5_000, -5_000, 0)]


def test_fit_never_exceeds_a_hundred() -> None:
    twice = FitModel(
        rules=(replace(SAYS, points=70), replace(SAYS, id="too", points=70)),
        exclusions=(),
        grades={},
    )
    assert _fit(twice, lead(profile={"authority": "decider"})).score.value == 100_000


@pytest.mark.parametrize(
    ("employees", "authority", "grade"),
    [
        pytest.param(100, "decider", "A", id="both"),
        pytest.param(100, None, "B", id="enough of what is known"),
        pytest.param(100, "user", "B", id="a good size, no say"),
        pytest.param(10, "user", "D", id="all known and nothing good"),
        pytest.param(10, None, "D", id="most of the weight known and nothing good"),
        pytest.param(None, "user", "?", id="little known: no verdict"),
        pytest.param(None, None, "?", id="nothing known"),
    ],
)
def test_grades(employees: int | None, authority: str | None, grade: str) -> None:
    account = {} if employees is None else {"employees": employees}
    profile = {} if authority is None else {"authority": authority}
    assert _fit(FIT, lead(profile=profile, account=account)).grade == grade


@pytest.mark.parametrize(
    ("authority", "grade"),
    [
        pytest.param("decider", "A", id="met"),
        pytest.param("user", "D", id="known not to be met"),
        pytest.param(None, "A", id="not known is held against nobody"),
    ],
)
def test_a_requirement_counts_whatever_the_points(authority: str | None, grade: str) -> None:
    must = Required(id="say", when=equals(AUTHORITY, "decider"), text="", reason="no say")
    rules = FitModel(
        rules=(replace(SIZE, bands=(Band(low=1, high=None, points=90),)),),
        exclusions=(),
        grades={"A": 70},
        required=(must,),
    )
    profile = {} if authority is None else {"authority": authority}
    found = _fit(rules, lead(profile=profile, account={"employees": 100}))
    assert (found.grade, found.score.value) == (grade, 90_000)


def test_without_rules_nothing_is_known_of_fit() -> None:
    empty = FitModel(rules=(), exclusions=(), grades=FIT.grades)
    assert _fit(empty, lead()).grade == "?"


def test_a_condition_that_is_known_to_be_false_counts_as_known() -> None:
    assert _fit(SAYS, lead()).coverage_percent == 0
    assert _fit(SAYS, lead(profile={"authority": "user"})).coverage_percent == 100


@given(
    st.lists(st.tuples(st.integers(-50, 90), st.booleans()), max_size=6), st.integers(min_value=0)
)
def test_row_10_the_rows_of_a_fit_score_add_up_to_it_exactly(
    given_points: list[tuple[int, bool]], employees: int
) -> None:
    rules = tuple(
        FitRule(id=str(n), key="account.employees", bands=(Band(low=0, high=None, points=p),))
        if banded
        else FitRule(id=str(n), when=equals(AUTHORITY, "decider"), points=p)
        for n, (p, banded) in enumerate(given_points)
    )
    who = lead(profile={"authority": "decider"}, account={"employees": employees})
    score = _fit(FitModel(rules=rules, exclusions=(), grades={}), who).score
    assert sum(row.net for row in score.rows) == score.value
    assert 0 <= score.value <= 100_000
