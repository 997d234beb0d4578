"""`nurture lead unbounce`: addresses are mailed again whose bounces were a server's fault."""

from __future__ import annotations

from typing import Annotated

import typer

from nurture.cli.lead_actions import By, read_time
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.show import print_json, say
from nurture.core.errors import MisuseError


def unbounce(
    context: typer.Context,
    after: Annotated[str, typer.Option(help="Bounced at this time or after it.")],
    before: Annotated[str, typer.Option(help="Bounced before this time.")],
    source: Annotated[str, typer.Option(help="Told by this transport or provider.")] = "",
    yes: Annotated[
        int | None, typer.Option(min=1, help="How many leads that are; you have looked at it.")
    ] = None,
    by: By = None,
) -> None:
    """Mail people again whom a server called unknown by mistake. All other stops stay."""
    from nurture.engine import unbounce as lifting
    from nurture.engine.by_hand import Who
    from nurture.store.bounces import Bounces

    place = place_of(context)
    with opened(place) as app:
        with app.database.read() as connection:
            zone = app.runtime.in_force(connection).project.workspace.time_zone
            first, last = read_time(after, zone), read_time(before, zone)
            wanted = Bounces(source=source, after=first, before=last)
            count = len(lifting.liftable(app.runtime, connection, wanted))
        if not count:
            raise MisuseError("nobody is stopped by such bounces alone")
        if yes is None:
            many = count != 1
            who = f"{count} leads are" if many else "1 lead is"
            raise MisuseError(
                f"{who} stopped by such bounces alone; if their addresses are good, say --yes"
                f" {count}"
            )
        acting = Who(name=person_acting(by))
        people = lifting.lift(app.runtime, wanted, acting, count=yes, now=app.now())
    if place.json:
        print_json({"uids": [lead.uid for lead in people], "done": "mailed again"})
    else:
        say(f"{len(people)} lead{'s' if len(people) != 1 else ''} may be mailed again.")
