"""The arithmetic of every report: frames with fixed columns, shares, intervals, quartiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt

import pandas as pd

NORMAL_95 = 1.959963984540054
"""How many standard errors a 95 % interval reaches to either side."""


def frame(rows: Iterable[Mapping[str, object]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Return a frame with exactly these columns and types, also when there are no rows."""
    return pd.DataFrame(list(rows), columns=list(columns)).astype(dict(columns))


def share(part: int, whole: int) -> float | None:
    """Return the part of the whole, None where there is no whole."""
    return part / whole if whole else None


def wilson(part: int, whole: int) -> tuple[float | None, float | None]:
    """Return the 95 % interval of a share by Wilson: honest for few cases, never outside 0 to 1."""
    if not whole:
        return None, None
    p, z2 = part / whole, NORMAL_95**2
    middle = p + z2 / (2 * whole)
    reach = NORMAL_95 * sqrt((p * (1 - p) + z2 / (4 * whole)) / whole)
    below, above = (middle - reach) / (1 + z2 / whole), (middle + reach) / (1 + z2 / whole)
    return max(below, 0.0), min(above, 1.0)


def quartiles(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Return the lower quartile, the median and the upper quartile, interpolated."""
    if not values:
        return None, None, None
    low, middle, high = pd.Series(values, dtype="float64").quantile([0.25, 0.5, 0.75]).tolist()
    return low, middle, high
