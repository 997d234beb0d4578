"""`nurture sending pause|resume|status`: stop all mail, and let it go on."""

from __future__ import annotations

from typing import Annotated

import typer

from nurture.cli.lead_actions import By, read_time
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.run import DONE, FINDINGS
from nurture.cli.show import print_json, say
from nurture.core.errors import MisuseError


def pause(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why; everybody who looks will read it.")],
    until: Annotated[str | None, typer.Option(help="When it ends by itself; else never.")] = None,
    by: By = None,
) -> None:
    """Stop all mail before it leaves. What is planned waits; nothing is lost."""
    from nurture.engine import by_hand
    from nurture.engine.moments import say_time

    place = place_of(context)
    with opened(place) as app:
        with app.database.read() as connection:
            zone = app.runtime.in_force(connection).project.workspace.time_zone
        end = read_time(until, zone) if until else None
        if end is not None and end <= app.now():
            raise MisuseError(f"--until {until} has passed already")
        who = by_hand.Who(name=person_acting(by), reason=reason)
        by_hand.pause_sending(app.runtime, who, until=end, now=app.now())
    if place.json:
        print_json({"paused": True, "reason": reason, "until": end})
    else:
        said = f"until {say_time(end, zone)}" if end else "until `nurture sending resume`"
        say(f"All sending is paused {said}.", style="yellow")


def resume(context: typer.Context, by: By = None) -> None:
    """Let mail leave again: lifts the pause, and halts that a transport has caused."""
    from nurture.engine import by_hand

    place = place_of(context)
    with opened(place) as app:
        who = by_hand.Who(name=person_acting(by))
        lifted = by_hand.resume_sending(app.runtime, who, now=app.now())
    if place.json:
        print_json({"lifted": lifted})
    else:
        say(f"Lifted: {', '.join(lifted)}." if lifted else "Nothing was paused.", style="green")


def status(context: typer.Context) -> None:
    """Say whether mail may leave, and what stops it."""
    from nurture.engine.moments import say_time
    from nurture.store import switches

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        found = switches.all_halted(connection, now=app.now())
        zone = app.runtime.in_force(connection).project.workspace.time_zone
    if place.json:
        print_json([{"what": name, "reason": why, "until": until} for name, why, until in found])
    else:
        for name, why, until in found:
            end = f" until {say_time(until, zone)}" if until else ""
            say(f"{name} is off{end}: {why}", style="yellow")
        if not found:
            say("Mail may leave.", style="green")
    raise typer.Exit(FINDINGS if found else DONE)
