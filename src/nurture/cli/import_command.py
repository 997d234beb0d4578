"""`nurture import`: leads from a CSV file; what cannot be used goes to a file with reasons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.progress import watched
from nurture.cli.rejects import Rejects, must_be_new, say_rejects, write_rejects
from nurture.cli.show import print_json, say, table
from nurture.core.errors import RefusedInput

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
    rejects: Rejects = None,
) -> None:
    """Import leads; importing the same file twice changes nothing."""
    place = place_of(context)
    content = file.read_bytes()
    must_be_new(rejects)
    with opened(place, make=not dry_run) as app:
        result = _import(app, file, content, dry_run=dry_run, quiet=place.json)
    written = None if dry_run else write_rejects(result.rejected, file, rejects)
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
    say_rejects(written)
    if dry_run:
        say("Nothing was stored; leave --dry-run out to import.", style="yellow")
