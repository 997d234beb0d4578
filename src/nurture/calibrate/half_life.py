"""How fast does interest fade? The half-life under which decayed behaviour tells outcomes best.

For each half-life of a grid, behaviour is summed as `points * 0.5 ** (days ago / half-life)` and
outcomes are fitted by it. The most likely half-life wins; all that are nearly as likely are its
interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurture.calibrate.cases import LEAST_OF_EACH, Codes, Flags, Numbers
from nurture.calibrate.measure import logistic
from nurture.core.errors import RefusedInput

SHORTEST_DAYS, LONGEST_DAYS = 1.0, 730.0
STEPS = 120
CHI_SQUARE_95 = 3.841458820694124
"""Half-lives whose likelihood is within half of this of the best are in the 95 % interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What people did: of which case, how many days before the decision, worth how much."""

    case: Codes
    days_ago: Numbers
    points: Numbers
    won: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfLife:
    """The estimate in days. `high_days` None: perhaps it never fades; `clear`: it fades at all."""

    days: float
    low_days: float
    high_days: float | None
    # By how much fading explains outcomes better than not fading: 1.92 and more is clear.
    gain: float
    cases: int
    events: int
    likelihood: tuple[tuple[float, float], ...]

    @property
    def clear(self) -> bool:
        """Say whether behaviour is surely worth less as it ages."""
        return self.gain > CHI_SQUARE_95 / 2 and self.high_days is not None


def estimate(found: Behaviour) -> HalfLife:
    """Return the half-life under which outcomes are most likely."""
    _enough(found)
    steps = np.geomspace(SHORTEST_DAYS, LONGEST_DAYS, STEPS)
    likelihood = np.array([_likelihood(found, days) for days in steps])
    best = int(likelihood.argmax())
    days, top = _peak(np.log(steps), likelihood, best)
    near = np.flatnonzero(likelihood >= top - CHI_SQUARE_95 / 2)
    # Between two steps of the grid the best may be the only one that is near enough.
    low, high = (int(near[0]), int(near[-1])) if len(near) else (best, best)
    return HalfLife(
        days=days,
        low_days=float(steps[max(low - 1, 0)]),
        high_days=None if high == STEPS - 1 else float(steps[high + 1]),
        gain=top - _likelihood(found, None),
        cases=len(found.won),
        events=len(found.case),
        likelihood=tuple(zip(steps.tolist(), (likelihood - top).tolist(), strict=True)),
    )


def _enough(found: Behaviour) -> None:
    won, total = int(found.won.sum()), len(found.won)
    if min(won, total - won) < LEAST_OF_EACH:
        raise RefusedInput(
            f"{won:,} of {total:,} cases were won; at least {LEAST_OF_EACH} of either outcome are "
            "needed to see how fast interest fades; come back when sales has answered more"
        )
    active = len(np.unique(found.case))
    if active < 2 * LEAST_OF_EACH:
        raise RefusedInput(
            f"only {active:,} people did anything before the decision; at least "
            f"{2 * LEAST_OF_EACH} are needed to see how fast interest fades"
        )


def _likelihood(found: Behaviour, half_life_days: float | None) -> float:
    """Return how likely the outcomes are; None: nothing fades."""
    fading = 1.0 if half_life_days is None else 0.5 ** (found.days_ago / half_life_days)
    score = np.bincount(found.case, weights=found.points * fading, minlength=len(found.won))
    spread = float(score.std())
    if not spread:
        score, spread = score * 0, 1.0
    _, _, likelihood = logistic((score - score.mean()) / spread, found.won.astype(float))
    return likelihood


def _peak(x: Numbers, y: Numbers, best: int) -> tuple[float, float]:
    """Return the top of the parabola through the best step and its neighbours."""
    if best in (0, len(x) - 1):
        return float(np.exp(x[best])), float(y[best])
    before, here, after = (float(y[best + side]) for side in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    top = here - 0.25 * (before - after) * shift
    return float(np.exp(x[best] + shift * (x[1] - x[0]))), top
