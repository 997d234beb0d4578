"""`nurture signal`: what other systems saw people do, from a file with one signal a line."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.show import print_json, say, table

MOST_SHOWN = 10
COUNTS = (
    ("signals", "signals read"),
    ("recorded", "new, about a lead"),
    ("on_accounts", "new, about an account"),
    ("unchanged", "taken before, unchanged"),
    ("unknown", "about nobody we know: counted, not kept"),
)


def signal(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="One JSON object a line.", exists=True)],
) -> None:
    """Take signals: visits, webinars, mentions; the same file twice changes nothing."""
    from nurture.engine.signals import take_file

    place = place_of(context)
    with opened(place) as app:
        taken = take_file(app.runtime, file.read_bytes(), now=app.now())
    if place.json:
        print_json(asdict(taken))
        return
    rows = [(getattr(taken, name), text) for name, text in COUNTS]
    rows.append((len(taken.refused), "lines refused"))
    say(table(["count", "what"], rows, right=["count"]))
    for one in taken.refused[:MOST_SHOWN]:
        say(f"{file}:{one.line}: {one.reason}")
    if len(taken.refused) > MOST_SHOWN:
        say(f"and {len(taken.refused) - MOST_SHOWN} more; --json shows all", style="dim")
