"""`nurture reply`: take a mail that answers one of ours, as a mail server's pipe hands it over."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.show import print_json, say


def reply(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="The mail; standard input without it.", exists=True)
    ] = None,
) -> None:
    """Take a reply: a person's counts, an auto-reply does not, "stop" unsubscribes."""
    from nurture.bootstrap.ways import make_ways
    from nurture.engine.replies import LARGEST_REPLY, take_reply
    from nurture.engine.tick import run

    place = place_of(context)
    raw = file.read_bytes() if file else sys.stdin.buffer.read(LARGEST_REPLY + 1)
    with opened(place) as app:
        lead_id = take_reply(app.runtime, raw, now=app.now())
        if lead_id is not None:
            run(app.runtime, make_ways(app), now=app.now(), lead_ids=[lead_id])
    if place.json:
        print_json({"answers_ours": lead_id is not None, "lead": lead_id})
        return
    say("Recorded." if lead_id is not None else "It answers no mail of ours; nothing was recorded.")
