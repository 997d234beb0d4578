"""The mailroom: compiled templates, and one message rendered with its links and headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from nurture.core.lead import Lead
from nurture.core.message import Address, Message, OutgoingMessage, RenderedMail
from nurture.core.project import Project
from nurture.core.token import Grant, Purpose, public_id
from nurture.engine.links import link, message_link
from nurture.engine.runtime import Secrets
from nurture.render.headers import Headers, ListIdentity, list_headers
from nurture.render.mail import Envelope, MailTemplate, compile_mail, render_mail


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailroom:
    """Renders messages. A template is compiled once per version and kept."""

    secrets: Secrets
    _compiled: dict[tuple[str, str], MailTemplate] = field(default_factory=dict, repr=False)

    def outgoing(self, project: Project, message: Message, lead: Lead) -> OutgoingMessage:
        """Return the message as it leaves; the same row gives the same bytes every time."""
        epoch = message.epoch + 1
        return OutgoingMessage(
            uid=message.uid,
            attempt_uid=public_id(self.secrets.identity, f"attempt/{message.uid}/{epoch}"),
            mail=self._render(project, message, lead),
            planned_at=message.planned_at,
            categories=(message.sequence, message.template),
        )

    def links(self, project: Project, message: Message, lead: Lead) -> tuple[str, ...]:
        """Return the message's own link table: where its numbered redirects lead."""
        return self._render(project, message, lead).links

    def _template(self, project: Project, name: str) -> MailTemplate:
        template = project.templates[name]
        key = (name, template.version)
        found = self._compiled.get(key)
        if found is None:
            found = compile_mail(template, project.partials)
            self._compiled[key] = found
        return found

    def _render(self, project: Project, message: Message, lead: Lead) -> RenderedMail:
        workspace = project.workspace
        own = partial(self._own_link, workspace.public_url, message)
        unsubscribe = own(Purpose.UNSUBSCRIBE)
        values = {
            **message.slots,
            "company": workspace.company,
            "sender": {"name": workspace.sender_name, "email": workspace.sender_email},
            "unsubscribe_url": unsubscribe,
            "preferences_url": own(Purpose.PREFERENCES),
            "view_url": own(Purpose.VIEW),
            "form_url": own(Purpose.FORM) if message.form else "",
        }
        name = " ".join(
            str(lead.profile[key]) for key in ("first_name", "last_name") if lead.profile.get(key)
        )
        envelope = Envelope(
            sender=Address(name=workspace.sender_name, email=workspace.sender_email),
            recipient=Address(name=name, email=lead.email),
            reply_to=workspace.reply_to or None,
            headers=self._headers(project, message, unsubscribe),
        )
        return render_mail(
            self._template(project, message.template),
            values,
            envelope=envelope,
            link_url=partial(self._redirect, workspace.public_url, message.uid),
        )

    def _headers(self, project: Project, message: Message, unsubscribe_url: str) -> Headers:
        workspace = project.workspace
        domain = workspace.sender_email.rpartition("@")[2]
        sequence = project.sequences[message.sequence]
        identity = ListIdentity(key=sequence.name, title=sequence.title, domain=domain)
        answer_to = workspace.reply_to or workspace.sender_email
        return list_headers(
            identity,
            one_click_url=unsubscribe_url,
            mailto=f"mailto:{answer_to}?subject=unsubscribe%20{message.uid}",
            feedback=(message.template, message.sequence),
        )

    def _own_link(self, public_url: str, message: Message, purpose: Purpose) -> str:
        return message_link(
            self.secrets.links, public_url, purpose, message.uid, message.planned_at
        )

    def _redirect(self, public_url: str, uid: str, number: int) -> str:
        grant = Grant(purpose=Purpose.CLICK, subject=uid, number=number)
        return link(self.secrets.links, public_url, grant)
