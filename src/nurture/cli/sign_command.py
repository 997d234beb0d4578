"""`nurture sign`: agree to qualification.yaml as it stands, in the name of a team."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

import typer

from nurture.cli.checking import checked, say_findings
from nurture.cli.place import place_of
from nurture.cli.run import FINDINGS
from nurture.cli.show import console, print_json, say, warn
from nurture.core.errors import MisuseError


class Team(StrEnum):
    """Who has to agree."""

    MARKETING = "marketing"
    SALES = "sales"


def sign(
    context: typer.Context,
    team: Annotated[Team, typer.Option(help="For which team.")],
    name: Annotated[str, typer.Option(help="Who signs: your name.")],
    on: Annotated[str | None, typer.Option(help="The day; else today.")] = None,
) -> None:
    """Sign qualification.yaml: write into it who agrees to exactly what stands there."""
    from nurture.project.codes import Code
    from nurture.project.inspection import RULES
    from nurture.project.signing import Signing, open_teams, signed_text

    place = place_of(context)
    if not name.strip() or any(ord(letter) < ord(" ") for letter in name):
        raise MisuseError("--name: write the name of the person who signs, on one line")
    found = checked(place.home)
    waits = {Code.UNSIGNED, Code.CHANGED_SINCE}
    wrong = [one for one in found.errors if one.file == RULES and one.code not in waits]
    if wrong:
        say_findings(found, echo=console(stderr=True).print)
        warn("nurture: nothing was signed; put this right first")
        raise typer.Exit(FINDINGS)
    file = place.home / RULES
    by = Signing(team=team.value, name=name.strip(), on=_day(on, place.clock().date()))
    text = signed_text(file.read_bytes().decode(), by)
    file.write_bytes(text.encode())
    waiting = open_teams(text)
    if place.json:
        print_json({"file": RULES, "team": team, "name": by.name, "on": by.on, "open": waiting})
        return
    say(f"{by.name} signed {RULES} for {team}.", style="green")
    if waiting:
        say(f"Still to sign: {' and '.join(waiting)}.")
    else:
        say("Both teams have signed; `nurture apply` puts it in force.")


def _day(text: str | None, today: date) -> date:
    try:
        return date.fromisoformat(text) if text else today
    except ValueError:
        raise MisuseError(f"--on {text}: write a day like 2026-09-01") from None
