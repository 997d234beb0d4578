"""`nurture doctor`: is everything as it should be, and if not, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from nurture.cli.place import Place, place_of
from nurture.cli.run import DONE, FINDINGS
from nurture.cli.show import print_json, say, shown
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.cli.diagnosis import Check

STYLES = {"ok": "green", "note": "yellow", "problem": "red"}


def doctor(
    context: typer.Context,
    batch: Annotated[
        list[str] | None,
        typer.Option(
            help="Send a trial of SendGrid's batches to this address of yours; give two of them."
        ),
    ] = None,
    code: Annotated[
        list[str] | None,
        typer.Option(help="A code that a mail of that trial shows; give all four of them."),
    ] = None,
    received: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Look at the headers of one of your mails as it arrived (.eml; - reads it from"
            " standard input) instead.",
        ),
    ] = None,
) -> None:
    """Look at settings, database and queues, and say what is wrong and what to do."""
    from nurture.cli import batch_trial
    from nurture.cli.diagnosis import examine
    from nurture.cli.sender_checks import received_checks

    place = place_of(context)
    if batch and code:
        raise MisuseError("first --batch, and --code when the mails have arrived")
    if received and (batch or code):
        raise MisuseError("--received looks at one mail, and at nothing else")
    if batch or code:
        raise typer.Exit(
            batch_trial.send(place, batch) if batch else batch_trial.take(place, code or [])
        )
    found = list(received_checks(received) if received else examine(place))
    raise typer.Exit(_told(place, found))


def _told(place: Place, found: Sequence[Check]) -> int:
    """Print what was found; return the exit code."""
    from nurture.cli.diagnosis import State

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
    return FINDINGS if problems else DONE
