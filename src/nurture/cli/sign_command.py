"""`nurture sign`: agree to qualification.yaml as it stands, in the name of a team."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.checking import checked, say_findings
from nurture.cli.place import Place, place_of
from nurture.cli.run import FINDINGS
from nurture.cli.show import console, print_json, say, warn
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.core.project import Project

FIRST_YEAR = 2000
"""Nobody agreed to a file of ours before."""


class Team(StrEnum):
    """Who has to agree."""

    MARKETING = "marketing"
    SALES = "sales"


def sign(
    context: typer.Context,
    team: Annotated[Team, typer.Option(help="For which team.")],
    name: Annotated[str, typer.Option(help="Who signs: your name.")],
    on: Annotated[str | None, typer.Option(help="The day; else today.")] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="One person speaks for both teams here.")
    ] = False,
) -> None:
    """Sign qualification.yaml: write into it who agrees to exactly what stands there."""
    from nurture.project.codes import Code
    from nurture.project.inspection import RULES
    from nurture.project.signing import Signing, open_teams, signed_text, signs_for_both

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
    today = _today(place, found.project)
    by = Signing(team=team.value, name=name.strip(), on=_day(on, today))
    before = file.read_bytes().decode()
    if signs_for_both(before, by) and not alone:
        raise MisuseError(
            f"{by.name} has signed this for the other team; a second person has to agree, "
            "or add --alone where one person speaks for both"
        )
    text = signed_text(before, by)
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


def _today(place: Place, project: Project | None) -> date:
    from nurture.engine.runtime import today

    return place.clock().date() if project is None else today(project, place.clock())


def _day(text: str | None, today: date) -> date:
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        raise MisuseError(f"--on {text}: write a day like 2026-09-01") from None
    if day > today:
        raise MisuseError(f"--on {text} has not come yet; today is {today}")
    if day.year < FIRST_YEAR:
        raise MisuseError(f"--on {text}: that is too long ago; write a day like 2026-09-01")
    return day
