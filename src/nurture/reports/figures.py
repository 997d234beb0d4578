"""What a figure of the page is: a statement, drawings, and the same numbers as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Protocol

import pandas as pd
from markupsafe import Markup

from nurture.reports.svg import clean
from nurture.reports.wording import NOTHING, count, days, hours, percent

HALF, FULL = (320, 500), (320, 620, 1040)
"""Widths that a drawing is made for, in half of the page and across it."""


class Draw(Protocol):
    """A chart with everything but its width."""

    def __call__(self, *, width: float) -> str:
        """Draw for the width."""


_SIZES = ("small", "medium", "large")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One picture, drawn for several widths; `heading` '' if the figure's own will do."""

    heading: str
    drawings: tuple[tuple[str, Markup], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Cells as text; `numbers` says of each column whether it is set as numbers."""

    headings: tuple[str, ...]
    numbers: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure. `statement` says what it shows, `note` how it is counted."""

    id: str
    title: str
    statement: str
    note: str
    table: Table | None
    plots: tuple[Plot, ...] = ()
    wide: bool = False
    # The table itself is the figure: it is not folded away.
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Figures that belong together."""

    id: str
    title: str
    figures: tuple[Figure, ...]


def plot(draw: Draw, widths: Sequence[int] = HALF, heading: str = "") -> Plot:
    """Draw once for each width."""
    # Everything that charts write is escaped there, text by text.
    drawn = [(size, Markup(draw(width=width))) for size, width in zip(_SIZES, widths, strict=False)]  # noqa: S704
    return Plot(heading=heading, drawings=tuple(drawn))


def lines(found: pd.DataFrame) -> list[SimpleNamespace]:
    """Return the rows with their columns as attributes."""
    return [
        SimpleNamespace(**{str(key): value for key, value in row.items()})
        for row in found.to_dict("records")
    ]


TEXT, COUNT, SHARE, DAYS, HOURS = "text", "count", "share", "days", "hours"

_SHOWN: dict[str, Callable[[float], str]] = {
    COUNT: count,
    SHARE: percent,
    DAYS: days,
    HOURS: hours,
}


def table(found: pd.DataFrame, *columns: tuple[str, str, str]) -> Table:
    """Return columns of a frame for the page: name, heading, and how to show the values."""
    cells = [_cells(found[name].tolist(), kind) for name, _, kind in columns]
    return Table(
        headings=tuple(heading for _, heading, _ in columns),
        numbers=tuple(kind != TEXT for _, _, kind in columns),
        rows=tuple(zip(*cells, strict=True)),
    )


def _cells(values: Iterable[Any], kind: str) -> list[str]:
    if kind == TEXT:
        return [clean(str(value)) or NOTHING for value in values]
    show = _SHOWN[kind]
    return [show(value) for value in values]
