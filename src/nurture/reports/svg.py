"""The few marks that charts are made of: escaped, with classes for colours and no style."""

from __future__ import annotations

from html import escape
from unicodedata import east_asian_width

LABEL, SMALL = 12.0, 11.0
"""Sizes of type in a chart, in its own units; as large on the page as the chart is drawn."""

HARD_SPACE = "\u00a0"

_NARROW = frozenset(f"iIl.,:;'|!jtf()[] {HARD_SPACE}")
_BROAD = frozenset("mwMW@%")


def tag(name: str, *inside: str, **attributes: object) -> str:
    """Return an element; `inside` is markup already, attributes are text. `class_` is class."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{said}>{''.join(inside)}</{name}>"


def picture(width: float, height: float, sentence: str, *marks: str) -> str:
    """Return a whole SVG that says of itself in one sentence what it shows."""
    return tag(
        "svg",
        *marks,
        class_="chart",
        role="img",
        aria_label=clean(sentence),
        viewBox=f"0 0 {_text(width)} {_text(height)}",
        width=width,
        height=height,
    )


def words(x: float, y: float, text: str, *, kind: str = "label", anchor: str = "start") -> str:
    """Return a line of text; `kind` is its class: label, value, note or axis."""
    return tag("text", escape(clean(text)), x=x, y=y, class_=f"c-{kind}", text_anchor=anchor)


def box(
    at: tuple[float, float],
    size: tuple[float, float],
    tone: str,
    title: str = "",
    radius: float = 3,
) -> str:
    """Return a filled rectangle with its own short explanation."""
    (x, y), (width, height) = at, size
    return tag(
        "rect",
        _title(title) if title else "",
        x=x,
        y=y,
        width=max(width, 0.0),
        height=max(height, 0.0),
        rx=min(radius, max(width, 0.0) / 2, max(height, 0.0) / 2),
        class_=f"c-{tone}",
    )


def line(begin: tuple[float, float], end: tuple[float, float], kind: str) -> str:
    """Return a straight line."""
    return tag("line", x1=begin[0], y1=begin[1], x2=end[0], y2=end[1], class_=f"c-{kind}")


def clean(text: str) -> str:
    """Return the text on one line, as `visible`, without needless spaces."""
    return " ".join(word for word in visible(text).split(" ") if word)


def visible(text: str) -> str:
    """Return the text with a space for each character that draws nothing or turns it round."""
    return "".join(c if c.isprintable() or c == HARD_SPACE else " " for c in text)


def dot(at: tuple[float, float], kind: str, title: str) -> str:
    """Return a small circle with its own short explanation."""
    return tag("circle", _title(title), cx=at[0], cy=at[1], r=4.0, class_=kind)


def _title(text: str) -> str:
    return tag("title", escape(clean(text)))


def breadth(text: str, size: float = LABEL) -> float:
    """Estimate how wide the text is: no browser is asked, so a little too wide by intention."""
    return size * sum(_em(char) for char in text)


def fit(text: str, room: float, size: float = LABEL) -> str:
    """Return as much of the text as fits, with an ellipsis where something is left out."""
    text = clean(text)
    if breadth(text, size) <= room:
        return text
    kept = text
    while kept and breadth(f"{kept}…", size) > room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def _em(char: str) -> float:
    if east_asian_width(char) in "WF":
        return 1.05
    if char in _NARROW:
        return 0.32
    if char in _BROAD:
        return 0.9
    return 0.7 if char.isupper() else 0.6


def _text(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
