"""`nurture score explain`: rows that add up, gates with evidence, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from nurture.cli.lead_show import Lead
from nurture.cli.place import opened, place_of
from nurture.cli.show import plain, print_json, say, shown, table

if TYPE_CHECKING:
    from nurture.engine.explain_score import Axis, ScoreExplained
    from nurture.engine.person import Person


def explain(context: typer.Context, lead: Lead) -> None:
    """Explain a lead's scores row by row, its gates, and what is missing for sales."""
    from nurture.engine.explain_score import explain_score
    from nurture.engine.person import find_lead, look_at

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        now = app.now()
        person = look_at(app.runtime, connection, find_lead(connection, lead), now=now)
        found = explain_score(person, now=now)
    if place.json:
        told = plain(found)
        assert isinstance(told, dict)
        print_json(told | {"unit": "thousandths of a point"})
    else:
        _show(person, found)


def _show(person: Person, found: ScoreExplained) -> None:
    from nurture.engine.words import points

    who = person.name or person.lead.email or found.uid[:12]
    say(f"{shown(who)}, as of {person.zones.both(found.as_of)}", style="bold")
    for axis in found.axes:
        _show_axis(axis)
    stage = person.words.stage(found.stage)
    known = f"{found.coverage_percent} % of what fit asks for is known"
    say(f"Stage {stage}, grade {found.grade} ({known}).")
    stored = found.stored
    if stored.engagement != found.engagement.value:
        then = f"engagement {points(stored.engagement)}, readiness {stored.readiness}"
        say(f"Rules go by the last assessment until the next one: {then}.", style="dim")
    say()
    gates = [(g.gate, g.verdict, g.rule, "; ".join(g.evidence)) for g in found.gates]
    say(table(["gate", "answer", "rule", "evidence"], gates))
    traits = [
        (t.trait, f"{t.value} of 3", f"at least {t.minimum}", t.because) for t in found.traits
    ]
    say(table(["trait", "value", "needed", "because"], traits))
    if found.missing:
        say("What is missing:", style="bold")
        for line in found.missing:
            say(f"  {shown(line)}")
    else:
        say("Nothing is missing.", style="green")
    if found.next_look is not None:
        at = person.zones.both(found.next_look.at)
        say(f"Looked at again {at}, if nothing happens before: {shown(found.next_look.why)}")


def _show_axis(axis: Axis) -> None:
    from nurture.engine.moments import say_day
    from nurture.engine.words import points

    rows = [
        (
            f"{row.group}.{row.rule}",
            row.what,
            row.count or "",
            say_day(row.last_on) if row.last_on else "",
            points(row.raw) if row.raw else "",
            points(row.net),
        )
        for row in axis.rows
    ]
    rows.append(("", "sum", "", "", "", points(axis.value)))
    say(axis.name.capitalize(), style="bold")
    columns = ["rule", "what", "times", "last", "worth then", "worth now"]
    say(table(columns, rows, right=["times", "worth then", "worth now"]))
    say()
