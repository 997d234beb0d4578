"""`nurture doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

import typer
from rich.text import Text

from nurture.cli.place import place_of
from nurture.cli.run import DONE, FINDINGS
from nurture.cli.show import print_json, say, shown

STYLES = {"ok": "green", "note": "yellow", "problem": "red"}


def doctor(context: typer.Context) -> None:
    """Look at settings, database and queues, and say what is wrong and what to do."""
    from nurture.cli.diagnosis import State, examine

    place = place_of(context)
    found = list(examine(place))
    problems = [one for one in found if one.state is State.PROBLEM]
    if place.json:
        print_json({"healthy": not problems, "checks": found})
    else:
        for one in found:
            line = Text(overflow="fold")
            line.append(f"{one.state:>8}  ", style=STYLES[one.state])
            line.append(f"{one.name}: ", style="bold")
            line.append(shown(one.what))
            if one.remedy:
                line.append(f"; {shown(one.remedy)}", style="dim")
            say(line)
        count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
        say(f"{count if problems else 'Nothing is wrong'}.", style="red" if problems else "green")
    raise typer.Exit(FINDINGS if problems else DONE)
