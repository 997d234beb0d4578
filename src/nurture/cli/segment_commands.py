"""`nurture segment list|count|changes|explain`."""

from __future__ import annotations

from datetime import date
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
    from nurture.engine.segment_changes import Changes
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


def changes(
    context: typer.Context,
    name: Name,
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Compare with the end of this day.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=100, help="How many to name that joined, and that left.")
    ] = 10,
) -> None:
    """Say who joined and who left a segment since yesterday's look, and what changed."""
    from nurture.engine.segment_changes import changes as compare

    place = place_of(context)
    day = _date(since) if since else None
    with opened(place) as app:
        found = compare(app.runtime, name, now=app.now(), since=day, limit=limit)
    if place.json:
        print_json(found)
    else:
        _show_changes(found)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise MisuseError(f"--since {text}: write a day like 2026-11-21") from None


def _show_changes(found: Changes) -> None:
    from nurture.engine.moments import say_day

    day = say_day(found.since_day)
    say(f"'{found.title}' had {found.leads_then} leads on {day}, and has {found.leads_now} now.")
    if found.rule_changed:
        say("Its rule was changed since: who moved may have moved by that.", style="yellow")
    for title, movers in (("joined", found.joined), ("left", found.left)):
        say(f"{movers.leads} {title}{':' if movers.leads else '.'}", style="bold")
        for one in movers.shown:
            seen = f"seen {say_day(one.seen_on)}" if one.seen_on else "since the last look"
            say(f"  {one.uid[:12]}  {shown(one.email or '(no address)')}, {seen}")
            for line in one.why:
                mark = "" if one.changed else "now: "
                say(f"      {mark}{shown(line)}", style="dim")
        if movers.leads > len(movers.shown):
            say(f"  and {movers.leads - len(movers.shown)} more; --limit shows more", style="dim")


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
