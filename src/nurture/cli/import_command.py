"""`nurture import`: leads from a CSV file; what cannot be used goes to a file with reasons."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.progress import watched
from nurture.cli.show import print_json, say, table
from nurture.core.errors import MisuseError, RefusedInput

if TYPE_CHECKING:
    from nurture.bootstrap import App
    from nurture.engine.importing import Imported

MOST_REMARKS = 10
COUNTS = (
    ("rows", "rows read"),
    ("created", "new leads"),
    ("merged", "leads that were known, with something new"),
    ("unchanged", "imported before, unchanged"),
    ("without_consent", "without a proven consent: kept, and not mailed"),
    ("suppressed", "whose address must not be mailed"),
)


def import_leads(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The CSV file; its first line names the columns.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what an import would do, and store nothing.")
    ] = False,
    rejects: Annotated[
        Path | None,
        typer.Option(help="A new file for rejected rows; else NAME.rejects.csv beside the file."),
    ] = None,
) -> None:
    """Import leads; importing the same file twice changes nothing."""
    place = place_of(context)
    content = file.read_bytes()
    if rejects:
        _must_be_new(rejects)
    with opened(place, make=not dry_run) as app:
        result = _import(app, file, content, dry_run=dry_run, quiet=place.json)
    written = None
    if result.rejected and not dry_run:
        written = _write_rejects(result, rejects or file.with_suffix(".rejects.csv"))
    if place.json:
        print_json(_as_json(result, written, dry_run=dry_run))
    else:
        _show(result, written, dry_run=dry_run)


def _import(app: App, file: Path, content: bytes, *, dry_run: bool, quiet: bool) -> Imported:
    from nurture.engine.importing import Imported, import_csv

    with app.database.read() as connection:
        project = app.runtime.in_force(connection).project
    result, lines = Imported(), content.count(b"\n")
    with watched("Importing", lambda: result.rows, lambda: lines, quiet=quiet):
        try:
            return import_csv(
                app.runtime,
                project,
                content,
                now=app.now(),
                name=file.name,
                dry_run=dry_run,
                result=result,
            )
        except RefusedInput as error:
            raise RefusedInput(f"{file}: {error}") from None


def _must_be_new(rejects: Path) -> None:
    """Say so before anything is stored if rejected rows could not be written there."""
    if rejects.exists():
        raise MisuseError(f"{rejects} exists already; name a new file for rejected rows")
    if not os.access(rejects.parent, os.W_OK):
        raise MisuseError(f"nothing can be written to {rejects.parent}; name another --rejects")


def _write_rejects(result: Imported, wanted: Path) -> Path:
    """Write rejected rows, readable for their owner only, into a file that was not there.

    An earlier one may hold what somebody is correcting just now.
    """
    from nurture.engine.importing import reject_file

    for number in count(1):
        name = wanted.name if number == 1 else f"{wanted.stem}-{number}{wanted.suffix}"
        target = wanted.with_name(name)
        try:
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as opened_file:
            opened_file.write(reject_file(result))
        return target
    raise AssertionError("numbers do not end")


def _as_json(result: Imported, written: Path | None, *, dry_run: bool) -> dict[str, object]:
    return {
        **{name: getattr(result, name) for name, _ in COUNTS},
        "rejected": [{"line": r.line, "reason": r.reason} for r in result.rejected],
        "remarks": [{"line": r.line, "reason": r.reason} for r in result.remarks],
        "rejects_file": written,
        "dry_run": dry_run,
    }


def _show(result: Imported, written: Path | None, *, dry_run: bool) -> None:
    rows = [(getattr(result, name), text) for name, text in COUNTS]
    rows += [(len(result.rejected), "rejected"), (len(result.remarks), "remarks")]
    say(table(["count", "what"], rows, right=["count"]))
    for title, found in (("Rejected", result.rejected), ("Remarks", result.remarks)):
        for one in found[:MOST_REMARKS]:
            say(f"{title[:-1] if title == 'Remarks' else title} on line {one.line}: {one.reason}")
        if len(found) > MOST_REMARKS:
            say(f"and {len(found) - MOST_REMARKS} more; --json shows all", style="dim")
    if written is not None:
        say(f"Rejected rows are in {written}; correct them there and import that file.")
    if dry_run:
        say("Nothing was stored; leave --dry-run out to import.", style="yellow")
