"""`nurture lead steps`: the buyer's step beside our stage, and who does not match."""

from __future__ import annotations

from typing import Annotated

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.show import print_json, say, table


def steps(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many leads.")] = 50,
) -> None:
    """Show whose reading is ahead of their stage, or behind it."""
    from nurture.core.buyer import STEPS
    from nurture.engine.buyer_steps import compare
    from nurture.engine.moments import say_time
    from nurture.engine.words import Words

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        project = app.runtime.in_force(connection).project
        found = compare(connection, project, now=app.now())
    if place.json:
        print_json(
            {
                "counts": [
                    {"stage": stage, "step": step, "leads": count}
                    for (stage, step), count in sorted(found.counts.items())
                ],
                "mismatches": found.mismatches[:limit],
                "left_out": max(len(found.mismatches) - limit, 0),
            }
        )
        return
    words, zone = Words(project=project), project.workspace.time_zone
    stages = list(dict.fromkeys(stage for stage, _ in sorted(found.counts)))
    counted = [
        (words.stage(stage), *(found.counts.get((stage, step), 0) for step in STEPS))
        for stage in stages
    ]
    say(table(["stage", *STEPS], counted, right=list(STEPS)))
    rows = [
        (
            one.uid[:12],
            one.email,
            words.stage(one.stage),
            f"{one.shown.step}, {one.how}",
            " or ".join(one.expected),
            f"{one.shown.subject}, {say_time(one.shown.at, zone)}",
        )
        for one in found.mismatches[:limit]
    ]
    if rows:
        say(table(["id", "address", "stage", "shows", "expected", "by"], rows))
    else:
        say("Everybody reads what goes with their stage.", style="green")
    if len(found.mismatches) > limit:
        say(f"and {len(found.mismatches) - limit} more; --limit shows them", style="dim")
