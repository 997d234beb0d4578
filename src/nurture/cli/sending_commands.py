"""`nurture sending pause|resume|status|late`: stop all mail, let it go on, say how it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.lead_actions import By, read_time
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.run import DONE, FINDINGS
from nurture.cli.show import print_json, say, table
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.engine.sending import Sending


def pause(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why; everybody who looks will read it.")],
    until: Annotated[str | None, typer.Option(help="When it ends by itself; else never.")] = None,
    by: By = None,
) -> None:
    """Stop all mail before it leaves. What is planned waits; nothing is lost."""
    from nurture.engine import by_hand
    from nurture.engine.moments import say_time

    place = place_of(context)
    with opened(place) as app:
        with app.database.read() as connection:
            zone = app.runtime.in_force(connection).project.workspace.time_zone
        end = read_time(until, zone) if until else None
        if end is not None and end <= app.now():
            raise MisuseError(f"--until {until} has passed already")
        who = by_hand.Who(name=person_acting(by), reason=reason)
        by_hand.pause_sending(app.runtime, who, until=end, now=app.now())
    if place.json:
        print_json({"paused": True, "reason": reason, "until": end})
    else:
        said = f"until {say_time(end, zone)}" if end else "until `nurture sending resume`"
        say(f"All sending is paused {said}.", style="yellow")


def resume(
    context: typer.Context,
    reason: Annotated[str, typer.Option(help="Why; it is kept with who did it.")] = "",
    by: By = None,
) -> None:
    """Let mail leave again: lifts the pause, and what a transport or a breaker has halted."""
    from nurture.engine import by_hand

    place = place_of(context)
    with opened(place) as app:
        who = by_hand.Who(name=person_acting(by), reason=reason)
        lifted = by_hand.resume_sending(app.runtime, who, now=app.now())
    if place.json:
        print_json({"lifted": lifted})
    else:
        say(f"Lifted: {', '.join(lifted)}." if lifted else "Nothing was paused.", style="green")


def status(context: typer.Context) -> None:
    """Say whether mail may leave, what stops or slows it, and when the queue will be empty."""
    from nurture.engine import sending

    place = place_of(context)
    with opened(place) as app:
        found = sending.look(app.runtime, now=app.now())
        with app.database.read() as connection:
            zone = app.runtime.in_force(connection).project.workspace.time_zone
    if place.json:
        print_json(found)
    else:
        _show(found, zone)
    wrong = found.off or found.slowed or found.warnings or found.late or found.parked
    wrong = wrong or found.failed.mails
    raise typer.Exit(FINDINGS if wrong else DONE)


def _show(found: Sending, zone: str) -> None:
    from nurture.engine.moments import say_time
    from nurture.engine.sending import TRY_AGAIN, say_failed

    for switch in found.off:
        end = f" until {say_time(switch.until, zone)}" if switch.until else ""
        say(f"{switch.what} is off{end}: {switch.reason}", style="yellow")
    if not found.off:
        say("Mail may leave.", style="green")
    for switch in found.slowed:
        end = f" until {say_time(switch.until, zone)}" if switch.until else ""
        say(f"{switch.title} is slowed down{end}: {switch.reason}", style="yellow")
    for warning in found.warnings:
        say(f"Warning: {warning}", style="yellow")
    for limit in found.limits:
        more = "" if limit.left else f"; the next at {say_time(limit.free_at, zone)}"
        say(f"Limit: {limit.why}; {limit.left} may leave now{more}")
    if found.waiting:
        _show_queue(found, zone)
    for step in found.late:
        say(
            f"Late: {step.mails} of {step.sequence}/{step.step} since "
            f"{say_time(step.since, zone)}; decide with `nurture sending late`",
            style="yellow",
        )
    if found.leaving_since:
        since = say_time(found.leaving_since, zone)
        say(f"Leaving: {found.leaving}, being handed over since {since}")
    if found.failed.mails:
        say(f"Failed: {say_failed(found.failed)}; {TRY_AGAIN}", style="yellow")
    if found.uncertain:
        say(f"In doubt: {found.uncertain} may or may not have left; see `nurture message list`")
    if found.parked:
        say(
            f"Parked: {found.parked} stayed in doubt; settle them with `nurture message resolve`",
            style="yellow",
        )


def _show_queue(found: Sending, zone: str) -> None:
    from nurture.engine.moments import say_seconds, say_time

    if found.due:
        age = say_seconds(int(found.oldest_for.total_seconds())) if found.oldest_for else "now"
        say(f"Due: {found.due}; the oldest was planned {age}{' ago' if age != 'now' else ''}")
    rows = [
        (group.mails, group.reason, say_time(group.first_at, zone), say_time(group.last_at, zone))
        for group in found.held
    ]
    if rows:
        say(table(["held", "because", "first may ask again", "last"], rows, right=["held"]))
    if found.only_late:
        end = "when a person has decided about the late mails"
    elif found.empty_at is None:
        end = "in more than sixty days"
    else:
        end = f"{say_time(found.empty_at, zone)} at the earliest; caps per person are not in it"
    condition = "if sending went on now: " if found.begins_at is None else ""
    say(f"Empty: {condition}{end}")


def late(
    context: typer.Context,
    step: Annotated[str, typer.Argument(help="SEQUENCE/STEP, as `nurture sending status` says.")],
    send: Annotated[bool, typer.Option("--send", help="Send them; windows and caps hold.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Do not send them.")] = False,
    by: By = None,
) -> None:
    """Decide about mails that are late and whose step says `late: ask`."""
    from nurture.engine import sending

    if send is skip:
        raise MisuseError("choose --send (late is better than never) or --skip (it is not)")
    place = place_of(context)
    with opened(place) as app:
        done, count = sending.decide_late(
            app.runtime, step, send=send, by=person_acting(by), now=app.now()
        )
    if place.json:
        print_json({"step": step, "mails": count, "done": done})
    else:
        say(f"{count} mails of {step} are {done}.", style="green")
