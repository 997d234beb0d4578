"""`nurture lead move|waive|temperature|commit|take-back|overrides`: a person's word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.lead_actions import Acting, By, acting, read_time
from nurture.cli.lead_show import Lead
from nurture.cli.place import Place, opened, person_acting, place_of
from nurture.cli.show import print_json, say, table
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from nurture.core.lead import Stage
    from nurture.core.project import Project
    from nurture.engine.by_hand import Who
    from nurture.engine.runtime import Runtime

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

    with _word(context, lead, by, reason, until) as word:
        term = overriding.Term(until=word.until)
        found = overriding.move(*word.about, stage, term, now=word.on.now)
        word.done(f"is at the stage {found}", stage=found)


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

    with _word(context, lead, by, reason, until) as word:
        term = overriding.Term(until=word.until, even_fail=even_if_it_fails)
        found = overriding.waive(*word.about, gate, term, now=word.on.now)
        word.done(f"passes the gate {gate}", gate=gate, verdict=found)


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

    with _word(context, lead, by, reason, until) as word:
        term = overriding.Term(until=word.until)
        found = overriding.set_temperature(*word.about, said, term, now=word.on.now)
        word.done(f"is {found}", temperature=found)


def commit(context: typer.Context, lead: Lead, reason: Why, by: By = None) -> None:
    """Record that a lead expressly agreed to commit."""
    from nurture.engine import overriding

    with _word(context, lead, by, reason) as word:
        found = overriding.commit(*word.about, now=word.on.now)
        opens = overriding.commitment_counts(word.project())
        word.done(f"has agreed to commit, and is at the stage {found}", stage=found, opens=opens)
        if not (opens or word.place.json):
            say(
                "It is kept, and opens nothing here: an opportunity is who shows pain, interest "
                "and fit (stages.opportunity.entry in qualification.yaml).",
                style="yellow",
            )


def take_back(
    context: typer.Context,
    lead: Lead,
    what: Annotated[str, typer.Argument(help="stage, temperature, or the gate that was waived.")],
    reason: Why = "",
    by: By = None,
) -> None:
    """End what stands by hand about a lead; it keeps its stage until the rules move it."""
    from nurture.engine import overriding

    with _word(context, lead, by, reason or None) as word:
        overriding.take_back(*word.about, what, now=word.on.now)
        stage = word.stage()
        at = f"; it is at the stage {stage}" if what == "stage" else ""
        word.done(f"goes by the rules again ({what}){at}", how="", what=what, stage=stage)


def overrides(
    context: typer.Context,
    lead: Annotated[
        str | None, typer.Argument(help="Only this lead; else all.", show_default=False)
    ] = None,
) -> None:
    """List what stands by hand, beside what the rules would say: for review."""
    from nurture.engine import overriding
    from nurture.engine.person import find_lead
    from nurture.engine.runtime import home_zone

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        lead_id = find_lead(connection, lead) if lead else None
        found = overriding.review(app.runtime, connection, lead_id, now=app.now())
        home = home_zone(app.runtime.in_force(connection).project)
    if place.json:
        print_json(found)
        return
    if not found:
        say("Nothing stands by hand.")
        return
    rows = [
        (one.uid[:12], one.what, one.value, one.rules_say, one.by, one.reason,
         _day(one.at, home), _day(one.until, home))
        for one in found
    ]  # fmt: skip
    columns = ["lead", "what", "by hand", "by the rules", "who", "why", "since", "until"]
    say(table(columns, rows, whole=("lead",)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    """A person's word about a lead: who says it and why, and until when it stands."""

    place: Place
    on: Acting
    who: Who
    until: datetime | None

    @property
    def about(self) -> tuple[Runtime, int, Who]:
        """What every act begins with."""
        return self.on.app.runtime, self.on.id, self.who

    def project(self) -> Project:
        """Return the project in force."""
        with self.on.app.database.read() as connection:
            return self.on.app.runtime.in_force(connection).project

    def stage(self) -> Stage:
        """Return the stage at which the lead is now."""
        from nurture.store import leads

        with self.on.app.database.read() as connection:
            return leads.read(connection, [self.on.id])[self.on.id].standing.stage

    def done(self, said: str, *, how: str = ", by hand", **more: object) -> None:
        """Tell what was done."""
        end = f" until {self.on.zones.both(self.until)}" if self.until else ""
        line = f"Lead {self.on.uid[:12]} {said}{how}{end}."
        if self.place.json:
            print_json({"uid": self.on.uid, "done": line, "until": self.until, **more})
        else:
            say(line)


@contextmanager
def _word(
    context: typer.Context, lead: str, by: str | None, reason: str | None, until: str | None = None
) -> Iterator[_Word]:
    """Open the app and find the lead. A reason of None need not be given."""
    from nurture.engine.by_hand import Who

    place = place_of(context)
    with acting(place, lead) as on:
        end = _end(on, until)
        if reason is not None and not reason.strip():
            raise MisuseError("--reason: say why; everybody who looks at the lead will read it")
        who = Who(name=person_acting(by), reason=(reason or "").strip())
        yield _Word(place=place, on=on, who=who, until=end)


def _end(on: Acting, until: str | None) -> datetime | None:
    end = read_time(until, on.zones.home) if until else None
    if end is not None and end <= on.now:
        raise MisuseError(f"--until {until} has passed already")
    return end


def _day(at: datetime | None, home: ZoneInfo) -> str:
    return f"{at.astimezone(home):%Y-%m-%d}" if at else ""
