"""`nurture sending pull`: read the provider's own stop lists since the last time."""

from __future__ import annotations

from contextlib import closing

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.show import print_json, say
from nurture.core.errors import MisuseError


def pull(context: typer.Context) -> None:
    """Read SendGrid's own stop lists, in case a report of it was lost."""
    from nurture.bootstrap.ways import make_stop_lists
    from nurture.engine import stop_lists

    place = place_of(context)
    with opened(place) as app:
        lists = make_stop_lists(app)
        if lists is None:
            raise MisuseError("only SendGrid keeps stop lists; transport.kind is another one")
        with closing(lists):
            pulled = stop_lists.run(app.runtime, lists, now=app.now())
    if place.json:
        print_json(pulled)
        return
    say(
        f"{pulled.listed} addresses were listed: {pulled.leads} of our leads are stopped by it, "
        f"{pulled.strangers} others are now on the stop list.",
        style="green",
    )
