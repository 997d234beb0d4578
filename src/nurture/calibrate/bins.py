"""Cut columns into bins and weigh what each bin says about the outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
import pandas as pd

from nurture.calibrate.cases import Codes, Flags, Numbers

LEAST_CASES = 30
"""Fewer cases in a bin say nothing: it is joined with others or counts as neutral."""
MOST_BINS = 10
FEWEST_NUMBERS = 3
"""Two different numbers are a yes and a no."""
PRIOR_CASES = 20
"""So many average cases are added to each bin, which keeps small ones from shouting."""
UNITS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""A field holds whole numbers, so decimals are cut in tenths, hundredths and so on."""
LARGEST = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What is in a bin: whole numbers (in parts of `unit`) from low to high, values, or nothing."""

    low: int | None = None
    high: int | None = None
    values: tuple[str, ...] = ()
    unit: int = 1
    missing: bool = False
    # Every other value of the column.
    rest: bool = False

    @property
    def label(self) -> str:
        """Say it in words."""
        if self.missing:
            return "not known"
        if self.rest:
            return "anything else"
        if self.values:
            return " or ".join(self.values)
        low = f"{(self.low or 0) / self.unit:,.10g}"
        if self.high is None:
            return f"{low} or more"
        high = f"{self.high / self.unit:,.10g}"
        return low if low == high else f"{low} to {high}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A column cut into bins: for each case the number of its bin."""

    field: str
    slots: tuple[Slot, ...]
    codes: Codes

    @property
    def is_number(self) -> bool:
        """Say whether the bins are bands of numbers."""
        return any(slot.low is not None for slot in self.slots)

    @property
    def unit(self) -> int:
        """Return into how many parts the numbers are cut."""
        return max(slot.unit for slot in self.slots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What bins say: cases, wins and weight of evidence each, information value of all."""

    cases: Codes
    won: Codes
    weight: Numbers
    information_value: float


def cut(field: str, texts: pd.Series, train: Flags) -> Cut:
    """Cut the column by what the cases to learn from show."""
    known = (texts != "").to_numpy(dtype=bool)
    numbers = _numbers(texts, known)
    if numbers is None:
        return _cut_values(field, texts, known, train)
    return _cut_numbers(field, numbers, known, train)


def cut_by(field: str, texts: pd.Series, slots: Sequence[Slot]) -> Cut:
    """Cut the column into the bins that a rule in force has; the last two are rest and missing."""
    codes = np.full(len(texts), len(slots) - 2, dtype=np.int64)
    known = (texts != "").to_numpy(dtype=bool)
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(dtype=float)
    for number, slot in enumerate(slots[:-2]):
        if slot.values:
            codes[texts.isin(slot.values).to_numpy(dtype=bool)] = number
        else:
            high = inf if slot.high is None else slot.high
            codes[(numbers >= (slot.low or 0)) & (numbers <= high)] = number
    codes[~known] = len(slots) - 1
    return Cut(field=field, slots=tuple(slots), codes=codes)


def _numbers(texts: pd.Series, known: Flags) -> Numbers | None:
    """Return the column as numbers, None if it holds anything else."""
    found = pd.to_numeric(texts.where(known), errors="coerce").to_numpy(dtype=float)
    there = found[known]
    if not len(there) or np.isnan(there).any() or np.abs(there).max() > LARGEST:
        return None
    return found if len(np.unique(there)) >= FEWEST_NUMBERS else None


def _cut_numbers(field: str, numbers: Numbers, known: Flags, train: Flags) -> Cut:
    learned = numbers[train & known]
    if not len(learned):
        learned = numbers[known]
    parts = np.linspace(0, 1, MOST_BINS + 1)[1:-1]
    edges = np.unique(np.quantile(learned, parts, method="lower"))
    unit = next(
        (u for u in UNITS if len(np.unique(np.round(edges * u))) == len(edges) and _fine(edges, u)),
        UNITS[-1],
    )
    whole = np.round(numbers * unit)
    tops = _joined(np.unique(np.round(edges * unit)), whole[train & known])
    slots = [
        Slot(
            low=int(below) + 1 if below is not None else int(whole[known].min()),
            high=int(top) if top is not None else None,
            unit=unit,
        )
        for below, top in zip([None, *tops], [*tops, None], strict=True)
    ]
    codes = np.searchsorted(np.array(tops), np.where(known, whole, 0.0), side="left")
    codes = np.where(known, codes, len(slots)).astype(np.int64)
    return Cut(field=field, slots=(*slots, Slot(missing=True, unit=unit)), codes=codes)


def _fine(edges: Numbers, unit: int) -> bool:
    """Say whether edges keep their place in this unit, within a twentieth of the least gap."""
    off = float(np.abs(np.round(edges * unit) / unit - edges).max())
    # A single edge has no gap to another one: its own size stands for it.
    gap = float(np.diff(edges).min()) if len(edges) > 1 else abs(float(edges[0]))
    return off <= gap / 20


def _joined(tops: Numbers, learned: Numbers) -> list[float]:
    """Return the tops that leave enough cases in every bin."""
    counts = np.bincount(np.searchsorted(tops, learned, side="left"), minlength=len(tops) + 1)
    kept: list[float] = []
    held = 0
    for top, cases in zip(tops.tolist(), counts[:-1].tolist(), strict=True):
        held += cases
        if held >= LEAST_CASES:
            kept.append(top)
            held = 0
    if kept and held + int(counts[-1]) < LEAST_CASES:
        kept.pop()
    return kept


def _cut_values(field: str, texts: pd.Series, known: Flags, train: Flags) -> Cut:
    counts = texts[train & known].value_counts()
    often = counts[counts >= LEAST_CASES]
    # By number, then by name: the order of rows must not matter.
    kept = sorted(often.index.tolist(), key=lambda value: (-int(often[value]), value))
    places = {value: number for number, value in enumerate(kept)}
    codes = texts.map(places).fillna(len(kept)).to_numpy(dtype=np.int64)
    codes = np.where(known, codes, len(kept) + 1)
    slots = (*(Slot(values=(value,)) for value in kept), Slot(rest=True), Slot(missing=True))
    return Cut(field=field, slots=slots, codes=codes)


def weigh(codes: Codes, won: Flags, bins: int) -> Evidence:
    """Return `ln((won + 20 p) / (lost + 20 (1 - p)) / odds(p))` of each bin, 0 where too few."""
    cases = np.bincount(codes, minlength=bins)
    wins = np.bincount(codes[won], minlength=bins)
    lost = cases - wins
    rate = float(won.mean())
    odds = (wins + PRIOR_CASES * rate) / (lost + PRIOR_CASES * (1 - rate))
    weight = np.where(cases >= LEAST_CASES, np.log(odds / (rate / (1 - rate))), 0.0)
    value = ((wins / wins.sum() - lost / lost.sum()) * weight).sum()
    return Evidence(cases=cases, won=wins, weight=weight, information_value=float(value))
