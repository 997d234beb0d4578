"""`nurture message list|resolve`: mail that stands still, and mail in doubt settled by a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.lead_actions import By, read_time
from nurture.cli.place import Place, opened, person_acting, place_of
from nurture.cli.show import print_json, say, table, warn
from nurture.core.errors import MisuseError
from nurture.core.message import MessageState

if TYPE_CHECKING:
    from nurture.bootstrap import App
    from nurture.engine.held import Held
    from nurture.store.doubts import InDoubt, Selection

Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How much held mail is shown.")]
Transport = Annotated[str, typer.Option(help="In doubt, and tried by this transport.")]
Step = Annotated[str, typer.Option(help="In doubt, and of this SEQUENCE/STEP, or SEQUENCE.")]
After = Annotated[str, typer.Option(help="In doubt, and tried at this time or after it.")]
Before = Annotated[str, typer.Option(help="In doubt, and tried before this time.")]
Parked = Annotated[bool, typer.Option("--parked", help="In doubt, and parked for a person.")]


def list_messages(
    context: typer.Context,
    limit: Limit = 50,
    transport: Transport = "",
    step: Step = "",
    after: After = "",
    before: Before = "",
    parked: Parked = False,
) -> None:
    """List mail in doubt, longest first, and mail that is held: why, and what will settle it."""
    from nurture.bootstrap.ways import make_ways
    from nurture.engine import held
    from nurture.engine.moments import Zones, say_seconds
    from nurture.engine.sending import TRY_AGAIN, say_failed
    from nurture.store import failures, leads

    place = place_of(context)
    told = Told(transport=transport, step=step, after=after, before=before, parked=parked)
    with opened(place) as app:
        now, evidences = app.now(), make_ways(app).evidences
        with app.database.read() as connection:
            home = app.runtime.in_force(connection).project.workspace.time_zone
        wanted = told.selection(home)
        found = held.look(app.runtime, evidences, limit=limit, now=now, selection=wanted)
        with app.database.read() as connection:
            people = leads.read(connection, sorted({mail.lead_id for mail in found.mails}))
            failed = failures.lately(connection, now=now)
    if found.more:
        kind = "held" if wanted is None else "in doubt there"
        warn(f"{found.more} more are {kind}; see more of them with --limit")
    if place.json:
        print_json([_as_json(mail, people[mail.lead_id].uid) for mail in found.mails])
        return
    if failed.mails:
        say(f"{say_failed(failed)}; {TRY_AGAIN}", style="yellow")
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
    if any(mail.state in ("uncertain", "parked") for mail in found.mails):
        say("Look at the provider for an id, then: nurture message resolve ID --sent, or --again,")
        say("and --reason with what you saw. Many at once: see `nurture message resolve --help`.")


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
    uids: Annotated[
        list[str] | None, typer.Argument(help="The mails' ids, or the beginnings of them.")
    ] = None,
    sent: Annotated[bool, typer.Option("--sent", help="It did leave: count it as sent.")] = False,
    again: Annotated[
        bool, typer.Option("--again", help="It did not leave: send it with the next tick.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why you know it: what you saw, and where. Kept in the ledger.")
    ] = "",
    transport: Transport = "",
    step: Step = "",
    after: After = "",
    before: Before = "",
    parked: Parked = False,
    yes: Annotated[
        int | None, typer.Option(min=1, help="How many mails that are; you have looked at them.")
    ] = None,
    by: By = None,
) -> None:
    """Settle mail in doubt. Only evidence should decide: sent again, it may arrive twice."""
    from nurture.engine import settling
    from nurture.engine.by_hand import Who

    told = Told(transport=transport, step=step, after=after, before=before, parked=parked)
    if sent is again:
        raise MisuseError("choose --sent (it did leave) or --again (send it once more)")
    if not reason.strip():
        raise MisuseError("say with --reason why you know it; the ledger keeps it")
    if bool(uids) is told.says_something:
        raise MisuseError("name mails by their ids, or say which with --transport, --step, ...")
    place = place_of(context)
    with opened(place) as app:
        now, who = app.now(), Who(name=person_acting(by), reason=reason.strip())
        if uids:
            settled = settling.settle(app.runtime, uids, who, sent=sent, now=now)
        else:
            wanted = _seen(app, told, yes)
            count = yes or 0
            settled = settling.settle_all(app.runtime, wanted, who, count=count, sent=sent, now=now)
    _say_settled(place, settled, sent=sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Which mails in doubt are meant, as it was typed."""

    transport: str
    step: str
    after: str
    before: str
    parked: bool

    @property
    def says_something(self) -> bool:
        """Whether anything was said at all."""
        return any((self.transport, self.step, self.after, self.before, self.parked))

    def selection(self, zone: str) -> Selection | None:
        """Return what is meant, None if nothing was said; times without a zone are in this one."""
        from nurture.store.doubts import Selection

        if not self.says_something:
            return None
        sequence, _, step = self.step.partition("/")
        return Selection(
            transport=self.transport,
            sequence=sequence,
            step=step,
            after=read_time(self.after, zone) if self.after else None,
            before=read_time(self.before, zone) if self.before else None,
            parked=self.parked,
        )


def _seen(app: App, told: Told, yes: int | None) -> Selection:
    """Return the selection, if the person has said how many mails that are; else say it."""
    from nurture.store import doubts

    with app.database.read() as connection:
        wanted = told.selection(app.runtime.in_force(connection).project.workspace.time_zone)
        assert wanted is not None, "something was said"
        found = doubts.in_doubt(connection, selection=wanted)
    if not found:
        raise MisuseError("no mail is in doubt there; see `nurture message list`")
    if yes is None:
        waiting = sum(mail.state is not MessageState.PARKED for mail in found)
        more = f" ({waiting} of them may still be settled by a report)" if waiting else ""
        raise MisuseError(
            f"{len(found)} mails are in doubt there{more}; look at them with `nurture message"
            f" list` and the same options, then say --yes {len(found)}"
        )
    return wanted


def _say_settled(place: Place, settled: Sequence[InDoubt], *, sent: bool) -> None:
    said = "counts as sent" if sent else "is sent again with the next tick, if it still may leave"
    if place.json and len(settled) == 1:
        print_json({"uid": settled[0].uid, "done": said})
    elif place.json:
        print_json({"uids": [mail.uid for mail in settled], "done": said})
    elif len(settled) == 1:
        say(f"Mail {settled[0].uid[:12]} ({settled[0].template}) {said}.")
    else:
        again = "are sent again with the next tick, if they still may leave"
        what = "count as sent" if sent else again
        say(f"{len(settled)} mails {what}.")
