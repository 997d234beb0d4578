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
    from nurture.engine.replies import LARGEST_REPLY, Meaning, take_reply
    from nurture.engine.tick import run

    place = place_of(context)
    raw = file.read_bytes() if file else sys.stdin.buffer.read(LARGEST_REPLY + 1)
    with opened(place) as app:
        taken = take_reply(app.runtime, raw, now=app.now())
        with app.database.read() as connection:
            # Else it is recorded, and what follows from it waits: the mail was taken.
            goes_on = app.runtime.readable(connection) is not None
        if taken is not None and goes_on:
            run(app.runtime, make_ways(app), now=app.now(), lead_ids=[taken.lead_id])
    if place.json:
        lead, meaning = (taken.lead_id, taken.meaning) if taken else (None, None)
        print_json({"answers_ours": taken is not None, "lead": lead, "meaning": meaning})
        return
    if taken is None:
        say("It answers no mail of ours; nothing was recorded.")
        return
    say(
        {
            Meaning.OPT_OUT: "Recorded as an opt-out: no more mail goes there.",
            Meaning.REPLY: "Recorded as a person's reply.",
            Meaning.AUTO_REPLY: "Recorded as an auto-reply, which moves nothing.",
        }[taken.meaning]
    )
