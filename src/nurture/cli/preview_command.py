"""`nurture preview`: one mail as somebody would get it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.place import Place, opened, place_of
from nurture.cli.show import print_json, say
from nurture.core.errors import MisuseError

if TYPE_CHECKING:
    from nurture.core.message import RenderedMail
    from nurture.core.project import Project

NO_SECRET = "-" * 32
"""Signs the links of previews: nobody's links, and good for nothing."""


def preview(
    context: typer.Context,
    template: Annotated[str, typer.Argument(help="The mail, as its file is called.")],
    lead: Annotated[
        str | None, typer.Option(help="For this lead: id, beginning of it, or address.")
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="For a made-up lead (default).")] = False,
    persona: Annotated[
        str | None, typer.Option(help="As if they were of this persona; '' for none.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write the HTML to this file.")] = None,
) -> None:
    """Render a mail from the files as they are now, and send nothing."""
    if lead and sample:
        raise MisuseError("choose either --lead or --sample")
    place = place_of(context)
    mail = _mail(place, template, lead, persona)
    if out is not None:
        out.write_text(mail.html, encoding="utf-8")
    if place.json:
        print_json(mail)
        return
    say(f"From:    {mail.sender.name} <{mail.sender.email}>")
    say(f"To:      {mail.recipient.name} <{mail.recipient.email}>")
    say(f"Subject: {mail.subject}", style="bold")
    say()
    say(mail.text)
    for number, link in enumerate(mail.links, start=1):
        say(f"Link {number}: {link}", style="dim")
    if out is not None:
        say(f"HTML written to {out}", style="green")


def _mail(place: Place, template: str, lead: str | None, persona: str | None) -> RenderedMail:
    from nurture.bootstrap import derive
    from nurture.engine.mailroom import Mailroom
    from nurture.engine.person import find_lead
    from nurture.engine.preview import preview as render
    from nurture.engine.samples import sample_lead
    from nurture.store import leads

    project = _project(place)
    mailroom = Mailroom(secrets=derive(NO_SECRET))
    if lead is None:
        now = place.clock()
        made_up = sample_lead(project, now=now)
        return render(project, mailroom, template, made_up, now=now, persona=persona)
    with opened(place) as app, app.database.read() as connection:
        lead_id = find_lead(connection, lead)
        found = leads.read(connection, [lead_id])[lead_id]
        return render(project, mailroom, template, found, now=app.now(), persona=persona)


def _project(place: Place) -> Project:
    import os

    from nurture.project.load import load_folder

    return load_folder(place.home, os.environ)
