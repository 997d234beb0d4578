"""`nurture task list|done`: what people are asked to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.lead_actions import By
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.show import print_json, say, table
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.core.persona import Persona


def list_tasks(
    context: typer.Context,
    team: Annotated[str | None, typer.Option(help="Only this team's.")] = None,
) -> None:
    """List open tasks, most urgent first."""
    from nurture.engine.moments import say_time
    from nurture.store import leads, records

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        found = [t for t in records.open_tasks(connection) if team in (None, t.team)]
        people = leads.read(connection, sorted({t.lead_id for t in found}))
        zone = app.runtime.in_force(connection).project.workspace.time_zone
        now = app.now()
    if place.json:
        print_json(
            [
                {
                    "id": t.id,
                    "lead": people[t.lead_id].uid,
                    "team": t.team,
                    "title": t.title,
                    "due_at": t.due_at,
                    "late": t.due_at < now,
                }
                for t in found
            ]
        )
        return
    if not found:
        say("Nothing is to be done.", style="green")
        return
    rows = [
        (
            t.id,
            t.team,
            t.title,
            people[t.lead_id].email or people[t.lead_id].uid[:12],
            say_time(t.due_at, zone),
            "late" if t.due_at < now else "",
        )
        for t in found
    ]
    say(table(["id", "team", "what", "lead", "due", ""], rows, right=["id"]))
    say("Done? nurture task done ID --outcome TEXT")


def show(
    context: typer.Context,
    task: Annotated[int, typer.Argument(help="The task's number.")],
) -> None:
    """Show an open task with whom it is about and what to say to that kind of person."""
    from nurture.core.dossier import persona_card
    from nurture.core.errors import MisuseError
    from nurture.core.persona import persona_of
    from nurture.engine.person import look_at
    from nurture.store import records

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        found = next((t for t in records.open_tasks(connection) if t.id == task), None)
        if found is None:
            raise MisuseError(f"no task {task} is open; see `nurture task list`")
        now = app.now()
        person = look_at(app.runtime, connection, found.lead_id, now=now)
        persona = persona_of(
            person.project.personas.values(), person.lead, today=person.facts.today, now=now
        )
    if place.json:
        print_json(
            {
                "id": found.id,
                "lead": person.lead.uid,
                "name": person.name,
                "team": found.team,
                "title": found.title,
                "due_at": found.due_at,
                "persona": persona_card(persona),
            }
        )
        return
    say(found.title, style="bold")
    phone = str(person.lead.profile.get("phone", ""))
    rows = [
        ("lead", person.name or person.lead.email or person.lead.uid[:12]),
        ("company", person.company),
        ("phone", phone),
        ("team", found.team),
        ("due", person.zones.both(found.due_at)),
        ("persona", persona.title if persona else "none fits yet: find out the role"),
    ]
    say(table(["", ""], [row for row in rows if row[1]]))
    if persona:
        _say_card(persona)


def _say_card(persona: Persona) -> None:
    parts = (
        ("Speak about", persona.talking_points),
        ("Ask", persona.questions),
        ("They may say", persona.objections),
        ("What convinces", persona.proof),
    )
    for title, lines in parts:
        if lines:
            say(title, style="bold")
            for line in lines:
                say(f"  - {line}")


def done(
    context: typer.Context,
    task: Annotated[int, typer.Argument(max=2**63 - 1, help="The task's number.")],
    outcome: Annotated[str, typer.Option(help="What came of it, in a sentence.")],
    talked: Annotated[
        bool, typer.Option("--talked", help="It was a call, and you talked to the person.")
    ] = False,
    by: By = None,
) -> None:
    """Mark a task as done; a sequence that waits for it goes on."""
    from nurture.engine import by_hand

    place = place_of(context)
    if not outcome.strip():
        raise MisuseError("--outcome: say in a sentence what came of it")
    with opened(place) as app:
        who = by_hand.Who(name=person_acting(by), reason=outcome)
        by_hand.finish_task(app.runtime, task, who, talked=talked, now=app.now())
    if place.json:
        print_json({"id": task, "done": outcome})
    else:
        say(f"Task {task} is done: {outcome}")
