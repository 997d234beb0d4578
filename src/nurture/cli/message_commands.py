"""`nurture message list|resolve`: mail that stands still, and mail in doubt settled by a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.lead_actions import By
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.show import print_json, say, table, warn
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.engine.held import Held


Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How much held mail is shown.")]


def list_messages(context: typer.Context, limit: Limit = 50) -> None:
    """List mail in doubt, longest first, and mail that is held: why, and what will settle it."""
    from nurture.bootstrap.ways import make_ways
    from nurture.engine import held
    from nurture.engine.moments import Zones, say_seconds
    from nurture.store import leads

    place = place_of(context)
    with opened(place) as app:
        now = app.now()
        found = held.look(app.runtime, make_ways(app).evidences, limit=limit, now=now)
        with app.database.read() as connection:
            people = leads.read(connection, sorted({mail.lead_id for mail in found.mails}))
            home = app.runtime.in_force(connection).project.workspace.time_zone
    if found.more:
        warn(f"{found.more} more are held; see more of them with --limit")
    if place.json:
        print_json([_as_json(mail, people[mail.lead_id].uid) for mail in found.mails])
        return
    if not found.mails:
        say("No mail is in doubt, and none is held.", style="green")
        return
    rows = []
    for mail in found.mails:
        lead = people[mail.lead_id]
        zones = Zones(lead=lead.time_zone, home=home)
        rows.append(
            (
                mail.uid[:12],
                mail.state,
                mail.template,
                lead.email or lead.uid[:12],
                say_seconds(int(mail.age.total_seconds())),
                mail.reason,
                mail.settles,
                zones.both(mail.at) if mail.at else "",
            )
        )
    heads = ["id", "state", "mail", "lead", "for", "reason", "settled by", "when"]
    say(table(heads, rows))
    if any(mail.state != "ready" for mail in found.mails):
        say("Look at the provider for an id, then: nurture message resolve ID --sent, or --again,")
        say("and --reason with what you saw.")


def _as_json(mail: Held, lead: str) -> dict[str, object]:
    return {
        "uid": mail.uid,
        "lead": lead,
        "template": mail.template,
        "state": mail.state,
        "since": mail.since,
        "age_seconds": int(mail.age.total_seconds()),
        "reason": mail.reason,
        "settled_by": mail.settles,
        "at": mail.at,
    }


def resolve(
    context: typer.Context,
    uid: Annotated[str, typer.Argument(help="The mail's id, or the beginning of it.")],
    sent: Annotated[bool, typer.Option("--sent", help="It did leave: count it as sent.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="It did not leave: send it with the next tick.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why you know it: what you saw, and where. Kept in the ledger.")
    ] = "",
    by: By = None,
) -> None:
    """Settle a mail in doubt. Only evidence should decide: sent again, it may arrive twice."""
    from nurture.engine import by_hand

    if sent is again:
        raise MisuseError("choose --sent (it did leave) or --again (send it once more)")
    if not reason.strip():
        raise MisuseError("say with --reason why you know it; the ledger keeps it")
    place = place_of(context)
    with opened(place) as app:
        who = by_hand.Who(name=person_acting(by), reason=reason.strip())
        message = by_hand.settle_message(app.runtime, uid, who, sent=sent, now=app.now())
    said = "counts as sent" if sent else "is sent again with the next tick"
    if place.json:
        print_json({"uid": message.uid, "done": said})
    else:
        say(f"Mail {message.uid[:12]} ({message.template}) {said}.")
