"""`nurture why`: a lead's story in plain words, and what comes next with its exact time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from nurture.cli.lead_show import Lead
from nurture.cli.place import opened, place_of
from nurture.cli.show import plain, print_json, say, shown

if TYPE_CHECKING:
    from nurture.engine.moments import Zones
    from nurture.engine.story import NextLine, Story, StoryLine

STYLES = {
    "came": "bold",
    "did": "cyan",
    "consent": "green",
    "learned": "",
    "gate": "magenta",
    "stage": "bold magenta",
    "sequence": "",
    "mail": "blue",
    "task": "yellow",
    "handoff": "bold yellow",
}


def why(
    context: typer.Context,
    lead: Lead,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is rarely asked for: scanners, short holds.")
    ] = False,
) -> None:
    """Tell a lead's story: what happened, why, and what comes next."""
    from nurture.engine.person import find_lead
    from nurture.engine.story import tell

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        story = tell(app.runtime, connection, find_lead(connection, lead), now=app.now())
    if place.json:
        print_json(_as_json(story))
        return
    say(shown(story.who), style="bold")
    for sentence in story.standing:
        say(sentence)
    hidden = sum(line.minor for line in story.lines)
    lines = [line for line in story.lines if everything or not line.minor]
    say()
    say(_table("What happened", story.zones, lines))
    if hidden and not everything:
        say(f"{hidden} lesser lines are left out; --all shows them.", style="dim")
    say()
    say(
        _table(f"What comes next, as of {story.zones.both(story.told_at)}", story.zones, story.next)
    )


def _table(title: str, zones: Zones, lines: tuple[NextLine, ...] | list[StoryLine]) -> Table:
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
                 pad_edge=False, show_edge=False)  # fmt: skip
    same = zones.lead == zones.home
    made.add_column(
        f"{zones.lead}\n(theirs and ours)" if same else f"{zones.lead}\n({zones.home})",
        no_wrap=True,
    )
    made.add_column("what, and why", overflow="fold")
    for line in lines:
        made.add_row(_times(zones, line), _said(line))
    return made


def _times(zones: Zones, line: StoryLine | NextLine) -> Text:
    """Return the time in the lead's zone, with the workspace's below it where it differs."""
    if line.at is None:
        return Text("no date set", style="dim")
    theirs, *ours = zones.columns(line.at)
    said = Text(theirs)
    if ours and ours != [theirs]:
        said.append(f"\n({zones.at_home(line.at)})", style="dim")
    return said


def _said(line: StoryLine | NextLine) -> Group:
    kind = getattr(line, "kind", None)
    parts: list[RenderableType] = [Text(shown(line.what), style=STYLES.get(str(kind), ""))]
    if line.why:
        parts.append(Padding(Text(shown(line.why), style="dim"), (0, 0, 0, 2)))
    return Group(*parts)


def _as_json(story: Story) -> dict[str, object]:
    def timed(line: StoryLine | NextLine) -> dict[str, object]:
        told = plain(line)
        assert isinstance(told, dict)
        return told | {"said": story.zones.both(line.at) if line.at is not None else None}

    told = plain(story)
    assert isinstance(told, dict)
    return told | {
        "who": story.who,
        "lines": [timed(line) for line in story.lines],
        "next": [timed(line) for line in story.next],
    }
