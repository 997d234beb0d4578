from __future__ import annotations

from math import log

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nurture.calibrate.measure import Gains, auc, brier, calibrate, level_reset, psi, tenths

CASES = st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=80).filter(
    lambda cases: len({won for won, _ in cases}) == 2
)


def _arrays(cases: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([won for won, _ in cases]), np.array([float(points) for _, points in cases])


@given(CASES)
def test_auc_is_the_share_of_pairs_in_the_right_order(cases: list[tuple[bool, int]]) -> None:
    wins = [points for won, points in cases if won]
    others = [points for won, points in cases if not won]
    right = sum((a > b) + 0.5 * (a == b) for a in wins for b in others)

    found = auc(*_arrays(cases))

    assert found.value == pytest.approx(right / (len(wins) * len(others)))
    assert found.low <= found.value <= found.high


def test_the_interval_holds_the_truth_in_nearly_all_samples() -> None:
    chance = np.random.default_rng(3)
    truth = 0.7602  # of two normal distributions, one standard deviation apart
    held = 0
    for _ in range(200):
        won = np.arange(300) < 100
        found = auc(won, chance.normal(size=300) + won)
        held += found.low <= truth <= found.high
    assert 182 <= held <= 198


def test_gains_share_the_wins_of_equal_points() -> None:
    gains = Gains(np.array([True, False, False, False]), np.array([5.0, 5.0, 1.0, 1.0]))

    assert [gains.wins(best) for best in range(5)] == [0, 0.5, 1, 1, 1]
    assert gains.share(0.25) == 0.5


def test_chances_agree_with_what_happens() -> None:
    chance = np.random.default_rng(5)
    points = np.round(chance.uniform(0, 100, 20_000))
    won = chance.random(20_000) < 1 / (1 + np.exp(-(points - 60) / 12))

    found = calibrate(won, points)

    assert found.slope == pytest.approx(1 / 12, rel=0.05)
    assert found.chances(np.array([60.0]))[0] == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("points", [[1.0] * 4, [1.0, 1.0, 0.0, 0.0]], ids=["all alike", "certain"])
def test_chances_are_chances_whatever_the_points(points: list[float]) -> None:
    won = np.array([True, True, False, False])

    found = calibrate(won, np.array(points)).chances(np.array(points))

    assert ((found > 0) & (found < 1)).all()
    assert brier(won, found) <= 0.2501


def test_resetting_the_level_moves_all_chances_to_the_rate() -> None:
    points = np.arange(100.0)
    found = level_reset(calibrate(points > 50, points), points, 0.2)

    assert found.chances(points).mean() == pytest.approx(0.2)


def test_tenths_keep_equal_points_together() -> None:
    found = tenths(np.array([1.0] * 50 + [2.0] * 50))

    assert sorted(set(found.tolist())) == [2, 7]


def test_the_stability_index_is_nothing_for_the_same_and_much_for_others() -> None:
    one, other = np.array([0] * 90 + [1] * 10), np.array([0] * 50 + [1] * 50)

    assert psi(one, one) == 0
    assert psi(one, other) == pytest.approx(0.4 * log(5) + -0.4 * log(5 / 9))
