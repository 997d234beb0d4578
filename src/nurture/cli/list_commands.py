"""`nurture segment import|remove`: who is put on a list of people, and who is taken off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.lead_actions import By
from nurture.cli.place import opened, person_acting, place_of
from nurture.cli.rejects import Rejects, must_be_new, write_rejects
from nurture.cli.segment_commands import Name
from nurture.cli.show import print_json, say, shown
from nurture.core.errors import MisuseError, RefusedInput

if TYPE_CHECKING:
    from nurture.bootstrap import App

MOST_NAMED = 5


def import_list(
    context: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(help="A CSV file with a column called email.")],
    put_back: Annotated[
        bool, typer.Option("--put-back", help="Also put back who was taken off before.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why they are put back.")] = "",
    by: By = None,
    rejects: Rejects = None,
) -> None:
    """Put the leads of a file on the list of a segment; importing it twice adds nobody."""
    from nurture.engine.by_hand import Who
    from nurture.engine.lists import import_list as put, strangers

    if put_back and not reason.strip():
        raise MisuseError("--put-back needs --reason: somebody took these people off the list")
    place = place_of(context)
    back = Who(name=person_acting(by), reason=reason.strip()) if put_back else None
    content = file.read_bytes()
    must_be_new(rejects)
    try:
        with opened(place) as app:
            found = put(app.runtime, name, content, now=app.now(), back=back)
    except RefusedInput as error:
        raise RefusedInput(f"{file}: {error}") from None
    written = write_rejects(strangers(content, found.unknown), file, rejects)
    if place.json:
        print_json({**_counts(found), "rejects_file": written})
        return
    say(f"{found.added} put on the list '{name}', {found.already} were on it before.")
    if found.held:
        say(f"{found.held} were taken off before and stay off; --put-back brings them back.")
    _say_unknown(found.unknown)
    if written is not None:
        say(f"Their rows are in {written}: `nurture import` brings leads in; then import that file")
        say("as a list once more.")


def remove(
    context: typer.Context,
    name: Name,
    reason: Annotated[str, typer.Option(help="Why: kept with it and shown in the lead's story.")],
    lead: Annotated[
        str | None, typer.Argument(help="The lead: its address or id.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="Instead of one lead, a CSV file with a column email.")
    ] = None,
    by: By = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count who would be taken off, and store nothing.")
    ] = False,
) -> None:
    """Take one lead, or those of a file, off the list of a segment; twice changes nothing."""
    from nurture.engine.by_hand import Who
    from nurture.engine.lists import Removal, take_off

    if (lead is None) == (file is None):
        raise MisuseError("name either one lead or a --file, not both")
    if not reason.strip():
        raise MisuseError("--reason: say why; everybody who looks at the lead will read it")
    place = place_of(context)
    who = Who(name=person_acting(by), reason=reason.strip())
    with opened(place) as app:
        wanted = Removal(people=_people(app, lead, file), who=who)
        found = take_off(app.runtime, name, wanted, now=app.now(), dry_run=dry_run)
    if place.json:
        print_json({**_counts(found), "dry_run": dry_run})
        return
    would = "would be " if dry_run else ""
    say(f"{found.removed} {would}taken off the list '{name}', {found.not_on} were not on it.")
    _say_unknown(found.unknown)
    if dry_run:
        say("Nothing was stored; leave --dry-run out to do it.", style="yellow")


def _people(app: App, lead: str | None, file: Path | None) -> Sequence[str] | int:
    from nurture.engine.lists import addresses_of
    from nurture.engine.person import find_lead

    if file is not None:
        return addresses_of(file.read_bytes())
    assert lead is not None
    with app.database.read() as connection:
        return find_lead(connection, lead)


def _counts(found: object) -> dict[str, object]:
    from nurture.cli.show import plain

    told = plain(found)
    assert isinstance(told, dict)
    return told


def _say_unknown(unknown: Sequence[str]) -> None:
    if unknown:
        few = ", ".join(unknown[:MOST_NAMED])
        more = f" and {len(unknown) - MOST_NAMED} more" if len(unknown) > MOST_NAMED else ""
        say(f"{len(unknown)} are no leads of ours: {shown(few)}{more}.", style="yellow")
