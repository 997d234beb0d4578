"""CSV files that people hand us: rows with their line, read strictly; rejects written back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nurture.core.errors import RefusedInput
from nurture.core.spreadsheet import as_typed, harmless

LARGEST_CELL = 64 * 1024
MOST_COLUMNS = 500
REJECTS = ("line", "reason")
"""The columns that a reject file has in front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row that could not be used. `line` is where it begins, `surplus` fits no column."""

    line: int
    reason: str
    row: Mapping[str, str]
    surplus: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row by its columns, and the line on which it begins; `surplus` cells fit no column."""

    number: int
    cells: dict[str, str]
    surplus: Sequence[str] = ()


def read_rows(content: bytes, *, needs: Sequence[str]) -> Iterator[Line]:
    """Yield each row; the header names the columns and has one of those that are needed."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RefusedInput(f"line {line}: the file is not UTF-8; save it as UTF-8 first") from None
    csv.field_size_limit(LARGEST_CELL)
    # Read without translating line ends: a line feed inside quotes belongs to its cell.
    reader, start = csv.reader(io.StringIO(text, newline=""), strict=True), 1
    try:
        header = [cell.strip().casefold() for cell in next(reader, [])]
        # What we put in front of a rejected row is no part of it.
        skipped = len(REJECTS) if tuple(header[: len(REJECTS)]) == REJECTS else 0
        header = header[skipped:]
        _check_header(header, needs)
        start = reader.line_num + 1
        for found in reader:
            cells = [as_typed(cell) for cell in found[skipped:]]
            if any(cell.strip() for cell in cells):
                named = dict(zip(header, cells, strict=False))
                yield Line(number=start, cells=named, surplus=cells[len(header) :])
            start = reader.line_num + 1
    except csv.Error as error:
        raise RefusedInput(_unreadable(error, start, reader.line_num)) from None


def _unreadable(error: csv.Error, start: int, line: int) -> str:
    if "unexpected end" in str(error):
        return f"line {start}: a quote that opens here never closes"
    if "field limit" in str(error):
        return f"line {start}: a cell is longer than {LARGEST_CELL} characters; is a quote open?"
    return f"line {line}: {error}"


def _check_header(header: Sequence[str], needs: Sequence[str]) -> None:
    if not header:
        raise RefusedInput("the file is empty; the first line must name the columns")
    if len(header) > MOST_COLUMNS:
        raise RefusedInput(f"the file has more than {MOST_COLUMNS} columns")
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise RefusedInput(f"line 1: column {twice[0]!r} is there twice")
    if not set(needs) & set(header):
        strange = any(";" in column or "\t" in column for column in header)
        remedy = "; columns are separated by commas" if strange else ""
        wanted = " or ".join(map(repr, needs))
        raise RefusedInput(f"line 1: there is no column {wanted}{remedy}")


def as_csv(rejected: Sequence[Rejected]) -> str:
    """Return rejected rows as CSV with line and reason first; formulas are made harmless."""
    columns = list(dict.fromkeys(k for item in rejected for k in item.row if k))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*REJECTS, *columns])
    for item in rejected:
        cells = [*(item.row.get(column, "") for column in columns), *item.surplus]
        writer.writerow([item.line, item.reason, *map(harmless, cells)])
    return out.getvalue()
