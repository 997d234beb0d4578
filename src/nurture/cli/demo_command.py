"""`nurture demo`: a whole programme at work, in virtual time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from nurture.cli.place import place_of

FOLDER = Path(".nurture") / "demo"


def demo(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=730, help="How many days to live through.")] = 90,
    seed: Annotated[int, typer.Option(help="The same seed gives the same demo.")] = 7,
    flows: Annotated[bool, typer.Option(help="Let one of the days run through real flows.")] = True,
) -> None:
    """Live through a programme with pretend people, a pretend provider and a pretend CRM."""
    from nurture.demo.console import main
    from nurture.demo.run import Options

    place = place_of(context)
    options = Options(
        folder=(place.folder or FOLDER).resolve(),
        seed=seed,
        days=days,
        database_url=place.database or "",
        flows=flows,
    )
    raise typer.Exit(main(options, as_json=place.json, env=os.environ))
