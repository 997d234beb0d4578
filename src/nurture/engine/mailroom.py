"""The mailroom: compiled templates, and one message rendered with its links and headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from nurture.core.errors import RenderError
from nurture.core.lead import Lead
from nurture.core.message import (
    Address,
    Message,
    OutgoingMessage,
    Pieces,
    RenderedMail,
    address_of,
)
from nurture.core.project import Project, Template, Workspace
from nurture.core.token import Keyring, Purpose
from nurture.engine.links import links_of_messages, message_link
from nurture.engine.runtime import Secrets
from nurture.engine.template_place import as_written
from nurture.engine.values import read_by
from nurture.project.check_mails import allowed_names
from nurture.render.constants import Constants
from nurture.render.environment import plain
from nurture.render.grammar import Path
from nurture.render.headers import (
    Headers,
    ListIdentity,
    check_unsubscribe,
    reply_headers,
    shared_list_headers,
    unsubscribe_header,
)
from nurture.render.mail import Envelope, MailTemplate, compile_mail, render_mail
from nurture.render.pieces import Cutter, cutter

_OWN_LINKS = {
    "preferences_url": Purpose.PREFERENCES,
    "view_url": Purpose.VIEW,
}
_Key = tuple[str, str, str]
_Pairs = tuple[tuple[str, str], ...]
_MOST_COMPILED = 200
_Links = Callable[[str], Callable[[int], str]]
"""Gives a message's links of one kind by number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stationery:
    """What all messages share that one sequence sends by one template.

    `own_links` are the message's own links that its template shows, `redirects` those that it
    puts for others; `cutter` cuts its mails; `headers` are in each of them.
    """

    template: MailTemplate
    cutter: Cutter | None
    redirects: _Links
    unsubscribe: _Links
    own_links: Mapping[str, _Links]
    sender: Address
    headers: Headers
    mailto: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailroom:
    """Renders messages. A template is compiled, or found wrong, once for each version.

    `in_pieces`: for a transport that sends many mails in one call.
    """

    secrets: Secrets
    in_pieces: bool = False
    _ready: dict[_Key, _Stationery | RenderError] = field(default_factory=dict, repr=False)

    def outgoing(self, project: Project, message: Message, recipient: Address) -> OutgoingMessage:
        """Return the message as it leaves; the same row gives the same bytes every time."""
        mail, pieces = self._render(project, message, recipient)
        return OutgoingMessage(
            uid=message.uid,
            attempt_uid=f"{message.uid}-{message.epoch + 1}",
            mail=mail,
            planned_at=message.planned_at,
            categories=(message.sequence, message.template),
            pieces=pieces,
        )

    def links(self, project: Project, message: Message, recipient: Address) -> tuple[str, ...]:
        """Return the message's own link table: where its numbered redirects lead."""
        return self._render(project, message, recipient)[0].links

    def _stationery(self, project: Project, message: Message) -> _Stationery:
        key = (project.content_hash, message.sequence, message.template)
        found = self._ready.get(key)
        if found is None:
            found = self._ready[key] = _prepare(
                project, message, self.secrets.links, in_pieces=self.in_pieces
            )
        if isinstance(found, RenderError):
            raise found
        return found

    def _render(
        self, project: Project, message: Message, recipient: Address
    ) -> tuple[RenderedMail, Pieces | None]:
        paper = self._stationery(project, message)
        uid = message.uid
        unsubscribe = paper.unsubscribe(uid)(0)
        values = {**message.slots, "unsubscribe_url": unsubscribe, "form_url": ""}
        for name, own in paper.own_links.items():
            values[name] = own(uid)(0)
        if message.form:
            values["form_url"] = self._form_link(project.workspace.public_url, message)
        envelope = Envelope(
            sender=paper.sender,
            recipient=recipient,
            reply_to=project.workspace.reply_to or None,
            headers=(unsubscribe_header(unsubscribe, paper.mailto + uid), *paper.headers),
        )
        link_url = paper.redirects(uid)
        try:
            mail = render_mail(paper.template, values, envelope=envelope, link_url=link_url)
        except RenderError as error:
            raise as_written(project, message.template, error) from None
        pieces = paper.cutter.cut(mail, values, link_url=link_url) if paper.cutter else None
        return mail, pieces

    def _form_link(self, public_url: str, message: Message) -> str:
        return message_link(
            self.secrets.links, public_url, Purpose.FORM, message.uid, message.planned_at
        )


def addressed_to(lead: Lead) -> Address:
    """Return where a mail to the lead goes."""
    return address_of(lead.email, lead.profile.get("first_name"), lead.profile.get("last_name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """All that a compiled template depends on."""

    template: Template
    partials: _Pairs
    constants: tuple[tuple[str, _Pairs], ...]
    allowed: frozenset[Path]


# Most templates of a release are what they were in the one before, and in the one that waits.
@lru_cache(maxsize=_MOST_COMPILED)
def _compiled(source: _Source) -> MailTemplate:
    constants = {name: dict(fields) for name, fields in source.constants}
    return compile_mail(source.template, dict(source.partials), constants, allowed=source.allowed)


def _prepare(
    project: Project, message: Message, ring: Keyring, *, in_pieces: bool
) -> _Stationery | RenderError:
    workspace, template = project.workspace, project.templates[message.template]
    sequence = project.sequences[message.sequence]
    links = {
        purpose: links_of_messages(ring, workspace.public_url, purpose)
        for purpose in (Purpose.CLICK, Purpose.UNSUBSCRIBE, *_OWN_LINKS.values())
    }
    answer_to = workspace.reply_to or workspace.sender_email
    mailto = f"mailto:{answer_to}?subject=unsubscribe%20"
    try:
        # Those of the messages differ from these in hexadecimal digits and the signature.
        check_unsubscribe(links[Purpose.UNSUBSCRIBE]("0")(0), f"{mailto}0")
        names = allowed_names(project)
        source = _Source(
            template=template,
            partials=tuple(project.partials.items()),
            constants=tuple((k, tuple(v.items())) for k, v in constants_of(workspace).items()),
            allowed=names,
        )
        compiled = _compiled(source)
        shown = {path[0] for path in read_by(project, template)}
        cuts = cutter(compiled) if in_pieces else None
        headers = shared_list_headers(
            ListIdentity(
                key=sequence.name,
                title=sequence.title,
                domain=workspace.sender_email.rpartition("@")[2],
            ),
            public_url=f"{workspace.public_url}/",
            feedback=(template.name, sequence.name),
        )
    except RenderError as error:
        return as_written(project, message.template, error)
    return _Stationery(
        template=compiled,
        cutter=cuts,
        redirects=links[Purpose.CLICK],
        unsubscribe=links[Purpose.UNSUBSCRIBE],
        own_links={name: links[purpose] for name, purpose in _OWN_LINKS.items() if name in shown},
        sender=Address(name=workspace.sender_name, email=workspace.sender_email),
        headers=headers + (reply_headers() if template.answers_form else ()),
        mailto=mailto,
    )


def constants_of(workspace: Workspace) -> Constants:
    """Return the values that are the same in every mail."""
    return {
        "company": {name: plain(text) for name, text in workspace.company.items()},
        "sender": {"name": plain(workspace.sender_name), "email": plain(workspace.sender_email)},
    }
