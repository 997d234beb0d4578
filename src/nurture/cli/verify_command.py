"""`nurture verify`: the promises, checked on the database as it is."""

from __future__ import annotations

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.run import DONE, FINDINGS
from nurture.cli.show import print_json, say, table


def verify(context: typer.Context) -> None:
    """Check every promise on the database, and say how many rows were looked at."""
    from nurture.engine.verify import run

    place = place_of(context)
    with opened(place) as app:
        found = run(app.runtime, now=app.now())
    broken = [one for one in found if one.broken]
    if place.json:
        print_json({"kept": not broken, "promises": found})
    else:
        rows = [(one.id, one.promise, one.rows, len(one.broken) or "") for one in found]
        say(table(["", "promise", "rows looked at", "broken"], rows,
                  right=["rows looked at", "broken"]))  # fmt: skip
        for one in broken:
            for line in one.broken:
                say(f"{one.id}: {line}", style="red")
        said = f"{len(broken)} broken" if broken else "all kept"
        say(f"{len(found)} promises, {said}.", style="red" if broken else "green")
    raise typer.Exit(FINDINGS if broken else DONE)
