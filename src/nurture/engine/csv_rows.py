"""CSV files that people hand us: rows with their line, read strictly; rejects written back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nurture.core.errors import RefusedInput

LARGEST_CELL = 64 * 1024
MOST_COLUMNS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A row that could not be used. `line` is where it begins in the file."""

    line: int
    reason: str
    row: Mapping[str, str]


def read_rows(content: bytes, *, needs: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row with the line on which it begins; the header has one of the columns needed."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RefusedInput(f"line {line}: the file is not UTF-8; save it as UTF-8 first") from None
    csv.field_size_limit(LARGEST_CELL)
    # Read without translating line ends: a line feed inside quotes belongs to its cell.
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip().casefold() for cell in next(reader, [])]
        _check_header(header, needs)
        start = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, dict(zip(header, cells, strict=False)) | _surplus(header, cells)
            start = reader.line_num + 1
    except csv.Error as error:
        raise RefusedInput(f"line {reader.line_num}: {error}") from None


def _check_header(header: Sequence[str], needs: Sequence[str]) -> None:
    if not header:
        raise RefusedInput("the file is empty; the first line must name the columns")
    if len(header) > MOST_COLUMNS:
        raise RefusedInput(f"the file has more than {MOST_COLUMNS} columns")
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise RefusedInput(f"line 1: column {twice[0]!r} is there twice")
    if not set(needs) & set(header):
        raise RefusedInput(f"line 1: there is no column {' or '.join(map(repr, needs))}")


def _surplus(header: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    return {"": "surplus cells"} if len(cells) > len(header) else {}


def as_csv(rejected: Sequence[Rejected]) -> str:
    """Return rejected rows as CSV with line and reason first; formulas are made harmless."""
    columns = list(dict.fromkeys(k for item in rejected for k in item.row if k))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["line", "reason", *columns])
    for item in rejected:
        writer.writerow([item.line, item.reason, *(harmless(item.row.get(c, "")) for c in columns)])
    return out.getvalue()


def harmless(cell: str) -> str:
    """Return the cell so that no spreadsheet runs it as a formula."""
    return f"'{cell}" if cell[:1] in tuple("=+-@\t\r\n") else cell
