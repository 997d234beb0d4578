"""`nurture handoff list|show|replay|test`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurture.cli.lead_actions import By
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.run import DONE, FINDINGS
from nurture.cli.show import plain, print_json, say, table
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.store.db import Connection
    from nurture.store.handoffs import Handoff

STATES = ("waiting", "ready", "delivered", "dead", "withdrawn")
Uid = Annotated[str, typer.Argument(help="The handoff's id: msg_…")]


def list_handoffs(
    context: typer.Context,
    state: Annotated[
        list[str] | None, typer.Option(help=f"Only in this state: {', '.join(STATES)}.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
) -> None:
    """List handoffs, newest first."""
    from nurture.engine.moments import say_time
    from nurture.store import handoffs, leads

    unknown = [one for one in state or () if one not in STATES]
    if unknown:
        raise MisuseError(f"there is no state {unknown[0]!r}; there are: {', '.join(STATES)}")
    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        found = handoffs.listing(connection, states=state or (), limit=limit)
        people = leads.read(connection, sorted({h.lead_id for h in found}))
        zone = app.runtime.in_force(connection).project.workspace.time_zone
    if place.json:
        print_json([_told(h, people[h.lead_id].uid) for h in found])
        return
    if not found:
        say("No handoff is in this state." if state else "Nobody was handed over yet.")
        return
    rows = [
        (
            h.uid,
            h.state,
            people[h.lead_id].email or people[h.lead_id].uid[:12],
            h.endpoint,
            say_time(h.released_at or h.created_at, zone),
            h.answer.removeprefix("handoff.") or ("late" if h.overdue_at else ""),
            h.reason or h.answer_reason,
        )
        for h in found
    ]
    say(table(["id", "state", "lead", "to", "since", "answer", "reason"], rows))


def _told(handoff: Handoff, lead_uid: str) -> dict[str, Any]:
    told = plain(handoff)
    assert isinstance(told, dict)
    return {k: v for k, v in told.items() if k not in ("id", "lead_id", "body")} | {
        "lead": lead_uid
    }


def show(context: typer.Context, uid: Uid) -> None:
    """Show a handoff: what was sent, every try, and what sales answered."""
    from nurture.engine.moments import Zones
    from nurture.store import handoffs, leads

    place = place_of(context)
    with opened(place) as app, app.database.read() as connection:
        handoff = _handoff(connection, uid)
        lead = leads.read(connection, [handoff.lead_id])[handoff.lead_id]
        tries = handoffs.attempts_of(connection, handoff.id)
        home = app.runtime.in_force(connection).project.workspace.time_zone
    told = _told(handoff, lead.uid) | {
        "body": json.loads(handoff.body) if handoff.body else None,
        "attempts": [
            {"at": at, "status": status, "outcome": outcome, "detail": detail}
            for at, status, outcome, detail in tries
        ],
    }
    if place.json:
        print_json(told)
        return
    zones = Zones(lead=lead.time_zone, home=home)
    times = ("created_at", "released_at", "delivered_at", "accept_by", "overdue_at", "answered_at")
    rows = [("state", handoff.state), ("lead", lead.email or lead.uid), ("to", handoff.endpoint)]
    rows += [
        (name.removesuffix("_at").replace("_", " "), zones.both(at))
        for name in times
        if (at := getattr(handoff, name)) is not None
    ]
    rows += [("answer", handoff.answer), ("said", handoff.answer_reason), ("why", handoff.reason)]
    say(handoff.uid, style="bold")
    say(table(["", ""], [row for row in rows if row[1]]))
    if tries:
        attempts = [(zones.both(at), s, outcome, detail) for at, s, outcome, detail in tries]
        say(table(["tried", "status", "outcome", "detail"], attempts))
    if told["body"]:
        say(json.dumps(told["body"], ensure_ascii=False, indent=2))


def _handoff(connection: Connection, uid: str) -> Handoff:
    from nurture.store import handoffs

    found = handoffs.by_uid(connection, uid)
    if found is None:
        raise MisuseError(f"no handoff is called {uid!r}; see `nurture handoff list`")
    return found


def replay(context: typer.Context, uid: Uid, by: By = None) -> None:
    """Send a handoff again with the next tick, under its id and with its bytes."""
    from nurture.engine import by_hand

    place = place_of(context)
    with opened(place) as app:
        who = by_hand.Who(name=person_acting(by))
        by_hand.replay_handoff(app.runtime, uid, who, now=app.now())
    said = f"{uid} is sent again with the next tick; the receiver knows it by its id."
    if place.json:
        print_json({"uid": uid, "done": said})
    else:
        say(said)


def trial(
    context: typer.Context,
    endpoint: Annotated[str, typer.Argument(help="The endpoint, as its file is called.")],
    send: Annotated[bool, typer.Option("--send", help="Really send it.")] = False,
) -> None:
    """Make and sign a trial handoff from a made-up lead, and show it; with --send, send it."""
    from nurture.bootstrap.ways import WebhookSender
    from nurture.engine.handoff_trial import endpoint_of, make_trial
    from nurture.transports.signing import signed_headers

    place = place_of(context)
    with opened(place) as app:
        now = app.now()
        with app.database.read() as connection:
            project = app.runtime.in_force(connection).project
        found = endpoint_of(project, endpoint)
        uid, body = make_trial(project, found, now=now)
        headers = signed_headers(body, message_id=uid, secrets=[found.secret], now=now)
        answer = WebhookSender().post(found, uid, body, now=now) if send else None
    if place.json:
        told = {"url": found.url, "headers": headers, "body": json.loads(body), "answer": answer}
        print_json(told)
    else:
        say(f"POST {found.url}", style="bold")
        for name, value in headers.items():
            say(f"{name}: {value}")
        say(json.dumps(json.loads(body), ensure_ascii=False, indent=2))
        if answer is None:
            say("Nothing was sent; add --send to send it.", style="yellow")
        else:
            status = answer.status if answer.status is not None else "no status"
            say(f"{answer.kind} ({status}): {answer.detail or 'no more was said'}", style="bold")
    raise typer.Exit(DONE if answer is None or answer.kind == "delivered" else FINDINGS)
