"""Finished messages: ours, a bare loop for this one mail, and the standard library's way.

The bare loop is made for this mail and no other: three documents, one for each branch, whose CSS
was inlined beforehand, their values filled in by plain Jinja2, and an assembler of a dozen lines.
It gives the same bytes as ours, which is checked before anything is timed.
"""

from __future__ import annotations

import email.policy
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial

import jinja2
from engine import SECRETS
from people import NOW, SEQUENCE, TEMPLATE, Person, person, project, shown

from nurture.core.message import Address, Message, MessageState, RenderedMail
from nurture.core.project import Project
from nurture.core.token import Purpose, public_id, signer
from nurture.engine.mailroom import Mailroom
from nurture.render.mime import to_bytes

Make = Callable[[Person], bytes]
"""What turns one lead into the bytes of its message."""

Planned = dict[int, Message]
"""Messages by lead, as planning has left them."""

CHECKED = 300
FOLD_AT = 78
SCORES = (0, 20, 60)
"""The lowest scores of the three branches."""


class Ours:
    """The engine's own way, from a planned message to its bytes."""

    def __init__(self, *, folded: bool = True) -> None:
        self.project = project()
        self.mailroom = Mailroom(secrets=SECRETS)
        # Planning is not what is measured: the rows are there before a mail is made.
        self.planned: Planned = {}
        if not folded:
            unfold(self.mailroom, self.project)

    def plan(self, leads: Sequence[Person]) -> None:
        """Have the messages of these leads ready."""
        self.planned = {lead.id: message(lead) for lead in leads}

    def __call__(self, lead: Person) -> bytes:
        planned = self.planned[lead.id]
        return to_bytes(self.mailroom.outgoing(self.project, planned, recipient(lead)))

    def mail(self, lead: Person) -> RenderedMail:
        """Return the rendered mail, before it becomes bytes."""
        return self.mailroom.outgoing(self.project, message(lead), recipient(lead)).mail


def unfold(mailroom: Mailroom, programme: Project) -> None:
    """Let the mailroom render every mail the plain way from now on."""
    mailroom.outgoing(programme, message(person(1)), recipient(person(1)))
    ready = mailroom._ready  # noqa: SLF001 (there is no setting for this, and need not be one)
    for key, paper in ready.items():
        assert not isinstance(paper, Exception)
        ready[key] = replace(paper, template=replace(paper.template, folded=None))


def message(lead: Person) -> Message:
    """Return the planned message of a lead, its values pinned."""
    return Message(
        id=lead.id,
        uid=public_id(b"bench", str(lead.id)),
        lead_id=lead.id,
        enrollment_id=lead.id,
        release_id=1,
        sequence=SEQUENCE,
        step="mail",
        template=TEMPLATE,
        topic="guides",
        window="office-hours",
        form="",
        slots=shown(lead),
        state=MessageState.READY,
        tries=0,
        epoch=0,
        not_before=NOW,
        expires_at=None,
        planned_at=NOW,
    )


def recipient(lead: Person) -> Address:
    """Return where the mail goes."""
    return Address(name=lead.first_name, email=lead.email)


class Bare:
    """The least code that makes the same bytes for this mail."""

    def __init__(self) -> None:
        ours = Ours()
        shown = jinja2.Environment(autoescape=True, keep_trailing_newline=True)
        plain = jinja2.Environment(autoescape=False, keep_trailing_newline=True)  # noqa: S701 (text)
        mails = [_patterns(ours.mail(_marked(score)), score) for score in SCORES]
        self.html = [shown.from_string(html) for html, _ in mails]
        self.text = [plain.from_string(text) for _, text in mails]
        self.url = project().workspace.public_url
        self.date = format_datetime(NOW)

    def values(self, lead: Person) -> dict[str, str | int]:
        """Return what the patterns show."""
        uid = public_id(b"bench", str(lead.id))
        click = signer(SECRETS.links, Purpose.CLICK, uid)
        values: dict[str, str | int] = {
            "uid": uid,
            "unsubscribe": f"{self.url}/u/{signer(SECRETS.links, Purpose.UNSUBSCRIBE, uid)(0)}",
            "preferences": f"{self.url}/p/{signer(SECRETS.links, Purpose.PREFERENCES, uid)(0)}",
            **{f"link{number}": f"{self.url}/c/{click(number)}" for number in range(4)},
            "first_name": lead.first_name,
            "email": lead.email,
            "role": lead.role,
            "score": lead.score,
            "company": lead.company,
            "industry": lead.industry,
        }
        return values

    def rendered(self, lead: Person) -> tuple[dict[str, str | int], str, str, str]:
        """Return the values, the subject, the HTML and the text."""
        values = self.values(lead)
        branch = sum(lead.score >= lowest for lowest in SCORES) - 1
        html, text = self.html[branch].render(values), self.text[branch].render(values)
        subject = f"{lead.first_name}, day 3 at {lead.company}: what a plant like yours finds first"
        return values, subject, html, text

    def __call__(self, lead: Person) -> bytes:
        values, subject, html, text = self.rendered(lead)
        edge = f"--=_{values['uid']}"
        head = "\r\n".join(f"{name}: {value}" for name, value in self.headers(values, subject))
        return (
            f'{head}\r\nContent-Type: multipart/alternative;\r\n boundary="{edge[2:]}"\r\n\r\n'
            f"{edge}\r\n{_part('plain', text)}{edge}\r\n{_part('html', html)}{edge}--\r\n"
        ).encode()

    def headers(self, values: dict[str, str | int], subject: str) -> list[tuple[str, str]]:
        """Return the headers of one message."""
        domain = "mail.havelock-air.example"
        mailto = f"mailto:ingrid@havelock-air.example?subject=unsubscribe%20{values['uid']}"
        return [
            ("From", f"Ingrid from Havelock Air <ingrid@{domain}>"),
            ("To", f"{values['first_name']} <{values['email']}>"),
            ("Reply-To", "ingrid@havelock-air.example"),
            ("Subject", _folded(subject)),
            ("Date", self.date),
            ("Message-ID", f"<{values['uid']}@{domain}>"),
            ("List-Unsubscribe", f"<{values['unsubscribe']}>,\r\n <{mailto}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("List-ID", f"The third mail of a course <{SEQUENCE}.{domain}>"),
            ("Feedback-ID", f"{TEMPLATE}:{SEQUENCE}:{domain}"),
            ("MIME-Version", "1.0"),
        ]


def standard(bare: Bare, lead: Person) -> bytes:
    """Assemble with the standard library what the bare loop has rendered."""
    values, subject, html, text = bare.rendered(lead)
    mail = EmailMessage(policy=email.policy.SMTP)
    for name, value in bare.headers(values, subject):
        if name != "MIME-Version":
            mail[name] = value.replace("\r\n", "")
    mail.set_content(text, cte="base64")
    mail.add_alternative(html, subtype="html", cte="base64")
    return mail.as_bytes()


def _marked(score: int) -> Person:
    """Return a lead whose values can be found again in its mail."""
    return person(1)._replace(
        first_name="@first_name@",
        email="@email@",
        role="@role@",
        score=score,
        company="@company@",
        industry="@industry@",
    )


def _patterns(mail: RenderedMail, score: int) -> tuple[str, str]:
    """Turn a mail with marked values back into Jinja2."""
    uid = public_id(b"bench", "1")
    url = project().workspace.public_url
    click = signer(SECRETS.links, Purpose.CLICK, uid)
    found = {
        f"{url}/u/{signer(SECRETS.links, Purpose.UNSUBSCRIBE, uid)(0)}": "unsubscribe",
        f"{url}/p/{signer(SECRETS.links, Purpose.PREFERENCES, uid)(0)}": "preferences",
        **{f"{url}/c/{click(number)}": f"link{number}" for number in range(4)},
        **{f"@{name}@": name for name in ("first_name", "email", "role", "company", "industry")},
        f"Your {score} points": "score",
        f"With {score} points": "score",
        f"so far: {score}.": "score",
    }
    html, text = mail.html, mail.text
    for written, name in found.items():
        slot = f"{{{{ {name} }}}}"
        new = written.replace(str(score), slot) if name == "score" else slot
        html, text = html.replace(written, new), text.replace(written, new)
    assert "@" not in html.replace("@media", ""), "a value was not found again"
    return html, text


def _part(kind: str, body: str) -> str:
    text = b64encode(body.replace("\n", "\r\n").encode()).decode()
    lines = "\r\n".join([text[at : at + 76] for at in range(0, len(text), 76)])
    return (
        f'Content-Type: text/{kind}; charset="utf-8"\r\n'
        f"Content-Transfer-Encoding: base64\r\n\r\n{lines}\r\n"
    )


def _folded(subject: str) -> str:
    line = "Subject:"
    lines = []
    for word in subject.split(" "):
        if len(line) + 1 + len(word) > FOLD_AT:
            lines.append(line)
            line = f" {word}"
        else:
            line += f" {word}"
    return "\r\n".join([*lines, line]).removeprefix("Subject: ")


def makers(count: int) -> dict[str, Make]:
    """Return the ways by name, after checking that the first three give the same bytes."""
    bare = Bare()
    engines = Ours(), Ours(folded=False)
    for one in engines:
        one.plan([person(number) for number in range(1, max(count, CHECKED) + 1)])
    ways: dict[str, Make] = {"ours": engines[0], "unfolded": engines[1], "bare": bare}
    for number in range(1, CHECKED + 1):
        lead = person(number)
        made = {name: make(lead) for name, make in ways.items()}
        for name, content in made.items():
            assert content == made["bare"], f"{name} differs from the bare loop for lead {number}"
    return {**ways, "EmailMessage": partial(standard, bare)}


def rate(make: Make, leads: Sequence[Person]) -> float:
    """Return messages a second of one process."""
    begun = time.perf_counter()
    for lead in leads:
        make(lead)
    return len(leads) / (time.perf_counter() - begun)
