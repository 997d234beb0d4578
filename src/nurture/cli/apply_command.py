"""`nurture apply`: put the project's files in force, after a check and a look at what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.checking import checked, counted, say_findings, with_costs
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.run import FINDINGS
from nurture.cli.show import console, print_json, say, warn

if TYPE_CHECKING:
    from nurture.bootstrap import App
    from nurture.core.project import Project
    from nurture.project.check import CheckResult
    from nurture.project.diff import Change

MOST_SHOWN = 60


def apply(
    context: typer.Context,
    by: Annotated[
        str | None, typer.Option(help="Who applies it; else your account's name.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
) -> None:
    """Check the project, show what changes, and put it in force."""
    place = place_of(context)
    found = checked(place.home)
    if found.errors or found.project is None:
        _refuse(found, as_json=place.json)
    with opened(place, make=True) as app:
        found = with_costs(app, found)
        if found.errors:
            _refuse(found, as_json=place.json)
        project = found.project
        assert project is not None
        changes = _changes(app, project)
        release = None if dry_run else _apply(app, project, by=person_acting(by))
        _say_unreadable(app)
    if place.json:
        print_json(
            {
                "release": release,
                "content_hash": project.content_hash,
                "changes": changes,
                "warnings": found.warnings,
            }
        )
        return
    say_findings(found)
    _say_changes(changes)
    if dry_run:
        say("Nothing was changed; leave --dry-run out to put it in force.", style="yellow")
    else:
        again = " The next tick looks at everybody again." if changes else ""
        say(f"In force as release {release}.{again}", style="green")


def _refuse(found: CheckResult, *, as_json: bool) -> None:
    if as_json:
        print_json({"release": None, "errors": found.errors, "warnings": found.warnings})
    else:
        errors = console(stderr=True)
        say_findings(found, echo=errors.print)
        warn(f"nurture: {counted(found)}; nothing was applied")
    raise typer.Exit(FINDINGS)


def _changes(app: App, project: Project) -> list[Change]:
    from nurture.project.diff import changes
    from nurture.store import releases

    with app.database.read() as connection:
        before = app.runtime.readable(connection)
        # Written for other settings or an older version: there is nothing to compare with.
        lost = before is None and releases.current(connection) is not None
    if lost:
        warn("nurture: the release in force cannot be read any more; everything counts as new")
    return changes(before, project)


def _apply(app: App, project: Project, *, by: str) -> int:
    from nurture.engine.apply import apply as put_in_force

    return put_in_force(app.runtime, project, by=by, now=app.now())


def _say_unreadable(app: App) -> None:
    from nurture.engine.apply import unreadable

    for lost in unreadable(app.runtime):
        warn(
            f"nurture: release {lost.release_id} cannot be read any more: {lost.enrollments}"
            f" enrollments and {lost.mails} mails of it stand still; {lost.why}"
        )


def _say_changes(changes: list[Change]) -> None:
    if not changes:
        say("Nothing changes: these files are in force already.")
        return
    say(f"{len(changes)} change{'' if len(changes) == 1 else 's'}:")
    for change in changes[:MOST_SHOWN]:
        style = {"added": "green", "removed": "red"}.get(str(change.kind), "")
        say(f"  {change}", style=style)
    if len(changes) > MOST_SHOWN:
        say(f"  and {len(changes) - MOST_SHOWN} more; --json shows all")
