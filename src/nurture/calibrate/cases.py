"""Cases: what was known of each lead when it was decided on, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nurture.core.errors import RefusedInput

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]
Codes = NDArray[np.int64]

LEAST_OF_EACH = 30
"""With fewer wins, or fewer of the others, every figure would be chance."""
TRAINED_PERCENT = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A row or column that could not be used, where it is, and why."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What sales last said to so many handoffs and why, and how ready those leads seemed."""

    answer: str
    reason: str
    cases: int
    mean_readiness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """One row a case, in the order of time: texts as written, '' where nothing is known."""

    title: str
    outcome: str
    columns: pd.DataFrame
    won: Flags
    # Columns written after the decision: they are measured and listed, and give no points.
    recorded_after: tuple[str, ...] = ()
    # Columns that no rule could ask for: they are measured and told, and give no points.
    without_rule: tuple[str, ...] = ()
    # Their mere number is told too: `rows_left_out` lists the first ones only.
    rows_left_out: tuple[LeftOut, ...] = ()
    rows_left_out_count: int = 0
    columns_left_out: tuple[LeftOut, ...] = ()
    # Of handoffs only: what sales said to all that were answered, cases or not yet.
    answers: tuple[Said, ...] = ()
    remedy: str = "add older cases"


def enough(cases: Cases) -> None:
    """Refuse cases from which nothing could be learned."""
    total, won = len(cases.won), int(cases.won.sum())
    if not total:
        raise RefusedInput(f"{cases.title}: there is no case with an outcome; {cases.remedy}")
    if won in (0, total):
        told = "ended in" if won else "did not end in"
        raise RefusedInput(
            f"{cases.title}: all {total:,} cases {told} “{cases.outcome}”; a backtest needs both "
            f"outcomes; {cases.remedy}"
        )
    if min(won, total - won) < LEAST_OF_EACH:
        raise RefusedInput(
            f"{cases.title}: {won:,} of {total:,} cases ended in “{cases.outcome}”; at least "
            f"{LEAST_OF_EACH} of either outcome are needed; {cases.remedy}"
        )


def first_part(total: int) -> Flags:
    """Mark the first 70 % of the cases: learn from the past, test on what came after it."""
    return np.arange(total) < total * TRAINED_PERCENT // 100


def stratified(won: Flags, seed: int) -> Flags:
    """Mark 70 % of the wins and 70 % of the others, drawn by the seed."""
    chance = np.random.default_rng(seed)
    train = np.zeros(len(won), dtype=bool)
    for outcome in (False, True):
        places = chance.permutation(np.flatnonzero(won == outcome))
        train[places[: round(len(places) * TRAINED_PERCENT / 100)]] = True
    return train


def both_outcomes(won: Flags, train: Flags, *, remedy: str) -> None:
    """Refuse a split of which one part holds a single outcome."""
    for part, name in ((train, "learned from"), (~train, "tested on")):
        if len(set(won[part].tolist())) < 2:  # noqa: PLR2004 (an outcome and its opposite)
            raise RefusedInput(f"the part that is {name} holds one outcome only; {remedy}")


def names(found: Sequence[str], most: int = 12) -> str:
    """Return some names for a sentence."""
    shown = ", ".join(f"“{name}”" for name in found[:most])
    return f"{shown} and {len(found) - most} more" if len(found) > most else shown
