from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nurture.calibrate.half_life import estimate
from nurture.core.errors import RefusedInput
from tests.calibrate.population import fading


@pytest.mark.parametrize("days", [7, 21, 45])
def test_a_known_half_life_is_recovered_within_a_fifth(days: int) -> None:
    found = estimate(fading(days))

    assert found.days == pytest.approx(days, rel=0.2)
    assert found.clear


def test_the_interval_holds_the_truth_in_nearly_all_samples() -> None:
    samples = [estimate(fading(21, people=1_500, seed=seed)) for seed in range(20)]

    held = sum(one.low_days <= 21 <= (one.high_days or 21) for one in samples)

    assert held >= 17


def test_what_does_not_fade_is_not_said_to() -> None:
    assert not estimate(fading(None)).clear


def test_behaviour_that_means_nothing_shows_no_half_life() -> None:
    found = fading(21)
    chance = np.random.default_rng(4)

    assert not estimate(replace(found, won=chance.random(len(found.won)) < 0.3)).clear


def test_the_estimate_is_the_same_each_time() -> None:
    assert estimate(fading(21, people=500)) == estimate(fading(21, people=500))


def test_too_few_cases_are_refused() -> None:
    found = fading(21, people=40)

    with pytest.raises(RefusedInput, match="come back when sales has answered more"):
        estimate(found)
    few = found.case < 5
    only = replace(
        fading(21, people=400),
        case=found.case[few],
        days_ago=found.days_ago[few],
        points=found.points[few],
    )
    with pytest.raises(RefusedInput, match="only 5 people did anything"):
        estimate(only)
