"""How well points sort cases: plain arithmetic on arrays, with ties shared out evenly."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from nurture.calibrate.cases import Codes, Flags, Numbers
from nurture.reports.counting import NORMAL_95

_ROUNDS = 60
_HALVINGS = 14
_SETTLED = 1e-9
_LEAST_SHARE = 1e-4
"""An empty bin counts as so little, because PSI divides by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Auc:
    """The chance that a win stands above another case, and its 95 % interval (DeLong)."""

    value: float
    low: float
    high: float


def auc(won: Flags, points: Numbers) -> Auc:
    """Return the area under the ROC curve; equal points count half."""
    above, below = _placed(won, points)
    value = float(above.mean())
    error = sqrt(_variance(above) / len(above) + _variance(below) / len(below))
    reach = NORMAL_95 * error
    return Auc(value=value, low=max(value - reach, 0.0), high=min(value + reach, 1.0))


def auc_gained(won: Flags, before: Numbers, after: Numbers) -> Auc:
    """Return how much more of the area the second points have, on the same cases."""
    gains = [new - old for old, new in zip(_placed(won, before), _placed(won, after), strict=True)]
    value = float(gains[0].mean())
    reach = NORMAL_95 * sqrt(sum(_variance(each) / len(each) for each in gains))
    return Auc(value=value, low=value - reach, high=value + reach)


def _placed(won: Flags, points: Numbers) -> tuple[Numbers, Numbers]:
    """Return DeLong's placements: the share of the other side that each case stands above."""
    wins, others, ranks = points[won], points[~won], _midranks(points)
    above = (ranks[won] - _midranks(wins)) / len(others)
    below = 1 - (ranks[~won] - _midranks(others)) / len(wins)
    return above, below


def _variance(values: Numbers) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def _midranks(values: Numbers) -> Numbers:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middles: Numbers = np.cumsum(counts) - (counts - 1) / 2
    return middles[inverse]


class Gains:
    """How many wins are among the best so many cases; equal points share their wins."""

    def __init__(self, won: Flags, points: Numbers) -> None:
        _, inverse = np.unique(-points, return_inverse=True)
        self._cases = np.concatenate([[0.0], np.cumsum(np.bincount(inverse))])
        self._wins = np.concatenate([[0.0], np.cumsum(np.bincount(inverse, weights=won))])
        self.total = len(won)
        self.won = int(won.sum())

    def wins(self, best: float) -> float:
        """Return the wins that are to be expected among the best so many."""
        return float(np.interp(best, self._cases, self._wins))

    def share(self, part: float) -> float:
        """Return the share of all wins that is among the best part of the cases."""
        return self.wins(part * self.total) / self.won


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Points to chances: `1 / (1 + exp(-(intercept + slope * points)))`."""

    intercept: float
    slope: float

    def chances(self, points: Numbers) -> Numbers:
        """Return the chance of each case."""
        return sigmoid(self.intercept + self.slope * points)


def calibrate(won: Flags, points: Numbers) -> Calibration:
    """Fit chances to points by Platt's method, whose softened outcomes always have a solution."""
    wins, others = int(won.sum()), int((~won).sum())
    aims = np.where(won, (wins + 1) / (wins + 2), 1 / (others + 2))
    middle, spread = float(points.mean()), float(points.std()) or 1.0
    intercept, slope, _ = logistic((points - middle) / spread, aims)
    return Calibration(intercept=intercept - slope * middle / spread, slope=slope / spread)


def logistic(x: Numbers, aims: Numbers) -> tuple[float, float, float]:
    """Fit `aims` by one variable; return intercept, slope and the log likelihood (Newton)."""
    base = float(aims.mean())
    intercept, slope = log(base / (1 - base)), 0.0
    best = _likelihood(intercept + slope * x, aims)
    for _ in range(_ROUNDS):
        chances = sigmoid(intercept + slope * x)
        weights = chances * (1 - chances)
        rest = aims - chances
        a, b, c = float(weights.sum()), float(weights @ x), float(weights @ (x * x))
        ground = a * c - b * b
        if ground <= 0:
            break
        up, along = float(rest.sum()), float(rest @ x)
        step, turn = (c * up - b * along) / ground, (a * along - b * up) / ground
        # A full step may overshoot where outcomes are nearly certain.
        for _ in range(_HALVINGS):
            tried = _likelihood(intercept + step + (slope + turn) * x, aims)
            if tried >= best:
                break
            step, turn = step / 2, turn / 2
        else:
            break
        gained, best = tried - best, tried
        intercept, slope = intercept + step, slope + turn
        if gained < _SETTLED:
            break
    return intercept, slope, best


def sigmoid(x: Numbers) -> Numbers:
    """Return the logistic function, also of large numbers."""
    found: Numbers = 1 / (1 + np.exp(-np.clip(x, -500, 500)))
    return found


def _likelihood(x: Numbers, aims: Numbers) -> float:
    return float((aims * x - np.logaddexp(0, x)).sum())


def brier(won: Flags, chances: Numbers) -> float:
    """Return the mean square of what chances were off."""
    return float(((chances - won) ** 2).mean())


def level_reset(calibration: Calibration, points: Numbers, rate: float) -> Calibration:
    """Move all chances alike until their mean is the rate."""
    low, high = -60.0, 60.0
    for _ in range(_ROUNDS):
        middle = (low + high) / 2
        x = calibration.intercept + middle + calibration.slope * points
        low, high = (middle, high) if float(sigmoid(x).mean()) < rate else (low, middle)
    return Calibration(intercept=calibration.intercept + low, slope=calibration.slope)


def tenths(values: Numbers) -> Codes:
    """Return which tenth each case is in, 0 the lowest; equal values stay together."""
    middles = _midranks(values) - 0.5
    found: Codes = np.minimum(middles * 10 // len(values), 9).astype(np.int64)
    return found


def psi(before: Codes, after: Codes) -> float:
    """Return the population stability index of bins: below 0.1 the same people, above 0.25 not."""
    bins = int(max(before.max(), after.max())) + 1
    old = np.maximum(np.bincount(before, minlength=bins) / len(before), _LEAST_SHARE)
    new = np.maximum(np.bincount(after, minlength=bins) / len(after), _LEAST_SHARE)
    return float(((new - old) * np.log(new / old)).sum())
