"""`nurture tick`, `deliver`, `sunset` and `rebuild`: the work itself, run by hand or by cron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.progress import watched
from nurture.cli.run import DONE, FINDINGS
from nurture.cli.show import print_json, say, table, warn

if TYPE_CHECKING:
    from nurture.bootstrap import App
    from nurture.engine.tick import Ticked

MOST_PASSES = 10_000
"""Batches in one sunset; a safety net against work that never ends."""
LIMIT = 1000

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How much is worked at a time.")]


def tick(context: typer.Context, limit: Limit = LIMIT) -> None:
    """Do everything that is due: assess, advance, deliver, hand over."""
    from nurture.bootstrap.ways import ways_for_work
    from nurture.engine import tick as engine

    place, total = place_of(context), engine.Ticked()
    with (
        opened(place) as app,
        watched("Working", lambda: _worked(total), lambda: _due(app), quiet=place.json),
    ):
        engine.run(app.runtime, ways_for_work(app), now=app.now(), limit=limit, total=total)
    _show_ticked(total, as_json=place.json)


def deliver(context: typer.Context, limit: Limit = LIMIT) -> None:
    """Send the mails that are ready, and nothing else."""
    from nurture.bootstrap.ways import make_ways
    from nurture.engine import tick as engine

    place, total = place_of(context), engine.Ticked()
    with opened(place) as app:
        ways, now = make_ways(app), app.now()
        with watched(
            "Delivering",
            lambda: total.deliver.get("claimed", 0),
            lambda: _due(app, "deliver"),
            quiet=place.json,
        ):
            engine.settle(app.runtime, ways, total, now=now)
            engine.mail(app.runtime, ways, total, now=now, limit=limit)
    _show_ticked(total, as_json=place.json)


def _worked(total: Ticked) -> int:
    parts = (
        (total.assess, "leads"),
        (total.advance, "enrollments"),
        (total.deliver, "claimed"),
        (total.handoff, "claimed"),
    )
    return sum(counts.get(name, 0) for counts, name in parts)


def _due(app: App, *queues: str) -> int:
    """Return how much is still due: it grows while mails are planned, and then falls to nothing."""
    from nurture.engine.health import look

    found = look(app.runtime, now=app.now())
    return sum(line.due for line in found.lines if not queues or line.name in queues)


def _show_ticked(total: Ticked, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(total))
    else:
        _say_counts(
            {
                "provider posts": total.echo,
                "clicks": total.clicks,
                "assess": total.assess,
                "advance": total.advance,
                "deliver": total.deliver,
                "handoff": total.handoff,
            }
        )
    if total.throttled:
        warn(f"nurture: mail waits for its turn: {total.throttled}; see `nurture sending status`")
    if total.halted:
        warn(f"nurture: sending is halted: {total.halted}; see `nurture sending status`")
        raise typer.Exit(FINDINGS)


def _say_counts(parts: Mapping[str, Mapping[str, int]]) -> None:
    rows = [
        (part, what.replace("_", " "), count)
        for part, counts in parts.items()
        for what, count in counts.items()
        if count
    ]
    say(table(["part", "what", "count"], rows, right=["count"]) if rows else "Nothing was due.")


def sunset(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count who would go, and change nothing.")
    ] = False,
) -> None:
    """Let the silent rest, and erase what retention has run out for."""
    place = place_of(context)
    with opened(place) as app:
        counts = _would_sunset(app) if dry_run else _sunset(app)
    if place.json:
        print_json({**counts, "dry_run": dry_run})
        return
    _say_counts({"sunset": counts})
    if dry_run:
        say("Nothing was changed; leave --dry-run out to do it.", style="yellow")


def _would_sunset(app: App) -> dict[str, int]:
    from nurture.engine.silence import overdue

    found = overdue(app.runtime, now=app.now())
    return {
        "archived": found.silent,
        "erased": found.retention_over,
        "silent_but_in_a_sequence": found.still_in_a_sequence,
    }


def _sunset(app: App) -> dict[str, int]:
    from nurture.bootstrap.ways import make_ways
    from nurture.engine import assess, tick as engine

    now, resting = app.now(), _inactive(app)
    for _ in range(MOST_PASSES):
        if not assess.run(app.runtime, now=now, limit=LIMIT).leads:
            break
    counts = {"archived": max(0, _inactive(app) - resting), "erased": 0, "raw_posts": 0}
    for _ in range(MOST_PASSES):
        swept = engine.hygiene(app.runtime, make_ways(app), now=now)
        counts["erased"] += swept.erased
        counts["raw_posts"] += swept.raw_posts
        if not swept.erased:
            break
    return counts


def _inactive(app: App) -> int:
    from nurture.store.lifecycle import stages

    with app.database.read() as connection:
        return stages(connection).get("inactive", 0)


def rebuild(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Compare what is stored with its facts only.")
    ] = False,
) -> None:
    """Work out profiles and scores once more from facts, and report differences."""
    from nurture.engine.rebuild import run

    place, done = place_of(context), [0]
    with (
        opened(place) as app,
        watched("Rebuilding", lambda: done[-1], lambda: _in_play(app), quiet=place.json),
    ):
        found = run(app.runtime, now=app.now(), dry_run=dry_run, progress=done.append)
    if place.json:
        print_json(found)
    else:
        for line in found.wrong:
            say(f"wrong: {line}", style="red")
        if found.moved:
            rows = [(one.uid[:12], one.field, one.before, one.after) for one in found.moved]
            say(table(["lead", "field", "before", "now"], rows))
        said = "Compared with facts" if dry_run else f"Rebuilt {found.leads} leads"
        moved = "" if dry_run else f", {found.moved_leads} have moved with time"
        if found.clicks:
            moved += f", {found.clicks} clicks are judged otherwise"
        say(f"{said}: {len(found.wrong) or 'none'} wrong{moved}.")
    raise typer.Exit(FINDINGS if found.wrong else DONE)


def _in_play(app: App) -> int:
    from nurture.core.lead import IN_PLAY
    from nurture.store.overview import stage_counts

    with app.database.read() as connection:
        counts = stage_counts(connection)
    return sum(count for stage, count in counts.items() if stage in set(map(str, IN_PLAY)))
