"""`nurture lead move|waive|temperature|commit|take-back|overrides`: a person's word."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.lead_actions import Acting, By, acting, read_time
from nurture.cli.lead_show import Lead
from nurture.cli.place import Place, opened, person_acting, place_of
from nurture.cli.show import print_json, say, table
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.engine.by_hand import Who

Why = Annotated[str, typer.Option(help="Why: kept with it and shown in every explanation.")]
Until = Annotated[str | None, typer.Option(help="When it ends by itself; else when taken back.")]


def move(
    context: typer.Context,
    lead: Lead,
    stage: Annotated[str, typer.Argument(help="The stage, by key.")],
    reason: Why,
    by: By = None,
    until: Until = None,
) -> None:
    """Set a lead's stage by hand, forward or back, where both teams allow the move."""
    from nurture.engine import overriding

    place = place_of(context)
    with acting(place, lead) as on:
        term = overriding.Term(until=_end(on, until))
        found = overriding.move(on.app.runtime, on.id, _who(by, reason), stage, term, now=on.now)
    _done(place, on, f"is at the stage {found}", term.until, stage=found)


def waive(
    context: typer.Context,
    lead: Lead,
    gate: Annotated[str, typer.Argument(help="The gate, by key.")],
    reason: Why,
    by: By = None,
    until: Until = None,
    even_if_it_fails: Annotated[
        bool, typer.Option("--even-if-it-fails", help="Also against what is known.")
    ] = False,
) -> None:
    """Let a gate count as passed for a lead, in your name."""
    from nurture.engine import overriding

    place = place_of(context)
    with acting(place, lead) as on:
        term = overriding.Term(until=_end(on, until), even_fail=even_if_it_fails)
        found = overriding.waive(on.app.runtime, on.id, _who(by, reason), gate, term, now=on.now)
    _done(place, on, f"passes the gate {gate}", term.until, gate=gate, verdict=found)


def temperature(
    context: typer.Context,
    lead: Lead,
    said: Annotated[str, typer.Argument(metavar="TEMPERATURE", help="hot, warm, cold or new.")],
    reason: Why,
    by: By = None,
    until: Until = None,
) -> None:
    """Set a prospect's temperature by hand."""
    from nurture.engine import overriding

    place = place_of(context)
    with acting(place, lead) as on:
        term = overriding.Term(until=_end(on, until))
        found = overriding.set_temperature(
            on.app.runtime, on.id, _who(by, reason), said, term, now=on.now
        )
    _done(place, on, f"is {found}", term.until, temperature=found)


def commit(context: typer.Context, lead: Lead, reason: Why, by: By = None) -> None:
    """Record that a lead expressly agreed to commit."""
    from nurture.engine import overriding

    place = place_of(context)
    with acting(place, lead) as on:
        found = overriding.commit(on.app.runtime, on.id, _who(by, reason), now=on.now)
    _done(place, on, f"has agreed to commit, and is at the stage {found}", None, stage=found)


def take_back(
    context: typer.Context,
    lead: Lead,
    what: Annotated[str, typer.Argument(help="stage, temperature, or the gate that was waived.")],
    reason: Why = "",
    by: By = None,
) -> None:
    """End what stands by hand about a lead: the rules decide again."""
    from nurture.engine import overriding

    place = place_of(context)
    with acting(place, lead) as on:
        who = _who(by, reason, needed=False)
        overriding.take_back(on.app.runtime, on.id, who, what, now=on.now)
    _done(place, on, f"goes by the rules again ({what})", None, what=what)


def overrides(
    context: typer.Context,
    lead: Annotated[
        str | None, typer.Argument(help="Only this lead; else all.", show_default=False)
    ] = None,
) -> None:
    """List what stands by hand, beside what the rules would say: for review."""
    from nurture.engine import overriding
    from nurture.engine.person import find_lead

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        lead_id = find_lead(connection, lead) if lead else None
        found = overriding.review(app.runtime, connection, lead_id, now=app.now())
    if place.json:
        print_json(found)
        return
    if not found:
        say("Nothing stands by hand.")
        return
    rows = [
        (one.uid[:12], one.what, one.value, one.rules_say, one.by, one.reason, _day(one.at),
         _day(one.until))
        for one in found
    ]  # fmt: skip
    columns = ["lead", "what", "by hand", "by the rules", "who", "why", "since", "until"]
    say(table(columns, rows, whole=("lead",)))


def _who(by: str | None, reason: str, *, needed: bool = True) -> Who:
    from nurture.engine.by_hand import Who

    if needed and not reason.strip():
        raise MisuseError("--reason: say why; everybody who looks at the lead will read it")
    return Who(name=person_acting(by), reason=reason.strip())


def _end(on: Acting, until: str | None) -> datetime | None:
    end = read_time(until, on.zones.home) if until else None
    if end is not None and end <= on.now:
        raise MisuseError(f"--until {until} has passed already")
    return end


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else ""


def _done(place: Place, on: Acting, said: str, until: datetime | None, **more: object) -> None:
    end = f" until {on.zones.both(until)}" if until else ""
    line = f"Lead {on.uid[:12]} {said}, by hand{end}."
    if place.json:
        print_json({"uid": on.uid, "done": line, "until": until, **more})
    else:
        say(line)
