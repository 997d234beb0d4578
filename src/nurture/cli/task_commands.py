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
    from nurture.core.effort import over_budget
    from nurture.engine.moments import say_time
    from nurture.store import effort, leads, records

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        found = [t for t in records.open_tasks(connection) if team in (None, t.team)]
        concerned = sorted({t.lead_id for t in found})
        people = leads.read(connection, concerned)
        project = app.runtime.in_force(connection).project
        zone, stages = project.workspace.time_zone, project.qualification.stages
        spent = effort.spent(connection, concerned)
        over = {i: list(over_budget(stages, minutes)) for i, minutes in spent.items()}
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
                    "over_budget": over.get(t.lead_id, []),
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
            "; ".join([*(["late"] if t.due_at < now else []), *over.get(t.lead_id, [])]),
        )
        for t in found
    ]
    say(table(["id", "team", "what", "lead", "due", ""], rows, right=["id"]))
    say("Done? nurture task done ID --outcome TEXT --minutes N")


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
    minutes: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="How many minutes of yours it took.")
    ] = None,
    by: By = None,
) -> None:
    """Mark a task as done; a sequence that waits for it goes on."""
    from nurture.core.effort import over_budget
    from nurture.engine import by_hand
    from nurture.store import effort

    place = place_of(context)
    if not outcome.strip():
        raise MisuseError("--outcome: say in a sentence what came of it")
    with opened(place) as app:
        who = by_hand.Who(name=person_acting(by), reason=outcome)
        how = by_hand.Done(talked=talked, minutes=minutes)
        lead_id = by_hand.finish_task(app.runtime, task, who, done=how, now=app.now())
        with app.database.read() as connection:
            stages = app.runtime.in_force(connection).project.qualification.stages
            spent = effort.spent(connection, [lead_id]).get(lead_id, {})
        over = list(over_budget(stages, spent))
    if place.json:
        print_json({"id": task, "done": outcome, "minutes": minutes, "over_budget": over})
        return
    say(f"Task {task} is done: {outcome}")
    for line in over:
        say(f"Over its budget: {line}", style="yellow")
