"""Read cases from a CSV file: every row and column that cannot be used is named with its reason."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
import pandas as pd

from nurture.calibrate.cases import Cases, Flags, LeftOut, names
from nurture.core.errors import RefusedInput

MOST_BYTES = 500_000_000
MOST_ROWS = 2_000_000
MOST_COLUMNS = 1_000
MOST_TOLD = 20
MISSING = ("", "NaN", "nan", "null", "NULL", "N/A", "n/a")
"""What is not an answer in any file; `--missing` adds to it."""

# A number without end is written out, or has an exponent.
_ENDLESS = re.compile(r"(?i)inf|nan|[0-9]e")
_YES = {"1", "1.0", "yes", "true", "y", "t"}
_NO = {"0", "0.0", "no", "false", "n", "f"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to take from the file."""

    target: str
    exclude: tuple[str, ...] = ()
    recorded_after: tuple[str, ...] = ()
    positive: str | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    heading: list[str]
    rows: list[list[str]]
    lines: list[int]
    left_out: list[LeftOut]


def read_cases(file: Path, wanted: Wanted) -> Cases:
    """Return the cases of the file, in its order."""
    sheet = _read(file)
    _check_names(file, sheet.heading, wanted)
    unnamed = [n for n, name in enumerate(sheet.heading, 1) if not name]
    # pandas' own type of text would cost a second here.
    frame = pd.DataFrame(sheet.rows, columns=sheet.heading, dtype=object)
    missing = {*MISSING, *wanted.missing}
    target = frame[wanted.target].to_numpy()
    known = np.array([value not in missing for value in target], dtype=bool)
    left_out = list(sheet.left_out)
    for place in np.flatnonzero(~known):
        reason = f"no outcome in “{wanted.target}”"
        left_out.append(LeftOut(where=f"line {sheet.lines[place]}", reason=reason))
    won = _won(file, target[known], wanted)
    dropped = {wanted.target, "", *wanted.exclude}
    kept = frame.loc[known, [name for name in sheet.heading if name not in dropped]]
    kept = kept.mask(kept.isin(list(missing)), "").reset_index(drop=True)
    notes = [LeftOut(where=f"column {n}", reason="it has no name") for n in unnamed]
    notes += [LeftOut(where=name, reason="excluded as asked") for name in wanted.exclude]
    kept, impossible = _without_absurd(kept, [sheet.lines[n] for n in np.flatnonzero(known)])
    return Cases(
        title=file.name,
        outcome=f"{wanted.target} = {wanted.positive}" if wanted.positive else wanted.target,
        columns=kept,
        won=won,
        recorded_after=wanted.recorded_after,
        rows_left_out=tuple((left_out + impossible)[:MOST_TOLD]),
        rows_left_out_count=len(left_out) + len(impossible),
        columns_left_out=tuple(notes),
    )


def _read(file: Path) -> _Sheet:
    if file.stat().st_size > MOST_BYTES:
        raise RefusedInput(f"{file}: larger than {MOST_BYTES // 1_000_000:,} MB; take a sample")
    reader = None
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            first = opened.readline()
            opened.seek(0)
            reader = csv.reader(opened, delimiter=_delimiter(first), strict=True)
            heading = [name.strip() for name in next(reader, [])]
            _check_heading(file, heading)
            return _rows(file, reader, heading)
    except UnicodeDecodeError:
        raise RefusedInput(f"{file}: not UTF-8 text; save it as “CSV UTF-8”") from None
    except csv.Error as error:
        line = reader.line_num if reader is not None else 1
        raise RefusedInput(f"{file}: line {line}: {error}; mend the quotes there") from None


def _delimiter(first: str) -> str:
    return max(",;\t", key=first.count)


def _check_heading(file: Path, heading: Sequence[str]) -> None:
    if not any(heading):
        raise RefusedInput(f"{file}: line 1: no names of columns; write them in the first line")
    if len(heading) > MOST_COLUMNS:
        raise RefusedInput(
            f"{file}: {len(heading):,} columns; at most {MOST_COLUMNS:,} are read, leave some out"
        )
    seen: dict[str, int] = {}
    for number, name in enumerate(heading, 1):
        if name and name in seen:
            raise RefusedInput(
                f"{file}: line 1: columns {seen[name]} and {number} are both called “{name}”; "
                "rename one"
            )
        seen[name] = number


def _rows(file: Path, reader: Iterable[list[str]], heading: list[str]) -> _Sheet:
    rows: list[list[str]] = []
    lines: list[int] = []
    left_out: list[LeftOut] = []
    line_of = getattr(reader, "line_num", 0)
    for row in reader:
        # A cell may hold line breaks: a row begins after the last line of the one before.
        line, line_of = line_of + 1, getattr(reader, "line_num", 0)
        if len(row) == len(heading):
            rows.append([cell.strip() for cell in row])
            lines.append(line)
        elif row:
            reason = f"{len(row)} cells where the heading has {len(heading)}"
            left_out.append(LeftOut(where=f"line {line}", reason=reason))
        if len(rows) > MOST_ROWS:
            raise RefusedInput(f"{file}: more than {MOST_ROWS:,} rows; take a sample")
    if not rows:
        raise RefusedInput(f"{file}: no rows below the heading; one row a decided lead is needed")
    return _Sheet(heading=heading, rows=rows, lines=lines, left_out=left_out)


def _check_names(file: Path, heading: Sequence[str], wanted: Wanted) -> None:
    options = (
        ("--target", (wanted.target,)),
        ("--exclude", wanted.exclude),
        ("--recorded-after", wanted.recorded_after),
    )
    for option, asked in options:
        unknown = [name for name in asked if name not in heading]
        if unknown:
            there = names([name for name in heading if name], most=60)
            raise RefusedInput(
                f"{file}: {option}: there is no column {names(unknown)}; there are {there}"
            )
    if wanted.target in {*wanted.exclude, *wanted.recorded_after}:
        raise RefusedInput(f"--target: “{wanted.target}” cannot be left out as well")


def _won(file: Path, target: Sequence[str], wanted: Wanted) -> Flags:
    found = sorted(set(target))
    name = wanted.target
    if wanted.positive is not None:
        if wanted.positive not in found:
            raise RefusedInput(
                f"{file}: --positive: “{wanted.positive}” does not occur in “{name}”; "
                f"there are {names(found)}"
            )
        return np.array([value == wanted.positive for value in target], dtype=bool)
    foreign = [value for value in found if value.casefold() not in _YES | _NO]
    if foreign:
        raise RefusedInput(
            f"{file}: “{name}” holds {names(foreign)}: say with --positive which value is a win"
        )
    return np.array([value.casefold() in _YES for value in target], dtype=bool)


def _without_absurd(kept: pd.DataFrame, lines: Sequence[int]) -> tuple[pd.DataFrame, list[LeftOut]]:
    """Take numbers that no computer can hold for missing, and say where they are."""
    told: list[LeftOut] = []
    for name in kept.columns:
        texts = kept[name].tolist()
        endless = [n for n, text in enumerate(texts) if _is_endless(text)]
        for place in endless:
            reason = f"“{texts[place]}” in “{name}” is no possible number; taken as missing"
            told.append(LeftOut(where=f"line {lines[place]}", reason=reason))
            texts[place] = ""
        if endless:
            kept[name] = texts
    return kept, told


def _is_endless(text: str) -> bool:
    if not _ENDLESS.search(text):
        return False
    try:
        return not isfinite(float(text))
    except ValueError:
        return False
