"""`nurture lead show` and `nurture lead export`: what is stored about one lead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.show import plain, print_json, say, table
from nurture.core.address import doubt_about

if TYPE_CHECKING:
    from datetime import datetime

    from nurture.core.lead import Standing
    from nurture.engine.person import Person
    from nurture.engine.provenance import Told as Heard
    from nurture.store.db import Connection

Lead = Annotated[str, typer.Argument(help="The lead: its id, the beginning of it, or its address.")]
Told = Mapping[str, Any]


def show(context: typer.Context, lead: Lead) -> None:
    """Show what is known about a lead and from whom, and where it stands."""
    from nurture.engine.person import find_lead, look_at

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        now = app.now()
        person = look_at(app.runtime, connection, find_lead(connection, lead), now=now)
        told = _told(connection, person, now)
    if place.json:
        print_json(told)
    else:
        _show(person, told, now)


def _told(connection: Connection, person: Person, now: datetime) -> Told:
    from nurture.store import enrollments, handoffs, lead_story, pauses, profiles

    lead, told, scores = person.lead, person.provenance, person.found.standing
    schedule = lead_story.schedule_of(connection, lead.id)
    return {
        "uid": lead.uid,
        "name": person.name,
        "email": lead.email,
        "doubt_about_address": doubt_about(lead.email),
        "company": person.company,
        "time_zone": lead.time_zone,
        "language": lead.language,
        "source": lead.source,
        "note": schedule.note,
        "standing": lead.standing,
        "readiness_now": scores.readiness if scores.readiness_known else "unknown",
        "suppressed": lead.suppressed,
        "with_sales": lead.locked,
        "paused": pauses.pause_of(connection, lead.id, now=now),
        "captured_at": lead.captured_at,
        "last_life_at": lead.last_life_at,
        "assessed_at": schedule.assessed_at,
        "check_at": schedule.check_at,
        "profile": {
            key: {**_one(one), "otherwise": [_one(o) for o in told.otherwise(key, now)]}
            for key, one in told.in_force(now).items()
        },
        "consents": _without_ids(profiles.consents_of(connection, lead.id)),
        "enrollments": [
            {
                "sequence": enrollment.sequence,
                "step": enrollment.step,
                "awaiting": enrollment.awaiting,
                "due_at": enrollment.due_at,
                "wait_until": enrollment.wait_until,
                "reason": reason,
            }
            for enrollment, reason in enrollments.of_lead(connection, lead.id)
        ],
        "handoffs": [
            {"uid": h.uid, "endpoint": h.endpoint, "state": h.state, "answer": h.answer}
            for h in handoffs.of_lead(connection, lead.id)
        ],
    }


def _readiness(standing: Standing) -> str:
    return f"{standing.readiness} of 100" if standing.readiness_known else "unknown"


def _one(told: Heard) -> dict[str, Any]:
    return {"value": told.value, "source": told.source, "at": told.at}


def _without_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k not in ("id", "lead_id")} for row in rows]


def _show(person: Person, told: Told, now: datetime) -> None:
    lead, standing, zones = person.lead, person.lead.standing, person.zones
    scores = person.found.standing
    rows = [
        ("id", lead.uid),
        ("address", lead.email or "(none)"),
        ("beware", told["doubt_about_address"]),
        ("company", person.company),
        ("source", lead.source),
        ("came", zones.both(lead.captured_at)),
        ("stage", person.words.stage(standing.stage)),
        ("temperature", standing.temperature),
        ("grade", standing.grade),
        ("readiness", _readiness(scores)),
        *((f"gate {gate}", verdict) for gate, verdict in standing.verdicts.items()),
        ("not mailed because", lead.suppressed),
        ("with sales", "yes" if lead.locked else ""),
        ("paused", told["paused"][0] if told["paused"] else ""),
        ("note", told["note"]),
    ]
    say(person.name or lead.email or lead.uid, style="bold")
    say(table(["", ""], [row for row in rows if row[1]]))
    fields = person.project.fields
    known = [
        (
            fields[key].label if key in fields else key,
            person.words.answer(key, one.value),
            one.said(person.words, zones),
        )
        for key, one in person.provenance.in_force(now).items()
    ]
    if known:
        say(table(["known", "value", "where from"], known))
    _show_disputed(person, now)
    if told["consents"]:
        consents = [
            (
                row["topic"],
                row["basis"],
                row["source"],
                zones.both(row["given_at"]),
                zones.both(row["withdrawn_at"]) if row["withdrawn_at"] else "",
            )
            for row in told["consents"]
        ]
        say(table(["consent", "basis", "by", "given", "withdrawn"], consents))
    say(f"The whole story, and what comes next: nurture why {lead.uid[:12]}", style="dim")


def _show_disputed(person: Person, now: datetime) -> None:
    """Say what others say of a field; nothing of it counts."""
    fields, words = person.project.fields, person.words
    rows = [
        (
            fields[key].label if key in fields else key,
            words.answer(key, other.value),
            other.said(words, person.zones),
        )
        for key in person.provenance.in_force(now)
        for other in person.provenance.otherwise(key, now)
    ]
    if rows:
        say(table(["but others say", "value", "where from"], rows))


def export(
    context: typer.Context,
    lead: Lead,
    out: Annotated[
        Path | None, typer.Option(help="Write to this file, for its owner only.")
    ] = None,
) -> None:
    """Give out everything that is stored about a lead, as JSON."""
    from nurture.engine.person import find_lead
    from nurture.store.export import everything_about

    with opened(place_of(context)) as app, app.database.read() as connection:
        found = everything_about(connection, find_lead(connection, lead))
    if out is None:
        print_json(found)
        return
    out.touch(mode=0o600)
    out.write_text(json.dumps(plain(found), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    say(f"Everything about the lead is in {out}. It is personal: pass it on with care.")
