"""`nurture lead pause|resume|exit|revive|erase`: what a person decides about one lead."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.lead_show import Lead
from nurture.cli.place import Place, opened, person_acting, place_of
from nurture.cli.show import print_json, say
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.bootstrap import App
    from nurture.engine.moments import Zones

By = Annotated[str | None, typer.Option(help="Who decides it; else your account's name.")]
Reason = Annotated[str, typer.Option(help="Why; kept with what is done.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """A lead that something is done with."""

    app: App
    id: int
    uid: str
    zones: Zones
    now: datetime


@contextmanager
def acting(place: Place, lead: str) -> Iterator[Acting]:
    """Open the app and find the lead."""
    from nurture.engine.moments import Zones
    from nurture.engine.person import find_lead
    from nurture.store import leads

    with opened(place) as app:
        with app.database.read() as connection:
            lead_id = find_lead(connection, lead)
            found = leads.read(connection, [lead_id])[lead_id]
            home = app.runtime.in_force(connection).project.workspace.time_zone
        zones = Zones(lead=found.time_zone, home=home)
        yield Acting(app=app, id=lead_id, uid=found.uid, zones=zones, now=app.now())


def read_time(text: str, zone_name: str) -> datetime:
    """Return the time that somebody typed; without a zone it is meant in the workspace's."""
    from zoneinfo import ZoneInfo

    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone_name))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise MisuseError(f"{text!r} is no time; write 2026-12-01 or 2026-12-01T09:00") from None


def _done(place: Place, uid: str, said: str, **more: object) -> None:
    if place.json:
        print_json({"uid": uid, "done": said, **more})
    else:
        say(said)


def pause(
    context: typer.Context,
    lead: Lead,
    until: Annotated[str | None, typer.Option(help="When it ends by itself; else never.")] = None,
    reason: Reason = "",
    by: By = None,
) -> None:
    """Leave a lead alone: no step is taken and no mail leaves until it is resumed."""
    from nurture.engine import by_hand

    place = place_of(context)
    with acting(place, lead) as on:
        end = read_time(until, on.zones.home) if until else None
        if end is not None and end <= on.now:
            raise MisuseError(f"--until {until} has passed already")
        who = by_hand.Who(name=person_acting(by), reason=reason)
        by_hand.pause_lead(on.app.runtime, on.id, who, until=end, now=on.now)
    said = f"until {on.zones.both(end)}" if end else "until somebody resumes it"
    _done(place, on.uid, f"Lead {on.uid[:12]} is paused {said}.", until=end)


def resume(context: typer.Context, lead: Lead, by: By = None) -> None:
    """Let a paused lead go on."""
    from nurture.engine import by_hand

    place = place_of(context)
    with acting(place, lead) as on:
        who = by_hand.Who(name=person_acting(by))
        was_paused = by_hand.resume_lead(on.app.runtime, on.id, who, now=on.now)
    said = "goes on with the next tick" if was_paused else "was not paused"
    _done(place, on.uid, f"Lead {on.uid[:12]} {said}.", lifted=was_paused)


def leave(
    context: typer.Context,
    lead: Lead,
    sequence: Annotated[
        str | None, typer.Option(help="Only this sequence; else all that are open.")
    ] = None,
    reason: Reason = "",
    by: By = None,
) -> None:
    """Take a lead out of its sequences; planned mail that has not begun to leave is cancelled."""
    from nurture.engine import by_hand

    place = place_of(context)
    with acting(place, lead) as on:
        who = by_hand.Who(name=person_acting(by), reason=reason)
        names = by_hand.leave_sequences(on.app.runtime, on.id, who, sequence=sequence, now=on.now)
    said = f"Lead {on.uid[:12]} has left {', '.join(names)}. Another sequence may take it up."
    _done(place, on.uid, said, left=names)


def revive(context: typer.Context, lead: Lead, reason: Reason = "", by: By = None) -> None:
    """Bring a lead back from the inactive file."""
    from nurture.engine import assess, by_hand
    from nurture.store import leads

    place = place_of(context)
    with acting(place, lead) as on:
        who = by_hand.Who(name=person_acting(by), reason=reason)
        by_hand.revive(on.app.runtime, on.id, who, now=on.now)
        assess.run(on.app.runtime, now=on.now, lead_ids=[on.id])
        with on.app.database.read() as connection:
            stage = leads.read(connection, [on.id])[on.id].standing.stage
    _done(place, on.uid, f"Lead {on.uid[:12]} is back at the stage {stage}.", stage=stage)


def erase(
    context: typer.Context,
    lead: Lead,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask; it cannot be undone.")] = False,
    by: By = None,
) -> None:
    """Erase a lead for good; only a keyed hash stays, which keeps the address out."""
    from nurture.bootstrap.ways import make_ways
    from nurture.engine import by_hand, tick

    place = place_of(context)
    with acting(place, lead) as on:
        if not yes:
            _ask(on.uid)
        who = by_hand.Who(name=person_acting(by))
        by_hand.erase(on.app.runtime, on.id, who, now=on.now)
        tick.forget(on.app.runtime, make_ways(on.app), since=on.now)
    _done(place, on.uid, f"Lead {on.uid[:12]} is erased.")


def _ask(uid: str) -> None:
    if not sys.stdin.isatty():
        raise MisuseError(
            f"this erases lead {uid[:12]} for good; add --yes if that is what you want"
        )
    if not typer.confirm(f"Erase lead {uid[:12]} for good?"):
        raise MisuseError("nothing was erased")
