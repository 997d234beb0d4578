"""`nurture lead list`: who there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.show import print_json, say, table
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.bootstrap import App
    from nurture.core.condition import Condition
    from nurture.store.db import Connection
    from nurture.store.overview import LeadLine


def list_leads(
    context: typer.Context,
    segment: Annotated[str | None, typer.Option(help="Only those in this segment.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only those at this stage.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
) -> None:
    """List leads, those heard from last first."""
    from nurture.engine.moments import say_time

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        found, total = _found(app, connection, _terms(app, connection, segment, stage), limit)
        zone = app.runtime.in_force(connection).project.workspace.time_zone
    if place.json:
        print_json({"leads": found, "total": total})
        return
    if not found:
        say("No lead is like that." if segment or stage else "Nobody yet: nurture import FILE.csv")
        return
    rows = [
        (
            one.uid[:12],
            one.email or "(no address)",
            one.stage,
            one.temperature,
            one.grade,
            one.readiness,
            one.suppressed,
            say_time(one.last_life_at or one.captured_at, zone),
        )
        for one in found
    ]
    columns = ["id", "address", "stage", "temp.", "grade", "ready", "not mailed", "last heard"]
    say(table(columns, rows, right=["ready"]))
    say(f"{_counted(len(found), total)}; the story of one: nurture why ID")


def _counted(shown: int, total: int) -> str:
    leads = f"{total} lead{'' if total == 1 else 's'}"
    return leads if shown == total else f"{shown} of {leads}; --limit shows more"


def _terms(
    app: App, connection: Connection, segment: str | None, stage: str | None
) -> list[Condition]:
    from nurture.core.condition import Compare, Operator, Ref, ValueType
    from nurture.core.lead import Stage

    terms: list[Condition] = []
    if segment is not None:
        segments = app.runtime.in_force(connection).project.segments
        if segment not in segments:
            known = ", ".join(sorted(segments))
            raise MisuseError(f"there is no segment {segment!r}; there are: {known}")
        terms.append(segments[segment].when)
    if stage is not None:
        if stage not in list(Stage):
            raise MisuseError(f"there is no stage {stage!r}; there are: {', '.join(Stage)}")
        terms.append(Compare(Ref("", "stage", ValueType.CHOICE), Operator.EQ, stage))
    return terms


def _found(
    app: App, connection: Connection, terms: list[Condition], limit: int
) -> tuple[list[LeadLine], int]:
    """Return those heard from last, and how many there are in all."""
    from nurture.core.condition import And
    from nurture.core.lead import Stage
    from nurture.engine.runtime import today
    from nurture.store import overview, segment_sql

    if not terms:
        counts = overview.stage_counts(connection)
        total = sum(count for stage, count in counts.items() if stage != Stage.ERASED)
        return overview.newest_leads(connection, limit=limit), total
    now = app.now()
    day = today(app.runtime.in_force(connection).project, now)
    both = And(tuple(terms))
    ids = segment_sql.latest(connection, both, now=now, today=day, limit=limit)
    found = overview.lines_of(connection, ids)
    found.sort(key=lambda one: one.last_life_at or one.captured_at, reverse=True)
    return found, segment_sql.count(connection, both, now=now, today=day)
