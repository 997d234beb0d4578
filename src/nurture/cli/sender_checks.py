"""What `nurture doctor` finds about us as a sender of mail."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nurture.cli.diagnosis import Check, State
from nurture.core.errors import MisuseError, NurtureError

if TYPE_CHECKING:
    from nurture.bootstrap import App
    from nurture.core.message import RenderedMail
    from nurture.core.project import Project
    from nurture.engine.deliverability import Judged

DNS_VARIABLE = "NURTURE_DNS"
OFF = "off"


def sender_checks(project: Project, app: App) -> Iterator[Check]:
    """Yield what receivers think of mail from here: by one mail, and by the DNS."""
    from nurture.engine.deliverability import judge_mail

    try:
        mail = _tried(project, app)
    except NurtureError as error:
        yield Check(name="mail", state=State.PROBLEM, what=str(error), remedy="nurture check")
    else:
        if mail is not None:
            yield from map(_check, judge_mail(project.workspace, mail))
    yield from _dns(project, app)


def received_checks(file: str) -> Iterator[Check]:
    """Yield what one mail shows that has arrived; `-` is standard input."""
    from nurture.engine.received_copy import MOST_READ, judge_received

    try:
        if file == "-":
            raw = sys.stdin.buffer.read(MOST_READ + 1)
        else:
            with Path(file).open("rb") as opened:
                raw = opened.read(MOST_READ + 1)
    except OSError as error:
        raise MisuseError(f"cannot read {file}: {error.strerror}") from None
    yield from map(_check, judge_received(raw))


def _dns(project: Project, app: App) -> Iterator[Check]:
    from nurture.engine.deliverability import judge_dns
    from nurture.transports.dns import DnsResolver

    wanted = app.settings.env.get(DNS_VARIABLE, "")
    if wanted == OFF or (not wanted and project.workspace.transport.kind == "outbox"):
        why = f"{DNS_VARIABLE} is off" if wanted else "mail goes to a folder"
        yield Check(
            name="dns", state=State.NOTE, what=f"SPF, DKIM, DMARC and MX were not looked up: {why}"
        )
        return
    try:
        resolver = DnsResolver(wanted)
    except MisuseError as error:
        yield Check(name="dns", state=State.PROBLEM, what=f"{DNS_VARIABLE}: {error}")
        return
    yield from map(_check, judge_dns(project.workspace, resolver))


def _tried(project: Project, app: App) -> RenderedMail | None:
    """Return the first mail that a sequence sends, for a made-up lead."""
    from nurture.core.sequence import EmailStep
    from nurture.engine.mailroom import Mailroom
    from nurture.engine.preview import preview
    from nurture.engine.samples import sample_lead

    now = app.now()
    steps = (step for sequence in project.sequences.values() for step in sequence.steps)
    sent = next((step.template for step in steps if isinstance(step, EmailStep)), None)
    if sent is None:
        return None
    mailroom = Mailroom(secrets=app.runtime.secrets)
    return preview(project, mailroom, sent, sample_lead(project, now=now), now=now)


def _check(judged: Judged) -> Check:
    return Check(
        name=judged.name, state=State(judged.grade), what=judged.what, remedy=judged.remedy
    )
