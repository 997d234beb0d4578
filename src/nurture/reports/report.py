"""The report as a value: tables, and the forms in which they leave the program."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from nurture.core.spreadsheet import harmless

if TYPE_CHECKING:
    import pandas as pd

DECIMALS = 4
"""Shares to a hundredth of a percent, days to some seconds: more would only look exact."""

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All figures as of `generated_at`. Nothing in it is about one person."""

    tables: Mapping[str, pd.DataFrame]
    company: str
    content_hash: str
    time_zone: str
    generated_at: datetime

    def to_json(self) -> dict[str, object]:
        """Return plain values for JSON: the same figures always give the same value."""
        return {
            "company": self.company,
            "content_hash": self.content_hash,
            "generated_at": self.generated_at.astimezone(UTC).isoformat(),
            "tables": {name: rows_of(self.tables[name]) for name in sorted(self.tables)},
            "time_zone": self.time_zone,
        }

    def write_csv(self, folder: Path) -> list[Path]:
        """Write each table to a file in the folder, for spreadsheets; return the files."""
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for name in sorted(self.tables):
            path = folder / f"{name}.csv"
            table = self.tables[name]
            # The mark at the beginning tells spreadsheets that this is UTF-8.
            with path.open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
                writer.writerow(table.columns)
                columns = [map(_for_spreadsheet, table[name].tolist()) for name in table.columns]
                writer.writerows(zip(*columns, strict=True))
            written.append(path)
        return written

    def html(self) -> str:
        """Return one page that needs nothing else: no script, no other file, no network."""
        from nurture.reports import page  # noqa: PLC0415 (only a page needs Jinja2)

        return page.render(self)


def rows_of(table: pd.DataFrame) -> list[dict[str, Cell]]:
    """Return the table's rows with columns in the order of the alphabet."""
    names = sorted(table.columns)
    columns = [[_cell(value) for value in table[name].tolist()] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _cell(value: Cell) -> Cell:
    if isinstance(value, float):
        return None if isnan(value) else round(value, DECIMALS)
    return value


def _for_spreadsheet(value: Cell) -> Cell:
    return harmless(value) if isinstance(value, str) else _cell(value)
