"""`nurture score explain`: rows that add up, gates with evidence, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from nurture.cli.lead_show import Lead
from nurture.cli.place import opened, place_of
from nurture.cli.show import print_json, say, shown, table

if TYPE_CHECKING:
    from nurture.engine.explained import Axis, ScoreExplained, ScoreRow
    from nurture.engine.person import Person

MOST_ROWS = 30
"""Rows of an axis shown to people; all of them are in --json."""


def explain(context: typer.Context, lead: Lead) -> None:
    """Explain a lead's scores row by row, its gates, and what is missing for sales."""
    from nurture.engine.evidence import read_evidence
    from nurture.engine.explain_json import explained_json
    from nurture.engine.explain_score import explain_score
    from nurture.engine.person import find_lead, look_at

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        now = app.now()
        person = look_at(app.runtime, connection, find_lead(connection, lead), now=now)
        evidence = read_evidence(connection, person, now=now)
        found = explain_score(person, evidence, now=now)
    if place.json:
        print_json(explained_json(found, person.words, person.zones))
    else:
        _show(person, found)


def _show(person: Person, found: ScoreExplained) -> None:
    from nurture.engine.explain_text import agreement, gate_line, summary
    from nurture.engine.words import points

    say(f"{shown(found.who)}, as of {person.zones.both(found.as_of)}", style="bold")
    say(agreement(found), style="dim")
    for sentence in summary(found, person.words, person.zones):
        say(shown(sentence))
    stored = found.stored
    if stored.engagement != found.engagement.value:
        then = f"engagement {points(stored.engagement)}, readiness {stored.readiness}"
        say(f"Rules go by the last assessment until the next one: {then}.", style="dim")
    say()
    for axis in found.axes:
        _show_axis(axis)
    if found.not_known:
        say(f"Fit would also count, if we knew it: {shown(', '.join(found.not_known))}.")
        say()
    home = person.zones.home
    gates = [(gate_line(g, home), g.rule, "; ".join(g.evidence)) for g in found.gates]
    say(table(["gate", "rule", "evidence"], gates))
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
    from nurture.engine.explain_text import evidence_of, row_line
    from nurture.engine.moments import say_day
    from nurture.engine.words import points

    told = _folded(axis.rows)
    rows = [
        (
            f"{row.group}.{row.rule}",
            row.what,
            say_day(row.on) if row.on else "",
            evidence_of(row, axis),
            points(row.raw),
            row_line(row),
            points(row.net),
        )
        for row in told[:MOST_ROWS]
    ]
    rest = told[MOST_ROWS:]
    if rest:
        raw, net = (points(sum(part)) for part in zip(*((r.raw, r.net) for r in rest), strict=True))
        rows.append(("", f"{len(rest)} more, see --json", "", "", raw, "", net))
    rows.append(("", "sum", "", "", "", "", points(axis.value)))
    say(axis.name.capitalize(), style="bold")
    columns = ["rule", "what", "on", "evidence", "worth then", "lost since", "worth now"]
    say(table(columns, rows, right=["worth then", "worth now"]))
    say()


def _folded(rows: Sequence[ScoreRow]) -> list[ScoreRow]:
    """Return the rows with those of a rule that count nothing any more made one."""
    found: dict[tuple[str, ...], list[ScoreRow]] = {}
    for number, row in enumerate(rows):
        found.setdefault((row.group, row.rule, "" if row.net == 0 else f"{number}"), []).append(row)
    return [_one(several) for several in found.values()]


def _one(several: Sequence[ScoreRow]) -> ScoreRow:
    if len(several) == 1:
        return several[0]
    return replace(
        several[0],
        what=f"{len(several)} that count nothing now, see --json",
        on=None,
        evidence=(),
        raw=sum(row.raw for row in several),
        over_day=sum(row.over_day for row in several),
        over_count=sum(row.over_count for row in several),
        faded=sum(row.faded for row in several),
        over_group=sum(row.over_group for row in several),
        over_score=sum(row.over_score for row in several),
    )
