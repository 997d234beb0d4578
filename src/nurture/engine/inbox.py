"""Import the CSV files that wait in a folder, and put each where its outcome belongs.

Whoever puts a file there writes it under another name first and renames it to `.csv` when it is
complete. A file that is still there after a crash is imported again, which changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nurture.core.errors import RefusedInput
from nurture.engine import importing
from nurture.engine.runtime import Runtime

log = logging.getLogger(__name__)

DONE = "done"
REFUSED = "refused"


@dataclass(slots=True, kw_only=True)
class Worked:
    """What became of the files: counts, never a file's name, which may be somebody's."""

    files: int = 0
    refused_files: int = 0
    rows: int = 0
    created: int = 0
    merged: int = 0
    unchanged: int = 0
    rejected: int = 0
    without_consent: int = 0


def run(runtime: Runtime, folder: Path, *, now: datetime) -> Worked:
    """Import every `*.csv` in the folder, oldest name first, and return what happened.

    What was imported moves to `done/` with its rejected rows beside it; what is no CSV file of
    leads moves to `refused/` with the reason beside it.
    """
    counts = Worked()
    for path in _waiting(folder):
        content = path.read_bytes()
        counts.files += 1
        try:
            found = _import(runtime, path.name, content, now)
        except RefusedInput as error:
            log.warning("a file in the inbox cannot be imported; its reason is beside it")
            counts.refused_files += 1
            _move(path, folder / REFUSED, now, beside=(".why.txt", f"{error}\n"))
        else:
            _count(counts, found)
            rejects = importing.reject_file(found) if found.rejected else ""
            _move(path, folder / DONE, now, beside=(".rejects.csv", rejects))
    return counts


def _waiting(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    # A link could point anywhere; only what was really put there is read and moved.
    return sorted(p for p in folder.glob("*.csv") if p.is_file() and not p.is_symlink())


def _import(runtime: Runtime, name: str, content: bytes, now: datetime) -> importing.Imported:
    with runtime.database.read() as connection:
        project = runtime.in_force(connection).project
    return importing.import_csv(runtime, project, content, now=now, name=name)


def _count(counts: Worked, found: importing.Imported) -> None:
    counts.rows += found.rows
    counts.created += found.created
    counts.merged += found.merged
    counts.unchanged += found.unchanged
    counts.rejected += len(found.rejected)
    counts.without_consent += found.without_consent


def _move(path: Path, folder: Path, now: datetime, *, beside: tuple[str, str]) -> None:
    """Move the file under a name that nothing has yet; write the text beside it beforehand."""
    folder.mkdir(exist_ok=True)
    stamp = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    target = folder / f"{stamp}-{path.name}"
    number = 1
    while target.exists():
        number += 1
        target = folder / f"{stamp}-{number}-{path.name}"
    suffix, text = beside
    if text:
        _write_private(target.with_suffix(suffix), text)
    path.replace(target)


def _write_private(path: Path, text: str) -> None:
    """Write what may be personal so that only its owner reads it."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
