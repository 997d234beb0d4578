"""One mail, rendered for one lead: subject, HTML with inlined CSS, text, links.

There are two ways to the same bytes. The plain one renders the HTML, inlines its CSS, routes its
links and derives the text, for every lead. The folded one has done all of that once, when the
template was compiled, around the places where values stand; see `fold`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import css_inline
from jinja2 import nodes

from nurture.core.errors import RenderError
from nurture.core.message import Address, RenderedMail
from nurture.core.project import Template
from nurture.core.value import value
from nurture.render.constants import Constants, write_down
from nurture.render.effort import ordinary
from nurture.render.environment import Compiled, Flat, clean, compile_flat, flatten, plain
from nurture.render.fold import Folded, fold
from nurture.render.grammar import Path
from nurture.render.links import Links, route, route_text
from nurture.render.markup import MAX_NESTING, Tokenizer, nests_too_deeply
from nurture.render.quick import Parts, quick
from nurture.render.sandbox import HTML, TEXT
from nurture.render.slots import with_slots
from nurture.render.text import finish, mark
from nurture.render.work import Names

DIRECT_NAMES = ("unsubscribe_url", "preferences_url", "view_url", "form_url")
"""Values whose links are not redirected: they act, and the redirect would only delay them."""

MAX_SUBJECT = 250
MAX_NAME = 200
_NO_CONSTANTS: Constants = {}

INLINER = css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)

_HIDDEN = "display:none;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all"
# Blank, but not white space: keeps the inbox preview from running on into the mail's first words.
_FILLER = "&#847;&zwnj;" * 40


@value(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Whom a mail is from and to, and the headers that only this mail has."""

    sender: Address
    recipient: Address
    reply_to: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MailTemplate:
    """A mail ready to render. `version` names the exact texts that it was compiled from.

    `given` are values that are the same in every mail and could not be written down beforehand.
    """

    name: str
    version: str
    subject: Compiled
    html: Compiled
    text: Compiled | None
    folded: Folded | None = field(repr=False)
    given: Constants = field(repr=False)
    flat_html: Flat = field(repr=False)
    flat_text: Flat | None = field(repr=False)


def compile_mail(
    template: Template,
    partials: Mapping[str, str],
    constants: Constants = _NO_CONSTANTS,
    *,
    allowed: Collection[Path] | None = None,
    foldable: bool = True,
) -> MailTemplate:
    """Compile a mail; anything that the allow-list refuses raises RenderError.

    `constants` need not be among the values to render then: they are written down now. With
    `allowed`, no other name may be read. Folding takes a while and gives the same bytes sooner: a
    mail that is rendered once is not worth it.
    """
    names = {part: f"{template.name}{part}" for part in (".html", ".txt", " subject", " preheader")}
    sources = {
        **partials,
        names[".html"]: template.html,
        names[".txt"]: template.text,
        names[" preheader"]: template.preheader,
    }
    flat = flatten(sources, names[".html"], allowed=allowed)
    if template.preheader.strip():
        _insert_preheader(flat, flatten(sources, names[" preheader"], allowed=allowed))
    given = dict(write_down(flat, constants, html=True))
    subject = f"{names[' subject']}.txt"
    written = template.text.strip()
    texts = [flatten({subject: template.subject}, subject, allowed=allowed)]
    texts += [flatten(sources, names[".txt"], allowed=allowed)] if written else []
    for text in texts:
        given |= write_down(text, constants, html=False)
    mail = MailTemplate(
        name=template.name,
        version=template.version,
        subject=compile_flat(texts[0], TEXT),
        html=compile_flat(flat, HTML),
        text=compile_flat(texts[1], TEXT) if written else None,
        folded=fold(flat, partial(_inline, name=flat.name)) if foldable else None,
        given=given,
        flat_html=flat,
        flat_text=texts[1] if written else None,
    )
    return _with_quick_way(mail, texts[0])


def _with_quick_way(mail: MailTemplate, subject: Flat) -> MailTemplate:
    folded, text = mail.folded, mail.flat_text
    if folded is None:
        return mail
    document, marked = folded.trees()
    parts = [document, with_slots(text.body) if text else marked, with_slots(subject.body)]
    reads = {**mail.flat_html.reads, **(text.reads if text else {}), **subject.reads}
    made = quick(mail.name, parts, [folded.html, mail.text or folded.text, mail.subject], reads)
    return replace(mail, folded=replace(folded, quick=made))


def render_mail(
    template: MailTemplate,
    values: Mapping[str, object],
    *,
    envelope: Envelope,
    link_url: Callable[[int], str],
) -> RenderedMail:
    """Render a mail for one lead; `link_url` gives the redirect for a link's number."""
    written, links = _written(template, values, link_url)
    return RenderedMail(
        sender=envelope.sender,
        recipient=_mailable(envelope.recipient),
        reply_to=envelope.reply_to,
        subject=_one_line(template, written.subject),
        html=written.html,
        text=(
            finish(written.text)
            if template.text is None
            else route_text(written.text.strip() + "\n", links)
        ),
        headers=envelope.headers,
        links=links.targets,
    )


def _mailable(recipient: Address) -> Address:
    """Return the address with a display name that any header can hold, on one line."""
    name = recipient.name
    name = " ".join((name if name.isprintable() else plain(name)).split())
    if len(name) > MAX_NAME:
        name = f"{name[: MAX_NAME - 3]}..."
    return recipient if name == recipient.name else replace(recipient, name=name)


def _written(
    template: MailTemplate, values: Mapping[str, object], link_url: Callable[[int], str]
) -> tuple[Parts, Links]:
    """Return the parts as they are written, and the links that were met in them."""
    at_once = template.folded.quick if template.folded else None
    if at_once is not None:
        names = Names({**template.given, **values} if template.given else values)
        if ordinary(names):
            names["_links"] = links = _links(names, link_url)
            parts = at_once.write(names)
            if parts is not None:
                return parts, links
    shown = {**template.given, **clean(values)}
    links = _links(shown, link_url)
    html, text = _bodies(template, shown, links)
    return Parts(html, text, template.subject.render(shown)), links


def _links(shown: Mapping[str, object], link_url: Callable[[int], str]) -> Links:
    return Links(link_url, tuple(map(shown.get, DIRECT_NAMES)))


def _bodies(template: MailTemplate, values: dict[str, object], links: Links) -> tuple[str, str]:
    folded = template.folded
    if folded is not None:
        values["_links"] = links
        html = folded.html.render(values)
    else:
        html = route(_inlined(template.html, values), links)
    if template.text is not None:
        return html, template.text.render(values)
    return html, folded.text.render(values) if folded else mark(html)


def _inlined(template: Compiled, values: Mapping[str, object]) -> str:
    document = template.render(values)
    if nests_too_deeply(document):
        raise RenderError(f"{template.name}: more than {MAX_NESTING} tags that are not closed")
    return _inline(document, name=template.name)


def _inline(document: str, *, name: str) -> str:
    try:
        return INLINER.inline(document)
    except css_inline.InlineError as error:
        raise RenderError(f"{name}: its CSS cannot be inlined: {error}") from None


def _one_line(template: MailTemplate, subject: str) -> str:
    # split() without argument also breaks at U+0085 and U+2028, which some clients show as lines.
    subject = " ".join(subject.split())
    if not subject:
        raise RenderError(f"{template.name}: the subject is empty")
    return subject if len(subject) <= MAX_SUBJECT else f"{subject[: MAX_SUBJECT - 3]}..."


def _insert_preheader(flat: Flat, preheader: Flat) -> None:
    """Put the preheader, invisible, where the body begins."""
    for node in preheader.body:
        node.lineno = 1
    opening = nodes.TemplateData(f'<div style="{_HIDDEN}">', lineno=1)
    closing = nodes.TemplateData(f"{_FILLER}</div>", lineno=1)
    inserted: list[nodes.Node] = [
        nodes.Output([opening], lineno=1),
        nodes.Scope(preheader.body, lineno=1),
        nodes.Output([closing], lineno=1),
    ]
    if not _insert_behind_body(flat.body, inserted, Tokenizer()):
        flat.body[:0] = inserted


def _insert_behind_body(body: list[nodes.Node], inserted: list[nodes.Node], at: Tokenizer) -> bool:
    """Insert behind the tag <body>, looking through includes too; tell whether it was found."""
    for index, node in enumerate(body):
        if isinstance(node, nodes.Scope) and _insert_behind_body(node.body, inserted, at):
            return True
        if not isinstance(node, nodes.Output):
            continue
        for place, child in enumerate(node.nodes):
            if not isinstance(child, nodes.TemplateData):
                at.feed_value()
                continue
            start = at.fed
            at.feed(child.data)
            end = next((tag.end - start for tag in at.tags if tag.name == "body"), None)
            if end is not None:
                before = nodes.TemplateData(child.data[:end], lineno=child.lineno)
                after = nodes.TemplateData(child.data[end:], lineno=child.lineno)
                body[index : index + 1] = [
                    nodes.Output([*node.nodes[:place], before], lineno=node.lineno),
                    *inserted,
                    nodes.Output([after, *node.nodes[place + 1 :]], lineno=node.lineno),
                ]
                return True
    return False
