"""`nurture score compare`: what would the folder's qualification say of the same leads?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.progress import watched
from nurture.cli.show import print_json, say, shown, table

if TYPE_CHECKING:
    from nurture.bootstrap import App
    from nurture.calibrate.compare import Aspect, Compared, Difference, Mover, Outcome

MOST_STEPS = 4


def compare(
    context: typer.Context,
    movers: Annotated[
        int, typer.Option(min=0, max=1000, help="How many of the leads that move most to name.")
    ] = 10,
) -> None:
    """Run the folder's qualification beside the one in force, over all leads; store nothing."""
    place = place_of(context)
    with opened(place) as app:
        found = _compare(app, movers, quiet=place.json)
    if place.json:
        print_json(found)
    else:
        _show(found)


def _compare(app: App, movers: int, *, quiet: bool) -> Compared:
    from nurture.calibrate.compare import compare as run, leads_in_play

    draft, now, done = app.project_on_disk(), app.now(), [0]
    total = 0 if quiet else leads_in_play(app.runtime, now=now)
    with watched("Comparing", lambda: done[0], lambda: total, quiet=quiet):
        return run(
            app.runtime,
            draft,
            now=now,
            movers=movers,
            progress=lambda count: done.__setitem__(0, count),
        )


def _show(found: Compared) -> None:
    old, new = found.versions
    say(
        f"The folder's qualification (version {new}) beside the one in force (version {old}): "
        f"{found.changed:,} of {found.leads:,} leads in play would change.",
        style="bold",
    )
    if found.same:
        say("The rules are the same; only other files can make a difference.")
    if found.aspects:
        rows = [(one.name, f"{one.leads:,}", _ways(one)) for one in found.aspects]
        say(table(["what", "leads", "from and to"], rows, right=["leads"]))
    if found.movers:
        columns = ["lead", "cell", "fit", "engagement", "because"]
        say("Those that move most:", style="bold")
        say(table(columns, [_row(one) for one in found.movers], whole=("lead",)))
    for outcome in found.outcomes:
        _show_outcome(outcome)
    say("Nothing was stored.", style="dim")


def _ways(aspect: Aspect) -> str:
    told = [f"{one.before} → {one.after} {one.leads:,}" for one in aspect.steps[:MOST_STEPS]]
    rest = len(aspect.steps) - MOST_STEPS
    return ", ".join(told) + (f", {rest} other ways" if rest > 0 else "")


def _row(one: Mover) -> tuple[str, ...]:
    old, new = one.before, one.after
    return (
        one.uid[:12],
        _turn(old.said["cell"], new.said["cell"]),
        _turn(_points(old.fit), _points(new.fit)),
        _turn(_points(old.engagement), _points(new.engagement)),
        shown("; ".join(map(_difference, one.because))),
    )


def _difference(one: Difference) -> str:
    return f"{one.axis} {one.rule}: {_turn(_points(one.before), _points(one.after))}"


def _turn(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _points(milli: int) -> str:
    return f"{milli / 1000:g}"


def _show_outcome(outcome: Outcome) -> None:
    ended = f"{outcome.won:,} of {outcome.cases:,} decided handoffs ended in {outcome.target}"
    if not outcome.sorts:
        say(f"{ended}: too few of either end to say which qualification sorts them better.")
        return
    say(f"{ended}. How well each sorts them (AUC):")
    rows = [
        (
            one.score,
            f"{one.before.value:.3f}",
            f"{one.after.value:.3f}",
            f"{one.gained.value:+.3f} ({one.gained.low:+.3f} to {one.gained.high:+.3f})",
        )
        for one in outcome.sorts
    ]
    say(table(["score", "in force", "folder", "gained, and its range"], rows))
