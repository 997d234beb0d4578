"""`nurture definitions`: what both teams mean by each stage and gate, and who signed it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from nurture.cli.place import place_of
from nurture.cli.show import print_json, say, table

if TYPE_CHECKING:
    from nurture.engine.definitions import Definitions, StageSaid


def definitions(context: typer.Context) -> None:
    """Print the definitions that the files hold: stages, gates, limits, signatures."""
    from nurture.engine import definitions as engine
    from nurture.project.load import load_folder

    place = place_of(context)
    found = engine.definitions(load_folder(place.home, os.environ))
    if place.json:
        print_json(found)
        return
    say(f"{found.company}: version {found.version} of what we mean", style="bold")
    for line in _signed(found):
        say(line)
    for stage in found.stages:
        _say_stage(stage)
    say()
    rows = [(gate.key, gate.passes_if, ", ".join(gate.asks)) for gate in found.gates]
    say(table(["gate", "passes if", "while unknown, we ask"], rows))
    say()
    say(table(["temperature", "if (the first that holds)"], found.temperatures))


def _signed(found: Definitions) -> list[str]:
    said = [
        f"Signed for {one.team} by {one.name} on {one.on}"
        + ("" if one.current else ", but not what stands here now")
        for one in found.signatures
    ]
    return said + [f"Not signed for {team}." for team in found.open_teams]


def _say_stage(stage: StageSaid) -> None:
    say()
    also = f" (also: {', '.join(stage.aliases)})" if stage.aliases else ""
    say(f"{stage.name}{also}", style="bold")
    rows = [
        ("means", stage.definition),
        ("looked after by", stage.owner),
        ("gets there", stage.entry),
        ("moves on to", ", ".join(stage.forward)),
        ("moves back or aside to", ", ".join(stage.back)),
        ("worth of a person's time", _minutes(stage.minutes)),
        ("silence allowed", stage.silence),
        ("longest time here", stage.at_most),
    ]
    say(table(["", ""], [row for row in rows if row[1]]))


def _minutes(minutes: int | None) -> str:
    return "" if minutes is None else f"{minutes} minutes a lead"
