"""`nurture message list|resolve`: mails of which nobody knows whether they left."""

from __future__ import annotations

from typing import Annotated

import typer

from nurture.cli.lead_actions import By
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.show import print_json, say, table
from nurture.core.errors import MisuseError


def list_messages(context: typer.Context) -> None:
    """List the mails in doubt, longest in doubt first."""
    from nurture.engine.moments import Zones
    from nurture.store import leads, messages

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        doubts = messages.in_doubt(connection)
        people = leads.read(connection, sorted({m.lead_id for m, _, _ in doubts}))
        home = app.runtime.in_force(connection).project.workspace.time_zone
    if place.json:
        print_json(
            [
                {
                    "uid": m.uid,
                    "lead": people[m.lead_id].uid,
                    "template": m.template,
                    "state": m.state,
                    "since": since,
                    "reason": reason,
                }
                for m, reason, since in doubts
            ]
        )
        return
    if not doubts:
        say("No mail is in doubt.", style="green")
        return
    rows = [
        (
            m.uid,
            m.state,
            m.template,
            people[m.lead_id].email or people[m.lead_id].uid[:12],
            Zones(lead=people[m.lead_id].time_zone, home=home).both(since),
            reason,
        )
        for m, reason, since in doubts
    ]
    say(table(["id", "state", "mail", "lead", "in doubt since", "reason"], rows))
    say("Look at the provider for an id, then: nurture message resolve ID --sent, or --again")


def resolve(
    context: typer.Context,
    uid: Annotated[str, typer.Argument(help="The mail's id, or the beginning of it.")],
    sent: Annotated[bool, typer.Option("--sent", help="It did leave: count it as sent.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="It did not leave: send it with the next tick.")
    ] = False,
    by: By = None,
) -> None:
    """Settle a mail in doubt. Only evidence should decide: sent again, it may arrive twice."""
    from nurture.engine import by_hand

    if sent is again:
        raise MisuseError("choose --sent (it did leave) or --again (send it once more)")
    place = place_of(context)
    with opened(place) as app:
        who = by_hand.Who(name=person_acting(by))
        message = by_hand.settle_message(app.runtime, uid, who, sent=sent, now=app.now())
    said = "counts as sent" if sent else "is sent again with the next tick"
    if place.json:
        print_json({"uid": message.uid, "done": said})
    else:
        say(f"Mail {message.uid[:12]} ({message.template}) {said}.")
