"""`nurture segment list|count|explain|import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text
from rich.tree import Tree

from nurture.cli.lead_show import Lead
from nurture.cli.place import opened, place_of
from nurture.cli.show import print_json, say, shown, table
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.core.project import Project, Segment
    from nurture.engine.explain import Node
    from nurture.engine.segments import Counted

Name = Annotated[str, typer.Argument(help="The segment, as its file is called.")]
SAMPLE = 5

STYLES = {"pass": "green", "fail": "red", "unknown": "yellow"}
SIGNS = {"pass": "yes", "fail": "no", "unknown": "open"}


def list_segments(context: typer.Context) -> None:
    """List the segments with how many leads are in each now, and how that changed."""
    from nurture.engine.segments import counts

    with opened(place_of(context)) as app:
        found = counts(app.runtime, now=app.now())
    if place_of(context).json:
        print_json([_told(one) | {"title": one.segment.title} for one in found])
    else:
        rows = [(one.segment.name, one.leads, _change(one), one.segment.title) for one in found]
        columns = ["segment", "leads", "since yesterday", "title"]
        say(table(columns, rows, right=["leads", "since yesterday"]))


def _told(one: Counted) -> dict[str, object]:
    day, leads = one.before or (None, None)
    return {
        "name": one.segment.name,
        "count": one.leads,
        "change": one.change,
        "before": leads,
        "before_on": day,
    }


def _change(one: Counted) -> str:
    return "" if one.change is None else f"{one.change:+d}" if one.change else "0"


def count(context: typer.Context, name: Name) -> None:
    """Count the leads of a segment, say how that changed, and name a few."""
    from nurture.engine.moments import say_day
    from nurture.engine.runtime import today
    from nurture.engine.segments import counts
    from nurture.engine.words import Words
    from nurture.store import overview, segment_sql

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        project, now = app.runtime.in_force(connection).project, app.now()
        segment = _segment(project, name)
        (found,) = [one for one in counts(app.runtime, now=now) if one.segment.name == name]
        ids = segment_sql.sample(
            connection, segment.when, now=now, today=today(project, now), limit=SAMPLE
        )
        sample = overview.lines_of(connection, ids)
        said = Words(project=project).rule(segment.text)
    if place.json:
        uids = [one.uid for one in sample]
        print_json(_told(found) | {"rule": segment.text, "sample": uids})
        return
    say(f"{found.leads} leads are in '{segment.title}': {said}.")
    if found.before is not None:
        say(f"At the end of {say_day(found.before[0])} there were {found.before[1]}.")
    for one in sample:
        say(f"  {one.uid[:12]}  {shown(one.email)}", style="dim")


def _segment(project: Project, name: str) -> Segment:
    segment = project.segments.get(name)
    if segment is None:
        known = ", ".join(sorted(project.segments))
        raise MisuseError(f"there is no segment {name!r}; there are: {known}")
    return segment


def import_list(
    context: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(help="A CSV file with a column called email.")],
) -> None:
    """Put the leads of a file on the list of a segment; importing it twice adds nobody."""
    from nurture.engine.segments import import_list as put

    place = place_of(context)
    content = file.read_bytes()
    with opened(place) as app:
        found = put(app.runtime, name, content, now=app.now())
    if place.json:
        print_json(found)
        return
    say(f"{found.added} put on the list '{name}', {found.already} were on it before.")
    if found.unknown:
        few = ", ".join(found.unknown[:SAMPLE])
        more = f" and {len(found.unknown) - SAMPLE} more" if len(found.unknown) > SAMPLE else ""
        say(f"{len(found.unknown)} are no leads of ours: {shown(few)}{more}.", style="yellow")
        say("`nurture import` brings leads in; then import the list once more.", style="dim")


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
