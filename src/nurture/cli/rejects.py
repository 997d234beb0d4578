"""Reject files: the rows of an import that could not be used, with reasons, to be corrected."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.show import say
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.engine.csv_rows import Rejected

Rejects = Annotated[
    Path | None,
    typer.Option(help="A new file for rejected rows; else NAME.rejects.csv beside the file."),
]


def must_be_new(rejects: Path | None) -> None:
    """Say so before anything is stored if rejected rows could not be written there."""
    if rejects is None:
        return
    if rejects.exists():
        raise MisuseError(f"{rejects} exists already; name a new file for rejected rows")
    if not os.access(rejects.parent, os.W_OK):
        raise MisuseError(f"nothing can be written to {rejects.parent}; name another --rejects")


def write_rejects(rejected: Sequence[Rejected], file: Path, wanted: Path | None) -> Path | None:
    """Write rejected rows, readable for their owner only, into a file that was not there.

    An earlier one may hold what somebody is correcting just now.
    """
    from nurture.engine.csv_rows import as_csv

    if not rejected:
        return None
    place = wanted or file.with_suffix(".rejects.csv")
    for number in count(1):
        name = place.name if number == 1 else f"{place.stem}-{number}{place.suffix}"
        target = place.with_name(name)
        try:
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as opened_file:
            opened_file.write(as_csv(rejected))
        return target
    raise AssertionError("numbers do not end")


def say_rejects(written: Path | None) -> None:
    """Say where rejected rows are."""
    if written is not None:
        say(f"Rejected rows are in {written}; correct them there and import that file.")
