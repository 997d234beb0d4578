"""Show things: tables and text for people, JSON for programs. Nothing typed by others is markup."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import PurePath

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

WIDE = 160
"""Columns where the output is no terminal: nothing is cut to eighty."""


def console(*, stderr: bool = False) -> Console:
    """Return where people read. Square brackets in what is shown mean nothing."""
    stream = sys.stderr if stderr else sys.stdout
    # Whoever closes the stream before starting us leaves none.
    width = None if stream is not None and stream.isatty() else WIDE
    return Console(
        file=stream, markup=False, highlight=False, emoji=False, soft_wrap=False, width=width
    )


def say(text: RenderableType = "", *, style: str = "") -> None:
    """Print one thing for people."""
    shown = Text(text, style=style) if isinstance(text, str) else text
    console().print(shown)


def warn(text: str) -> None:
    """Print a line on standard error."""
    if sys.stderr is not None:
        print(text, file=sys.stderr)


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = ("id",),
) -> Table:
    """Return a table; columns named in `right` hold numbers, those in `whole` are never broken."""
    made = Table(
        box=box.SIMPLE_HEAD if any(columns) else None,
        pad_edge=False,
        show_edge=False,
        show_header=any(columns),
        header_style="bold",
    )
    for column in columns:
        made.add_column(
            Text(column),
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=column in whole,
        )
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(shown(cell)) for cell in row))
    return made


def shown(value: object) -> str:
    """Return a cell's text on one line, without anything that a terminal would obey."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else " " for c in text)


def print_json(value: object) -> None:
    """Print the value as JSON."""
    print(json.dumps(plain(value), ensure_ascii=False, indent=2))


def plain(value: object) -> object:
    """Return the value in what JSON knows: dataclasses by their fields, times in ISO form."""
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return str(value.value)
        case str():
            return value
        case datetime() | date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case PurePath():
            return str(value)
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        case Iterable():
            return [plain(item) for item in value]
        case _:
            return str(value)
