"""The score of an account: worked by hand, and rows that always add up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from nurture.core.account import (
    BREADTH_BONUS,
    TOP,
    AccountScore,
    Engaged,
    account_score,
    icp,
    of_accounts,
)
from nurture.core.score import Contribution
from nurture.project.load import load_folder
from tests.core.builders import NOW, TODAY
from tests.core.test_persona import ROOT

NOTHING = Contribution(
    group="", rule="", event_id=None, day=None, count=1, raw=0, over_day=0, over_count=0,
    faded=0, over_group=0, over_score=0, net=0,
)  # fmt: skip
LOW = replace(NOTHING, group="web", rule="careers", net=-1_000)
BOSS = Engaged(persona="boss", weight=45, engagement=60_000)
FITTER = Engaged(persona="fitter", weight=30, engagement=20_000)


def nets(score: AccountScore) -> list[tuple[str, str, int]]:
    return [(row.part, row.what, row.net) for row in score.rows]


def test_a_score_worked_by_hand() -> None:
    score = account_score(80_000, [BOSS, FITTER])
    assert nets(score) == [
        ("fit", "fit", 48_000),
        ("people", "boss", 10_800),
        ("people", "fitter", 2_400),
        ("breadth", "boss", 3_000),
        ("breadth", "fitter", 3_000),
    ]
    assert score.value == 67_200


def test_of_one_persona_the_most_engaged_counts_once() -> None:
    quiet = Engaged(persona="boss", weight=45, engagement=5_000)
    assert account_score(80_000, [quiet, BOSS, quiet]) == account_score(80_000, [BOSS])


def test_whoever_is_hardly_engaged_widens_nothing() -> None:
    quiet = Engaged(persona="boss", weight=45, engagement=9_999)
    assert [row.part for row in account_score(0, [quiet]).rows] == ["fit", "people"]


def test_nobody_known_is_fit_alone() -> None:
    assert nets(account_score(70_000, [])) == [("fit", "fit", 42_000)]


def test_people_and_the_whole_are_capped_with_a_row_that_says_so() -> None:
    eager = [Engaged(persona=str(n), weight=100, engagement=100_000) for n in range(4)]
    score = account_score(100_000, eager)
    assert ("people", "cap", -120_000) in nets(score)
    assert ("account", "cap", -4 * BREADTH_BONUS) in nets(score)
    assert score.value == TOP


def seen(rule: str, net: int) -> Contribution:
    return replace(NOTHING, group="web", rule=rule, raw=net, net=net)


def test_what_unknown_people_did_counts_beside_the_known_ones() -> None:
    score = account_score(80_000, [BOSS], [seen("pages", 2_001), seen("pages", 1_000), LOW])
    assert nets(score)[1:4] == [
        ("people", "boss", 10_800),
        ("signals", "web: careers", -400),
        ("signals", "web: pages", 1_200),
    ]
    much = account_score(0, [], [seen("pages", 100_000)] * 2)
    assert ("people", "cap", -40_000) in nets(much)
    assert much.value == 40_000


WEIGHTS = {"a": 0, "b": 7, "c": 33, "d": 60, "e": 100}
SIGNALS = st.lists(
    st.builds(seen, st.sampled_from("abc"), st.integers(-3, 60_000)), max_size=6
).filter(lambda rows: sum(row.net for row in rows) >= 0)
PEOPLE = st.lists(
    st.builds(
        lambda name, at: Engaged(persona=name, weight=WEIGHTS[name], engagement=at),
        st.sampled_from(sorted(WEIGHTS)),
        st.integers(0, 100_000),
    ),
    max_size=12,
)


@given(fit=st.integers(0, 100_000), people=PEOPLE, signals=SIGNALS)
def test_rows_add_up_whatever_the_people_and_their_order(
    fit: int, people: list[Engaged], signals: list[Contribution]
) -> None:
    score = account_score(fit, people, signals)
    assert score.value == sum(row.net for row in score.rows)
    assert 0 <= score.value <= TOP
    assert account_score(fit, reversed(people), reversed(signals)).value == score.value
    more = account_score(fit, [*people, BOSS], signals)
    assert more.value >= score.value or score.value == TOP


TINY = {"employees": 20, "compressors": 1, "compressor_kw": 30}
FOOD = {"employees": 320, "industry": "food", "compressor_kw": 160, "country": "DE"}


@pytest.mark.parametrize(
    ("profile", "value", "tier"),
    [
        pytest.param(FOOD, 100_000, "1", id="the best there is: 85 of 85 points"),
        pytest.param({**FOOD, "industry": "other"}, 76_470, "1", id="another industry"),
        pytest.param({**FOOD, "employees": 20}, 64_705, "2", id="too small"),
        pytest.param({**TINY, "country": "DE"}, 11_764, "4", id="no"),
        pytest.param({"country": "DE"}, 11_764, "?", id="hardly anything is known"),
        pytest.param({}, 0, "?", id="nothing is known"),
        pytest.param({**FOOD, "industry": "competitor"}, 76_470, "out", id="a competitor"),
    ],
)
def test_row_03_golden_accounts_have_the_tier_expected(
    profile: dict[str, int | str], value: int, tier: str
) -> None:
    model = of_accounts(load_folder(ROOT, {}).qualification.fit)
    found = icp(model, profile, today=TODAY, now=NOW)
    assert (found.value, found.tier) == (value, tier)


def test_rules_about_the_person_are_no_part_of_it() -> None:
    model = of_accounts(load_folder(ROOT, {}).qualification.fit)
    assert [rule.id for rule in model.rules] == ["employees", "industry", "enough-air", "near-us"]
    assert [rule.id for rule in model.exclusions] == ["competitor"]
