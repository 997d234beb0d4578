"""The backtest: learn points on one part of the cases, and measure them on the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

import numpy as np

from nurture.calibrate.bins import Cut, Evidence, Slot, cut, cut_by, weigh
from nurture.calibrate.cases import (
    Cases,
    Flags,
    LeftOut,
    Numbers,
    both_outcomes,
    enough,
    first_part,
    stratified,
)
from nurture.calibrate.measure import (
    Auc,
    Calibration,
    Gains,
    auc,
    brier,
    calibrate,
    level_reset,
    psi,
    tenths,
)
from nurture.core.errors import RefusedInput
from nurture.reports.counting import wilson

LEAK_AUC = 0.9
"""A single field that alone sorts better than this was most likely written after the outcome."""
LEAST_INFORMATION = 0.01
"""Below this information value a field gives no points: it would add noise and length."""
FULL_POINTS = 100
"""The most that all fields together can give: fit is a score from 0 to 100."""

RECORDED_AFTER = "recorded after the decision"
TOO_GOOD = "alone it tells the outcome almost for certain: was it recorded after the decision?"


class Split(StrEnum):
    """How the cases to test on are set apart."""

    RANDOM = "random"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to test. `rules` are bins that rules in force have, by field; others are cut freely."""

    split: Split = Split.RANDOM
    seed: int = 7
    capacity: int | None = None
    rules: Mapping[str, tuple[Slot, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A field that knows too much, and why we think so."""

    field: str
    auc: Auc
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field with its bins, what they say, the points suggested, and how well it does alone."""

    cut: Cut
    evidence: Evidence
    points: tuple[int, ...]
    auc: Auc
    psi: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """So many cases, so many wins."""

    cases: int
    won: float

    @property
    def rate(self) -> float:
        """The share of wins."""
        return self.won / self.cases if self.cases else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that share."""
        low, high = wilson(round(self.won), self.cases)
        return low or 0.0, 1.0 if high is None else high


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Cases of like points: the chance that was foretold, and what came."""

    part: Part
    foretold: float
    low_points: int
    high_points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """Everything measured. Points were learned on `trained`, all figures are from `tested`."""

    title: str
    outcome: str
    plan: Plan
    trained: Part
    tested: Part
    auc: Auc
    brier: float
    # What saying the average to everybody would get, and with the level of chances set right.
    brier_of_average: float
    brier_level_reset: float
    calibration: Calibration
    gains: tuple[float, ...]
    tenths: tuple[Part, ...]
    reliability: tuple[Band, ...]
    psi_points: float
    at_capacity: Part | None
    leaks: tuple[Leak, ...]
    fields: tuple[Field, ...]
    cases: Cases
    left_out: tuple[LeftOut, ...]
    test: Flags
    today: Mapping[str, Auc] = field(default_factory=dict)

    @property
    def lift_top_decile(self) -> float:
        """How many times as often the best tenth wins as the average."""
        return self.tenths[0].rate / self.tested.rate

    @property
    def share_of_wins_top_20(self) -> float:
        """The share of all wins that is among the best fifth."""
        return self.gains[20]


def backtest(cases: Cases, plan: Plan) -> Backtest:
    """Learn integer points by weight of evidence on 70 % of the cases and test them on the rest."""
    enough(cases)
    by_time = plan.split is Split.TIME
    train = first_part(len(cases.won)) if by_time else stratified(cases.won, plan.seed)
    both_outcomes(cases.won, train, remedy="try --split random" if by_time else "add cases")
    test = ~train
    tested = int(test.sum())
    if plan.capacity is not None and not 1 <= plan.capacity <= tested:
        raise RefusedInput(
            f"--capacity {plan.capacity}: a number from 1 to {tested:,} is needed, because so many "
            "cases are kept apart for the test"
        )
    found, leaks, left_out = _fields(cases, train, plan)
    won, points = cases.won, _sum(found, len(cases.won))
    calibration = calibrate(won[train], points[train])
    reset = level_reset(calibration, points[test], float(won[test].mean()))
    gains = Gains(won[test], points[test])
    chances = calibration.chances(points[test])
    best = plan.capacity
    return Backtest(
        title=cases.title,
        outcome=cases.outcome,
        plan=plan,
        trained=_part(won[train]),
        tested=_part(won[test]),
        auc=auc(won[test], points[test]),
        brier=brier(won[test], chances),
        brier_of_average=brier(won[test], np.full(tested, float(won[train].mean()))),
        brier_level_reset=brier(won[test], reset.chances(points[test])),
        calibration=calibration,
        gains=tuple(gains.share(percent / 100) for percent in range(101)),
        tenths=_tenths(gains),
        reliability=_reliability(won[test], points[test], chances),
        psi_points=psi(
            tenths_of(points[train], points[train]), tenths_of(points[train], points[test])
        ),
        at_capacity=None if best is None else Part(cases=best, won=gains.wins(best)),
        leaks=leaks,
        fields=found,
        cases=cases,
        left_out=left_out,
        test=test,
    )


def _part(won: Flags) -> Part:
    return Part(cases=len(won), won=int(won.sum()))


def tenths_of(before: Numbers, points: Numbers) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return in which tenth of what was before each of the points would have been."""
    edges = np.unique(np.quantile(before, np.linspace(0, 1, 11)[1:-1]))
    return np.searchsorted(edges, points, side="left").astype(np.int64)


# -- fields --------------------------------------------------------------------------------------


def _fields(
    cases: Cases, train: Flags, plan: Plan
) -> tuple[tuple[Field, ...], tuple[Leak, ...], tuple[LeftOut, ...]]:
    """Return the fields that give points, the leaks, and the columns that say too little."""
    kept: list[tuple[Cut, Evidence, Auc]] = []
    leaks: list[Leak] = []
    left_out = list(cases.columns_left_out)
    for name in cases.columns.columns:
        texts = cases.columns[name]
        forced = plan.rules.get(name)
        made = cut_by(name, texts, forced) if forced else cut(name, texts, train)
        evidence = weigh(made.codes[train], cases.won[train], len(made.slots))
        alone = auc(cases.won[~train], evidence.weight[made.codes[~train]])
        if name in cases.recorded_after:
            leaks.append(Leak(field=name, auc=alone, reason=RECORDED_AFTER))
            continue
        if alone.value > LEAK_AUC:
            leaks.append(Leak(field=name, auc=alone, reason=TOO_GOOD))
        if name in cases.without_rule:
            told = f"no rule can ask for it; alone it sorts with an AUC of {alone.value:.2f}"
            left_out.append(LeftOut(where=name, reason=told))
        elif evidence.information_value >= LEAST_INFORMATION:
            kept.append((made, evidence, alone))
        else:
            left_out.append(LeftOut(where=name, reason=_why_not(made, evidence)))
    if not kept:
        raise RefusedInput(
            f"{cases.title}: no column says anything about “{cases.outcome}”; add columns that "
            "were known before the decision"
        )
    kept.sort(key=lambda item: (-item[1].information_value, item[0].field))
    leaks.sort(key=lambda leak: (-leak.auc.value, leak.field))
    # One scale for all fields keeps their proportions; each one's worst bin gives nothing.
    scale = FULL_POINTS / sum(float(np.ptp(evidence.weight)) for _, evidence, _ in kept)
    fields = tuple(
        Field(
            cut=made,
            evidence=evidence,
            points=_points(evidence.weight, scale),
            auc=alone,
            psi=psi(made.codes[train], made.codes[~train]),
        )
        for made, evidence, alone in kept
    )
    return fields, tuple(leaks), tuple(left_out)


def _points(weight: Numbers, scale: float) -> tuple[int, ...]:
    return tuple(int(points) for points in np.round((weight - weight.min()) * scale))


def _why_not(made: Cut, evidence: Evidence) -> str:
    filled = [slot for slot, cases in zip(made.slots, evidence.cases, strict=True) if cases]
    if len(filled) == 1:
        only = filled[0]
        if only.missing:
            return "it is empty"
        if only.rest:
            return "nothing in it occurs 30 times, as in names, ids and dates"
        return f"it is “{only.label}” in every case"
    return (
        f"it says too little about the outcome (information value {evidence.information_value:.3f})"
    )


def _sum(fields: tuple[Field, ...], cases: int) -> Numbers:
    total = np.zeros(cases)
    for one in fields:
        total += np.array(one.points, dtype=float)[one.cut.codes]
    return total


# -- figures -------------------------------------------------------------------------------------


def _tenths(gains: Gains) -> tuple[Part, ...]:
    edges = [gains.total * number / 10 for number in range(11)]
    return tuple(
        Part(cases=round(high) - round(low), won=gains.wins(round(high)) - gains.wins(round(low)))
        for low, high in pairwise(edges)
    )


def _reliability(won: Flags, points: Numbers, chances: Numbers) -> tuple[Band, ...]:
    codes = tenths(points)
    found = []
    for code in np.unique(codes):
        own = codes == code
        found.append(
            Band(
                part=_part(won[own]),
                foretold=float(chances[own].mean()),
                low_points=int(points[own].min()),
                high_points=int(points[own].max()),
            )
        )
    return tuple(found)
