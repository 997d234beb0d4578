"""`nurture lead add`: a person we only heard of."""

from __future__ import annotations

from typing import Annotated

import typer

from nurture.cli.lead_actions import By
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.show import print_json, say


def add(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="What the person is called.")] = "",
    phone: Annotated[str, typer.Option(help="A number.")] = "",
    company: Annotated[str, typer.Option(help="Where they work.")] = "",
    note: Annotated[str, typer.Option(help="What was said.")] = "",
    source: Annotated[str, typer.Option(help="Who told us; for reports.")] = "hearsay",
    by: By = None,
) -> None:
    """Add a lead by hearsay, without an address: it gets a task, and never a mail."""
    from nurture.engine import hearsay
    from nurture.engine.by_hand import Who

    place = place_of(context)
    heard = hearsay.Heard(name=name, phone=phone, company=company, note=note, source=source)
    with opened(place) as app:
        uid = hearsay.add(app.runtime, heard, Who(name=person_acting(by)), now=app.now())
    if place.json:
        print_json({"uid": uid})
    else:
        say(f"Lead {uid[:12]} is kept, with a task to find out more: nurture task list")
