"""`nurture message retry`: mail that has failed is tried once more, when its cause is mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.lead_actions import By
from nurture.cli.message_commands import Told
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.show import print_json, say
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.bootstrap import App
    from nurture.store.doubts import Selection


def retry(
    context: typer.Context,
    uids: Annotated[
        list[str] | None, typer.Argument(help="The mails' ids, or the beginnings of them.")
    ] = None,
    reason: Annotated[
        str, typer.Option(help="What is mended, or why else. Kept in the ledger.")
    ] = "",
    transport: Annotated[str, typer.Option(help="Refused to this transport.")] = "",
    step: Annotated[str, typer.Option(help="Of this SEQUENCE/STEP, or SEQUENCE.")] = "",
    after: Annotated[str, typer.Option(help="Failed at this time or after it.")] = "",
    before: Annotated[str, typer.Option(help="Failed before this time.")] = "",
    yes: Annotated[
        int | None, typer.Option(min=1, help="How many mails that are; you have looked at it.")
    ] = None,
    by: By = None,
) -> None:
    """Try failed mail once more. It passes the last gate again, and leaves only if it may still."""
    from nurture.engine import retrying
    from nurture.engine.by_hand import Who

    told = Told(transport=transport, step=step, after=after, before=before, parked=False)
    if not reason.strip():
        raise MisuseError("say with --reason what is mended; the ledger keeps it")
    if bool(uids) is told.says_something:
        raise MisuseError("name mails by their ids, or say which with --transport, --after, ...")
    place = place_of(context)
    with opened(place) as app:
        now, who = app.now(), Who(name=person_acting(by), reason=reason.strip())
        if uids:
            mails = retrying.retry(app.runtime, uids, who, now=now)
        else:
            wanted = _seen(app, told, yes)
            mails = retrying.retry_all(app.runtime, wanted, who, count=yes or 0, now=now)
    if place.json:
        print_json({"uids": [mail.uid for mail in mails], "done": "ready once more"})
    else:
        many = len(mails) != 1
        what = f"{len(mails)} mails are" if many else "1 mail is"
        say(f"{what} ready once more, and leave{'' if many else 's'} if the last gate agrees.")


def _seen(app: App, told: Told, yes: int | None) -> Selection:
    """Return the selection, if the person has said how many mails that are; else say it."""
    from nurture.store import failures

    with app.database.read() as connection:
        wanted = told.selection(app.runtime.in_force(connection).project.workspace.time_zone)
        assert wanted is not None, "something was said"
        count = len(failures.failed(connection, wanted))
    if not count:
        raise MisuseError("no mail has failed there that may be tried again")
    if yes is None:
        raise MisuseError(f"{count} mails have failed there; if you mean them, say --yes {count}")
    return wanted
