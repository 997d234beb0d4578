"""Every mail of the starter project, rendered for one lead, as the engine would send it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from nurture.core.message import Address, OutgoingMessage
from nurture.project.load import load_folder
from nurture.render.headers import ListIdentity, list_headers
from nurture.render.mail import Envelope, compile_mail, render_mail

ROOT = Path(__file__).parents[2]
PLANNED = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
SENDER = Address(name="Ingrid from Havelock Air", email="ingrid@mail.havelock-air.example")
RECIPIENT = Address(name="Łukasz Müller, GmbH", email="l.mueller@plant.example")


def letters() -> list[OutgoingMessage]:
    """Return one message for each template of the starter."""
    project = load_folder(ROOT, {})
    known = {
        "lead": {f.name: "" for f in project.fields.values() if f.owner == "lead"},
        "account": {f.name: "" for f in project.fields.values() if f.owner == "account"},
    }
    known["lead"] |= {"first_name": "Łukasz", "email": RECIPIENT.email}
    base = "https://mail.havelock-air.example"
    values = {
        **known,
        "company": project.workspace.company,
        "sender": {"name": SENDER.name, "email": SENDER.email},
        "unsubscribe_url": f"{base}/u/token",
        "preferences_url": f"{base}/p/token",
        "view_url": f"{base}/v/token",
        "form_url": f"{base}/f/token",
    }
    made = []
    for number, template in enumerate(project.templates.values()):
        headers = list_headers(
            ListIdentity(key="welcome", title="Welcome", domain="mail.havelock-air.example"),
            one_click_url=f"{base}/u/token",
            mailto=f"mailto:{SENDER.email}?subject=unsubscribe",
            feedback=(template.name, "welcome"),
        )
        mail = render_mail(
            compile_mail(template, project.partials),
            values,
            envelope=Envelope(
                sender=SENDER, recipient=RECIPIENT, reply_to=SENDER.email, headers=headers
            ),
            link_url=lambda n: f"{base}/c/{n}",
        )
        made.append(
            OutgoingMessage(
                uid=f"{number:032x}",
                attempt_uid=f"{number + 1000:032x}",
                mail=mail,
                planned_at=PLANNED,
                categories=("welcome", template.name),
            )
        )
    return made
