"""Made-up cases of which the truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nurture.calibrate.cases import Cases
from nurture.calibrate.half_life import Behaviour

TRUTH = {"food": 1.5, "metal": 0.5, "paper": -0.5, "school": -2.0}
"""How much each industry adds to the log odds of a win."""


def factories(number: int = 4_000, seed: int = 1) -> Cases:
    """Return cases whose wins depend on industry and size; colour and id say nothing."""
    chance = np.random.default_rng(seed)
    industry = chance.choice(list(TRUTH), number)
    size = chance.integers(1, 1_000, number)
    odds = np.array([TRUTH[name] for name in industry]) + np.where(size > 250, 1.0, -1.0)
    won = chance.random(number) < 1 / (1 + np.exp(-odds))
    columns = {
        "industry": industry.tolist(),
        "size": np.where(chance.random(number) < 0.1, "", size.astype(str)).tolist(),
        "colour": chance.choice(["red", "blue"], number).tolist(),
        "id": [f"lead-{n}" for n in range(number)],
    }
    return Cases(
        title="factories", outcome="won", columns=pd.DataFrame(columns, dtype=object), won=won
    )


def fading(half_life_days: float | None, *, people: int = 4_000, seed: int = 1) -> Behaviour:
    """Return behaviour of people who buy the likelier the more of it has not faded yet."""
    chance = np.random.default_rng(seed)
    each = chance.poisson(6, people)
    case = np.repeat(np.arange(people, dtype=np.int64), each)
    days_ago = np.floor(chance.exponential(60, len(case)))
    left = np.ones(len(case)) if half_life_days is None else 0.5 ** (days_ago / half_life_days)
    score = np.bincount(case, weights=left, minlength=people).astype(float)
    odds = -0.5 + 1.5 * (score - score.mean()) / score.std()
    return Behaviour(
        case=case,
        days_ago=days_ago,
        points=np.ones(len(case)),
        won=chance.random(people) < 1 / (1 + np.exp(-odds)),
    )
