"""`nurture task list|done`: what people are asked to do."""

from __future__ import annotations

from typing import Annotated

import typer

from nurture.cli.lead_actions import By
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.show import print_json, say, table


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


def done(
    context: typer.Context,
    task: Annotated[int, typer.Argument(help="The task's number.")],
    outcome: Annotated[str, typer.Option(help="What came of it, in a sentence.")],
    talked: Annotated[
        bool, typer.Option("--talked", help="It was a call, and you talked to the person.")
    ] = False,
    by: By = None,
) -> None:
    """Mark a task as done; a sequence that waits for it goes on."""
    from nurture.engine import by_hand

    place = place_of(context)
    with opened(place) as app:
        who = by_hand.Who(name=person_acting(by), reason=outcome)
        by_hand.finish_task(app.runtime, task, who, talked=talked, now=app.now())
    if place.json:
        print_json({"id": task, "done": outcome})
    else:
        say(f"Task {task} is done: {outcome}")
