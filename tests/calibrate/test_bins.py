from __future__ import annotations

from math import log

import numpy as np
import pandas as pd
import pytest

from nurture.calibrate.bins import Slot, cut, cut_by, weigh


def _column(*parts: tuple[str, int]) -> pd.Series:
    return pd.Series([value for value, times in parts for _ in range(times)], dtype=object)


def _all(column: pd.Series) -> np.ndarray:
    return np.ones(len(column), dtype=bool)


def test_the_weight_of_evidence_is_the_smoothed_log_of_odds_over_odds() -> None:
    codes = np.array([0] * 100 + [1] * 300)
    won = np.array([True] * 60 + [False] * 40 + [True] * 40 + [False] * 260)

    found = weigh(codes, won, bins=2)

    odds = 0.25 / 0.75
    assert found.weight[0] == pytest.approx(log((60 + 5) / (40 + 15) / odds))
    assert found.weight[1] == pytest.approx(log((40 + 5) / (260 + 15) / odds))


def test_fewer_than_thirty_cases_are_no_news() -> None:
    codes = np.array([0] * 29 + [1] * 30)

    assert weigh(codes, np.arange(59) % 2 == 0, bins=2).weight[0] == 0


def test_rare_values_are_one_bin_and_missing_another() -> None:
    column = _column(("food", 40), ("metal", 35), ("tea", 3), ("", 10))

    found = cut("industry", column, _all(column))

    assert [slot.label for slot in found.slots] == ["food", "metal", "anything else", "not known"]
    assert np.bincount(found.codes).tolist() == [40, 35, 3, 10]


def test_bands_cover_every_number_once_and_hold_enough_cases() -> None:
    column = pd.Series([str(n % 211) for n in range(2_110)], dtype=object)

    found = cut("employees", column, _all(column))

    bands = [slot for slot in found.slots if not slot.missing]
    assert found.is_number
    assert bands[0].low == 0
    assert bands[-1].high is None
    assert [b.low for b in bands[1:]] == [(a.high or 0) + 1 for a in bands[:-1]]
    assert np.bincount(found.codes).min() >= 30


def test_decimals_are_cut_in_whole_parts() -> None:
    column = pd.Series([f"{n % 100 / 100}" for n in range(2_000)], dtype=object)

    found = cut("rate", column, _all(column))

    assert found.unit == 100
    assert found.slots[0].label == "0 to 0.09"


def test_nothing_is_learned_from_the_cases_to_test_on() -> None:
    column = _column(("food", 40), ("metal", 60))
    train = np.arange(100) < 40

    found = cut("industry", column, train)

    assert [slot.label for slot in found.slots] == ["food", "anything else", "not known"]


def test_bins_of_a_rule_in_force_are_kept() -> None:
    column = pd.Series(["10", "60", "", "5000"], dtype=object)
    slots = (Slot(low=1, high=49), Slot(low=50, high=249), Slot(rest=True), Slot(missing=True))

    assert cut_by("employees", column, slots).codes.tolist() == [0, 1, 3, 2]
