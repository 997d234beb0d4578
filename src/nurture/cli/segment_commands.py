"""`nurture segment list|count|explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from nurture.cli.lead_show import Lead
from nurture.cli.place import opened, place_of
from nurture.cli.show import print_json, say, shown, table
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.bootstrap import App
    from nurture.core.project import Segment
    from nurture.engine.explain import Node

Name = Annotated[str, typer.Argument(help="The segment, as its file is called.")]
SAMPLE = 5

STYLES = {"pass": "green", "fail": "red", "unknown": "yellow"}
SIGNS = {"pass": "yes", "fail": "no", "unknown": "open"}


def list_segments(context: typer.Context) -> None:
    """List the segments with how many leads are in each now."""
    place = place_of(context)
    with opened(place) as app:
        with app.database.read() as connection:
            segments = app.runtime.in_force(connection).project.segments
        found = [(one, _count(app, one)) for one in segments.values()]
    if place.json:
        print_json([{"name": s.name, "title": s.title, "count": n} for s, n in found])
    else:
        rows = [(s.name, n, s.title) for s, n in found]
        say(table(["segment", "leads", "title"], rows, right=["leads"]))


def count(context: typer.Context, name: Name) -> None:
    """Count the leads of a segment, and name a few."""
    from nurture.engine.runtime import today
    from nurture.engine.words import Words
    from nurture.store import overview, segment_sql

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        project = app.runtime.in_force(connection).project
        segment = project.segments.get(name)
        if segment is None:
            known = ", ".join(sorted(project.segments))
            raise MisuseError(f"there is no segment {name!r}; there are: {known}")
        number, now = _count(app, segment), app.now()
        ids = segment_sql.sample(
            connection, segment.when, now=now, today=today(project, now), limit=SAMPLE
        )
        sample = overview.lines_of(connection, ids)
        said = Words(project=project).rule(segment.text)
    if place.json:
        uids = [one.uid for one in sample]
        print_json({"name": name, "count": number, "rule": segment.text, "sample": uids})
        return
    say(f"{number} leads are in '{segment.title}': {said}.")
    for one in sample:
        say(f"  {one.uid[:12]}  {shown(one.email)}", style="dim")


def _count(app: App, segment: Segment) -> int:
    from nurture.engine.runtime import today
    from nurture.store import segment_sql

    now = app.now()
    with app.database.read() as connection:
        day = today(app.runtime.in_force(connection).project, now)
        return segment_sql.count(connection, segment.when, now=now, today=day)


def explain(context: typer.Context, name: Name, lead: Lead) -> None:
    """Say why a lead is in a segment, or is not."""
    from nurture.engine.explain import explain_segment
    from nurture.engine.person import find_lead, look_at

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        now = app.now()
        person = look_at(app.runtime, connection, find_lead(connection, lead), now=now)
        found = explain_segment(person, name, now=now)
    if place.json:
        print_json({"uid": person.lead.uid, **_fields(found)})
        return
    who = person.name or person.lead.email or person.lead.uid[:12]
    inside = "is in" if found.inside else "is not in"
    say(f"{shown(who)} {inside} '{found.title}':", style="bold")
    say(tree(found.tree))


def _fields(found: object) -> dict[str, object]:
    from nurture.cli.show import plain

    told = plain(found)
    assert isinstance(told, dict)
    return told


def tree(node: Node) -> Tree:
    """Return the node and its parts as a tree, each with its answer."""
    made = Tree(_line(node))
    for part in node.parts:
        made.add(tree(part))
    return made


def _line(node: Node) -> Text:
    said = Text()
    answer = str(node.answer)
    said.append(f"{SIGNS[answer]:>4}  ", style=STYLES[answer])
    said.append(shown(node.text))
    if node.because:
        said.append(f": {shown(node.because)}", style="dim")
    return said
