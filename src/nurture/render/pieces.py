"""Cut a rendered mail where values stand, so that many mails of one template can share the rest.

The template is compiled once more with marks around everything that it writes for a lead. What is
between the marks is a value, already escaped for its place; all else is the same for every lead
that goes the same way through the branches. The cut is only given away if it adds up to the mail,
byte for byte, so a mistake here costs a batch, never a mail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import nodes

from nurture.core.errors import RenderError
from nurture.core.message import Pieces, RenderedMail
from nurture.render.environment import Compiled, Flat, clean
from nurture.render.fold import compile_body
from nurture.render.grammar import walk
from nurture.render.links import Links, route_text
from nurture.render.mail import DIRECT_NAMES, MailTemplate
from nurture.render.slots import WRITERS, with_slots
from nurture.render.text import finish

# Control characters: `clean` keeps them out of every value, and `text` uses others.
_BEGIN, _END = "\x10", "\x11"
_VALUE = re.compile(f"{_BEGIN}([^{_BEGIN}{_END}]*){_END}")


def _marked(written: str) -> str:
    # What is not there leaves no mark: white space around it may go too.
    return f"{_BEGIN}{written}{_END}" if written else ""


def _marking(write: Callable[..., str]) -> Callable[..., str]:
    return lambda *given: _marked(write(*given))


_MARKED_WRITERS = {name: _marking(write) for name, write in WRITERS.items()}


class _MarkedLinks(Links):
    """Links whose redirects are marked where a written text shows them."""

    __slots__ = ()

    def known(self, url: str) -> str:
        """Return the marked redirect of a URL that is among the targets, else the URL."""
        redirect = super().known(url)
        return redirect if redirect == url else _marked(redirect)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cutter:
    """Cuts mails of one template."""

    template: MailTemplate
    html: Compiled
    text: Compiled

    def cut(
        self,
        mail: RenderedMail,
        values: Mapping[str, object],
        *,
        link_url: Callable[[int], str],
    ) -> Pieces | None:
        """Return the pieces of a mail that was rendered with these values, None if in doubt."""
        shown = {**self.template.given, **clean(values)}
        direct = {str(shown[name]) for name in DIRECT_NAMES if shown.get(name)}
        links = _MarkedLinks(link_url, direct)
        try:
            html = _pieces(self.html.render({**shown, "_links": links}), mail.html)
            written = self.text.render({**shown, "_links": links})
        except RenderError:
            return None
        if self.template.text is None:
            text = _pieces(finish(written), mail.text)
        else:
            text = _pieces(route_text(written.strip() + "\n", links), mail.text)
        return Pieces(html=html, text=text) if html and text else None


def cutter(template: MailTemplate) -> Cutter | None:
    """Return what cuts the template's mails, or None if each of them has to go alone.

    Loops and variables can make the shared part depend on a lead in ways that no cut shows.
    """
    if template.folded is None or not _is_plain(template.flat_html):
        return None
    html, text = template.folded.trees()
    written = template.flat_text
    if written is not None:
        if not _is_plain(written):
            return None
        text = with_slots(written.body)
    return Cutter(
        template=template,
        html=compile_body(template.flat_html, html, _MARKED_WRITERS),
        text=compile_body(written or template.flat_html, text, _MARKED_WRITERS),
    )


def _is_plain(flat: Flat) -> bool:
    return not any(
        isinstance(node, nodes.For | nodes.Assign)
        for statement in flat.body
        for node in walk(statement)
    )


def _pieces(marked: str, rendered: str) -> tuple[str, ...]:
    """Return what stands between marks and around them; nothing if it is not what was rendered."""
    pieces: Sequence[str] = _VALUE.split(marked)
    if "".join(pieces) != rendered:
        return ()
    return tuple(pieces)
