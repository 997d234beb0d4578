from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from nurture.calibrate.backtest import (
    RECORDED_AFTER,
    TOO_GOOD,
    Backtest,
    Field,
    Plan,
    Split,
    backtest,
)
from nurture.calibrate.cases import Cases, first_part, stratified
from nurture.calibrate.plain import to_json
from nurture.core.errors import RefusedInput
from tests.calibrate.population import TRUTH, factories


@pytest.fixture(scope="module")
def found() -> Backtest:
    return backtest(factories(), Plan())


def _field(found: Backtest, name: str) -> Field:
    return next(one for one in found.fields if one.cut.field == name)


def _points(found: Backtest, name: str) -> dict[str, int]:
    one = _field(found, name)
    return dict(zip([slot.label for slot in one.cut.slots], one.points, strict=True))


def _with(cases: Cases, name: str, values: list[str]) -> Cases:
    return replace(cases, columns=cases.columns.assign(**{name: values}))


def test_points_are_in_the_order_of_the_truth(found: Backtest) -> None:
    points = _points(found, "industry")

    assert sorted(TRUTH, key=lambda name: -points[name]) == list(TRUTH)


def test_points_are_whole_and_add_up_to_about_a_hundred(found: Backtest) -> None:
    tops = [max(one.points) for one in found.fields]

    assert all(min(one.points) == 0 for one in found.fields)
    assert sum(tops) == pytest.approx(100, abs=len(tops))


def test_what_says_nothing_gives_no_points(found: Backtest) -> None:
    reasons = {one.where: one.reason for one in found.left_out}

    assert {one.cut.field for one in found.fields} == {"industry", "size"}
    assert "says too little" in reasons["colour"]
    assert reasons["id"].startswith("nothing in it occurs 30 times")


def test_the_points_sort_nearly_as_well_as_the_truth_could(found: Backtest) -> None:
    assert 0.78 < found.auc.value < 0.87
    assert found.auc.low < found.auc.value < found.auc.high
    assert found.brier < found.brier_of_average
    assert found.lift_top_decile > 1.5


def test_tenths_hold_all_cases_and_all_wins(found: Backtest) -> None:
    assert sum(part.cases for part in found.tenths) == found.tested.cases
    assert sum(part.won for part in found.tenths) == pytest.approx(found.tested.won)


def test_a_field_that_knows_the_outcome_is_flagged() -> None:
    cases = factories()
    known = _with(cases, "closed_by", ["Jonas" if won else "" for won in cases.won])

    found = backtest(known, Plan())

    assert [(leak.field, leak.reason) for leak in found.leaks] == [("closed_by", TOO_GOOD)]
    assert found.leaks[0].auc.value == 1


def test_what_is_recorded_after_the_decision_is_listed_and_gives_no_points() -> None:
    cases = factories()
    known = _with(cases, "closed_by", ["Jonas" if won else "" for won in cases.won])

    declared = replace(known, recorded_after=("closed_by", "colour"))
    found = backtest(declared, Plan())

    assert {leak.field: leak.reason for leak in found.leaks} == {
        "closed_by": RECORDED_AFTER,
        "colour": RECORDED_AFTER,
    }
    assert found.auc == backtest(cases, Plan()).auc


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_cases() -> None:
    one, again, other = (backtest(factories(), Plan(seed=seed)) for seed in (7, 7, 8))

    assert json.dumps(to_json(one)) == json.dumps(to_json(again))
    assert (one.test != other.test).any()


def test_a_random_split_draws_the_same_share_of_wins() -> None:
    won = np.arange(1_000) < 300

    train = stratified(won, seed=7)

    assert (int(train.sum()), int(won[train].sum())) == (700, 210)


def test_a_time_split_learns_from_the_past_alone() -> None:
    assert first_part(10).tolist() == [True] * 7 + [False] * 3
    assert not backtest(factories(), Plan(split=Split.TIME)).test[:2_800].any()


def test_a_level_that_has_moved_is_told_apart_from_the_order() -> None:
    cases = factories(6_000)
    chance = np.random.default_rng(2)
    # Two thirds of the later wins are lost at random: the order stays, the level falls.
    kept = ~((np.arange(6_000) >= 4_200) & (chance.random(6_000) < 2 / 3))
    found = backtest(replace(cases, won=cases.won & kept), Plan(split=Split.TIME))

    assert found.tested.rate < found.trained.rate / 2
    assert found.brier_level_reset < found.brier - 0.02


def test_precision_at_capacity_is_that_of_the_best_cases() -> None:
    found = backtest(factories(), Plan(capacity=100))

    assert found.at_capacity is not None
    assert found.at_capacity.cases == 100
    assert found.at_capacity.rate > found.tested.rate


@pytest.mark.parametrize(
    ("change", "plan", "said"),
    [
        pytest.param({"won": np.zeros(4_000, bool)}, Plan(), "needs both outcomes", id="no win"),
        pytest.param({"won": np.ones(4_000, bool)}, Plan(), "needs both outcomes", id="all wins"),
        pytest.param({"won": np.arange(4_000) < 29}, Plan(), "at least 30", id="too few wins"),
        pytest.param(
            {"won": np.arange(4_000) < 2_000},
            Plan(split=Split.TIME),
            "try --split random",
            id="only one outcome later",
        ),
        pytest.param({}, Plan(capacity=1_201), "from 1 to 1,200", id="too much capacity"),
        pytest.param({}, Plan(capacity=0), "from 1 to 1,200", id="no capacity"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    change: dict[str, object], plan: Plan, said: str
) -> None:
    with pytest.raises(RefusedInput, match=said):
        backtest(replace(factories(), **change), plan)  # type: ignore[arg-type]  # by name


def test_columns_that_say_nothing_are_refused_together() -> None:
    cases = factories()

    with pytest.raises(RefusedInput, match="no column says anything"):
        backtest(replace(cases, columns=cases.columns[["colour", "id"]]), Plan())
