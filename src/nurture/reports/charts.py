"""Charts as SVG: plain values in, text out. Colours are classes, so the page decides on them.

Each chart is drawn for a width, because type must not shrink with the window: the page draws
two or three and shows the one that fits. Below NARROW, labels stand above their bars.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from nurture.reports.svg import SMALL, box, breadth, dot, fit, line, picture, tag, words

NARROW = 440
TONES = ("one", "two", "three", "four", "five")
"""Classes of a series, in order; `rest` is what remains."""

_GAP = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a bar, or of a column: what it is, how much, and its class of colour."""

    name: str
    amount: float
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A labelled bar: `value` in bold beside it, `note` after that; parts lie over its amount."""

    label: str
    amount: float
    value: str
    note: str = ""
    tone: str = "accent"
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One period: its label on the axis, and its parts from bottom to top."""

    name: str
    label: str
    parts: tuple[Part, ...]

    @property
    def total(self) -> float:
        """How high it is."""
        return sum(part.amount for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Steps that rise to 1: pairs of day and share, and its quartiles in days."""

    name: str
    note: str
    tone: str
    points: tuple[tuple[float, float], ...]
    quartiles: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A span with its middle: quartiles around a median, or an interval around an estimate."""

    label: str
    low: float
    middle: float
    high: float
    value: str
    note: str = ""


# -- horizontal bars -----------------------------------------------------------------------------


def funnel(steps: Sequence[Bar], *, width: float, sentence: str) -> str:
    """Draw how many are left after each step: bars on tracks as long as the first step's."""
    longest = max((step.amount for step in steps), default=0)
    sheet = _Sheet(width, steps)
    drawn = _bars(steps, sheet, longest=longest, tracked=True)
    return picture(width, sheet.height(len(steps)), sentence, *drawn)


def bars(rows: Sequence[Bar], *, width: float, sentence: str, whole: str = "") -> str:
    """Draw amounts below each other, such as reasons, the longest as long as there is room.

    `whole` names what the bars themselves are where parts lie over them.
    """
    longest = max((row.amount for row in rows), default=0)
    kinds = [(whole, rows[0].tone), *_kinds(rows)] if whole and rows else []
    above, top = _legend(kinds, width)
    sheet = _Sheet(width, rows, top)
    drawn = _bars(rows, sheet, longest=longest, tracked=False)
    return picture(width, sheet.height(len(rows)), sentence, above, *drawn)


class _Sheet:
    """Where labels, bars and values of horizontal rows are."""

    def __init__(self, width: float, rows: Sequence[Bar] | Sequence[Range], top: float = 0) -> None:
        self.width = width
        self.top = top
        self.narrow = width < NARROW
        self.values = max((breadth(row.value) for row in rows), default=0.0)
        notes = max((breadth(row.note, SMALL) for row in rows), default=0.0)
        self.notes = notes + _GAP if notes else 0.0
        widest = max((breadth(row.label) for row in rows), default=0.0)
        self.labels = 0.0 if self.narrow else min(widest, width * 0.34) + _GAP
        right = 0.0 if self.narrow else self.values + self.notes + _GAP
        self.room = width - self.labels - right
        self.pitch = 38.0 if self.narrow else 30.0
        self.thick = 12.0 if self.narrow else 16.0

    def height(self, rows: int) -> float:
        """Return how high so many rows are."""
        return self.top + rows * self.pitch

    def bar_y(self, row: int) -> float:
        """Return the upper edge of the row's bar."""
        above = 19.0 if self.narrow else (self.pitch - self.thick) / 2
        return self.top + row * self.pitch + above

    def texts(self, number: int, row: Bar | Range) -> Iterable[str]:
        """Yield the row's label, value and note."""
        if self.narrow:
            y = self.top + number * self.pitch + 13
            room = self.width - self.values - self.notes - 2 * _GAP
            yield words(0, y, fit(row.label, room))
            yield words(self.width - self.notes, y, row.value, kind="value", anchor="end")
            if row.note:
                yield words(self.width, y, row.note, kind="note", anchor="end")
            return
        y = self.top + (number + 0.5) * self.pitch + 4
        yield words(self.labels - _GAP, y, fit(row.label, self.labels - _GAP), anchor="end")
        x = self.labels + self.room + _GAP
        yield words(x + self.values, y, row.value, kind="value", anchor="end")
        if row.note:
            yield words(self.width, y, row.note, kind="note", anchor="end")


def _bars(rows: Sequence[Bar], sheet: _Sheet, *, longest: float, tracked: bool) -> Iterable[str]:
    for number, row in enumerate(rows):
        yield from sheet.texts(number, row)
        at = (sheet.labels, sheet.bar_y(number))
        if tracked:
            yield box(at, (sheet.room, sheet.thick), "track")
        told = " ".join(said for said in (f"{row.label}:", row.value, row.note) if said)
        yield box(at, (_length(row.amount, longest, sheet), sheet.thick), row.tone, told)
        for part in row.parts:
            size = (_length(part.amount, longest, sheet), sheet.thick)
            yield box(at, size, part.tone, f"{row.label}: {part.amount:,.0f} {part.name}")


def _length(amount: float, longest: float, sheet: _Sheet) -> float:
    if not longest or amount <= 0:
        return 0.0
    # Little is not nothing: it stays visible.
    return max(amount / longest * sheet.room, 2.0)


def shares(rows: Sequence[Bar], *, width: float, sentence: str) -> str:
    """Draw what each row's amount is made of, all rows equally long, with a legend above."""
    above, top = _legend(_kinds(rows), width)
    sheet = _Sheet(width, rows, top)
    marks = [above]
    for number, row in enumerate(rows):
        marks.extend(sheet.texts(number, row))
        x, y = sheet.labels, sheet.bar_y(number)
        marks.append(box((x, y), (sheet.room, sheet.thick), "track"))
        for part in row.parts:
            if not part.amount:
                continue
            long = part.amount / row.amount * sheet.room
            told = f"{row.label}: {part.amount:,.0f} {part.name}"
            marks.append(box((x, y), (max(long - 1.5, 1.0), sheet.thick), part.tone, told, 2))
            x += long
    return picture(width, sheet.height(len(rows)), sentence, *marks)


def ranges(rows: Sequence[Range], *, width: float, sentence: str, top: float = 0) -> str:
    """Draw spans on one scale from 0 to `top` (0: as far as they reach), middles marked."""
    sheet = _Sheet(width, rows)
    end = top or max((row.high for row in rows), default=0) or 1
    marks: list[str] = []
    for number, row in enumerate(rows):
        marks.extend(sheet.texts(number, row))
        x, y = sheet.labels, sheet.bar_y(number)
        marks.append(box((x, y + sheet.thick / 2 - 2), (sheet.room, 4), "track", radius=2))
        low, middle, high = (
            x + value / end * sheet.room for value in (row.low, row.middle, row.high)
        )
        told = " ".join(said for said in (f"{row.label}:", row.value, row.note) if said)
        marks.append(box((low, y + 2), (max(high - low, 2.0), sheet.thick - 4), "soft", told, 4))
        marks.append(box((middle - 1.5, y - 1), (3, sheet.thick + 2), "accent", told, 1.5))
    return picture(width, sheet.height(len(rows)), sentence, *marks)


# -- axes ----------------------------------------------------------------------------------------


def weeks(columns: Sequence[Column], *, width: float, sentence: str) -> str:
    """Draw stacked columns, one a week, on a scale of whole numbers, with a legend above."""
    above, top = _legend(_kinds(columns), width)
    ticks = nice_ticks(max((column.total for column in columns), default=0), whole=True)
    left = max(breadth(f"{tick:,.0f}", SMALL) for tick in ticks) + 8
    plot, floor_y = 190.0, top + 200.0
    scale = plot / ticks[-1]
    marks = [above]
    for tick in ticks:
        y = floor_y - tick * scale
        marks.append(line((left, y), (width, y), "grid" if tick else "base"))
        marks.append(words(left - 6, y + 4, f"{tick:,.0f}", kind="axis", anchor="end"))
    pitch = (width - left) / max(len(columns), 1)
    thick = min(pitch * 0.72, 46.0)
    # Totals stand on all columns or on none.
    told_all = all(breadth(f"{c.total:,.0f}", SMALL) <= pitch for c in columns)
    for number, column in enumerate(columns):
        x, y = left + pitch * (number + 0.5) - thick / 2, floor_y
        for part in (part for part in column.parts if part.amount):
            high = part.amount * scale
            y -= high
            told = f"{column.name}: {part.amount:,.0f} of {part.name}"
            marks.append(box((x, y), (thick, max(high - 1, 0.6)), part.tone, told, 2))
        if column.total and told_all:
            marks.append(
                words(x + thick / 2, y - 5, f"{column.total:,.0f}", kind="note", anchor="middle")
            )
    marks.extend(_week_labels(columns, left, pitch, floor_y + 17))
    return picture(width, floor_y + 24, sentence, *marks)


def _week_labels(columns: Sequence[Column], left: float, pitch: float, y: float) -> Iterable[str]:
    """Yield every label, every second, every third ...: as many as have room."""
    widest = max((breadth(column.label, SMALL) for column in columns), default=0.0)
    every = ceil((widest + 8) / pitch)
    for number, column in enumerate(columns):
        if number % every == 0:
            x = left + pitch * (number + 0.5)
            yield words(x, y, column.label, kind="axis", anchor="middle")


def curves(found: Sequence[Curve], *, width: float, sentence: str, last_day: float) -> str:
    """Draw shares that have arrived by each day, in steps, with dots at the quartiles."""
    above, top = _lines_legend(found, width)
    left, plot = 42.0, 180.0
    top += 8
    room = width - left - 14
    scale = room / last_day
    marks = [above]
    for quarter in range(5):
        y = top + plot * (1 - quarter / 4)
        marks.append(line((left, y), (left + room, y), "grid" if quarter else "base"))
        marks.append(words(left - 6, y + 4, f"{quarter * 25} %", kind="axis", anchor="end"))
    for day in nice_ticks(last_day, whole=True):
        if day <= last_day:
            x = left + day * scale
            marks.append(words(x, top + plot + 17, f"{day:,.0f} d", kind="axis", anchor="middle"))
    for curve in found:
        path = _stairs(curve.points, last_day, (left, top), (scale, plot))
        marks.append(tag("path", d=path, class_=f"c-line c-{curve.tone}-line"))
        for quarter, took in enumerate(curve.quartiles, 1):
            # On the line as drawn, in whole days; the title says it exactly.
            day = next(day for day, share in curve.points if share >= quarter / 4)
            if day <= last_day:
                told = f"{curve.name}: {quarter * 25} % within {took:,.1f} days"
                at = (left + day * scale, top + plot * (1 - quarter / 4))
                marks.append(dot(at, f"c-dot c-{curve.tone}-line", told))
    return picture(width, top + plot + 24, sentence, *marks)


def _stairs(
    points: Sequence[tuple[float, float]],
    last_day: float,
    origin: tuple[float, float],
    scale: tuple[float, float],
) -> str:
    (left, top), (across, high) = origin, scale
    path = [f"M{left:.1f} {top + high:.1f}"]
    for day, share in points:
        if day > last_day:
            break
        path.append(f"H{left + day * across:.1f}V{top + high * (1 - share):.1f}")
    path.append(f"H{left + last_day * across:.1f}")
    return "".join(path)


def nice_ticks(highest: float, *, whole: bool = False, about: int = 4) -> list[float]:
    """Return round numbers from 0 up to the first one that is not below `highest`."""
    if highest <= 0:
        return [0.0, 1.0]
    rough = highest / about
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
    if whole:
        step = max(float(ceil(step)), 1.0)
    return [step * number for number in range(ceil(highest / step - 1e-9) + 1)]


# -- legends -------------------------------------------------------------------------------------


def _kinds(rows: Sequence[Bar] | Sequence[Column]) -> list[tuple[str, str]]:
    """Return names and tones of all parts that there is any of, in their order."""
    parts = [part for row in rows for part in row.parts]
    some = {part.name for part in parts if part.amount}
    return list(dict.fromkeys((part.name, part.tone) for part in parts if part.name in some))


def _legend(kinds: Sequence[tuple[str, str]], width: float) -> tuple[str, float]:
    """Return swatches with names, in lines as long as there is room, and how high they are."""
    swatch = 11.0
    names = [fit(name, width * 0.8, SMALL) for name, _ in kinds]
    places, height = _places(names, width, swatch)
    marks: list[str] = []
    for (_, tone), name, (x, y) in zip(kinds, names, places, strict=True):
        marks.append(box((x, y - 9), (swatch, swatch), tone))
        marks.append(words(x + swatch + 6, y, name, kind="note"))
    return tag("g", *marks), height


def _lines_legend(found: Sequence[Curve], width: float) -> tuple[str, float]:
    """Return samples of lines with names: a dash pattern tells them apart without colour."""
    sample = 24.0
    names = [fit(f"{curve.name}, {curve.note}", width * 0.9, SMALL) for curve in found]
    places, height = _places(names, width, sample)
    marks: list[str] = []
    for curve, name, (x, y) in zip(found, names, places, strict=True):
        drawn = f"M{x:.1f} {y - 4:.1f}h{sample:g}"
        marks.append(tag("path", d=drawn, class_=f"c-line c-{curve.tone}-line"))
        marks.append(words(x + sample + 6, y, name, kind="note"))
    return tag("g", *marks), height


def _places(
    names: Sequence[str], width: float, sample: float
) -> tuple[list[tuple[float, float]], float]:
    """Return where each entry of a legend stands, and how high the legend is."""
    found: list[tuple[float, float]] = []
    x, y = 0.0, 11.0
    for name in names:
        needed = sample + 6 + breadth(name, SMALL)
        if x and x + needed > width:
            x, y = 0.0, y + 18
        found.append((x, y))
        x += needed + 14
    return found, y + 13 if found else 0.0
