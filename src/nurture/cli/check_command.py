"""`nurture check`: everything wrong with a project, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nurture.cli.checking import checked, counted, say_findings, with_costs
from nurture.cli.place import opened, place_of
from nurture.cli.run import DONE, FINDINGS
from nurture.cli.show import print_json, say


def check(
    context: typer.Context,
    project: Annotated[
        Path | None, typer.Argument(help="The project's folder.", show_default=False)
    ] = None,
) -> None:
    """Check a project and say everything that is wrong with it.

    With --database, segments that take too long there are told, too.
    """
    place = place_of(context)
    found = checked(project.resolve() if project else place.home)
    if place.database is not None:
        with opened(place) as app:
            found = with_costs(app, found)
    if place.json:
        print_json({"errors": found.errors, "warnings": found.warnings})
    else:
        say_findings(found)
        say(counted(found).capitalize() + ".", style="red" if found.errors else "green")
    raise typer.Exit(FINDINGS if found.errors else DONE)
