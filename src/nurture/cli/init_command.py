"""`nurture init`: a new project, made from the starter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nurture.cli.place import place_of
from nurture.cli.show import say


def init(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(help="Where the project is to be: a new or empty folder.")
    ],
) -> None:
    """Make a new project: a whole programme to start from and to change."""
    from nurture.bootstrap.starter import copy_starter

    copy_starter(folder, today=place_of(context).clock().date())
    say(f"A project is in {folder}. What comes next:")
    say(f"  cd {folder}")
    say("  nurture check                        see whether everything fits together")
    say("  nurture apply                        put it in force")
    say("  nurture import data/leads.csv        bring some leads in")
    say("  nurture tick                         let it work once, or `nurture up` for good")
