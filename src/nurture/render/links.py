"""Links of a mail: which ones go through the click redirect, under which number."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Collection

# As the inliner serializes: every attribute quoted, in every tag. Tags are taken whole, so that
# nothing inside a value is mistaken for one. Comments are left alone because only Outlook reads
# them, and it reads them as they are.
_ATTRIBUTE = r'(?: [^\s=>]+="[^"]*")'
ANCHOR = re.compile(
    rf'(<a{_ATTRIBUTE}*? href=")([^"]*)("{_ATTRIBUTE}*>)'
    rf"|<!--.*?-->|<(style|script){_ATTRIBUTE}*>.*?</\4>|<[a-zA-Z][^\s>]*{_ATTRIBUTE}*>",
    re.DOTALL,
)
_HTTP = ("http://", "https://")


class Links:
    """Gives every link a number, in order of appearance, and its redirect URL.

    URLs in `direct` (unsubscribe, preferences, form, view) act by themselves and stay as they are.
    """

    __slots__ = ("_direct", "_link_url", "_routed")

    def __init__(self, link_url: Callable[[int], str], direct: Collection[object]) -> None:
        self._link_url = link_url
        self._direct = direct
        self._routed: dict[str, str] = {}

    def __call__(self, href: str) -> str:
        """Return where the link has to point."""
        routed = self._routed
        points_to = routed.get(href)
        if points_to is None:
            url = href.strip()
            if url in self._direct or not url[:8].lower().startswith(_HTTP):
                return href
            points_to = routed.get(url)
            if points_to is None:
                points_to = routed[url] = self._link_url(len(routed))
        return points_to

    @property
    def targets(self) -> tuple[str, ...]:
        """The click targets by number."""
        return tuple(self._routed)

    def known(self, url: str) -> str:
        """Return the redirect of a URL that is among the targets already, else the URL."""
        return self._routed.get(url, url)


def route(document: str, links: Links) -> str:
    """Point every `<a href>` of a serialized document at its redirect."""

    def point(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        return found[1] + attribute(links(html.unescape(found[2]))) + found[3]

    return ANCHOR.sub(point, document)


def attribute(text: str) -> str:
    """Escape text for a double-quoted attribute, as the HTML standard serializes it."""
    return text.replace("&", "&amp;").replace("\xa0", "&nbsp;").replace('"', "&quot;")


def content(text: str) -> str:
    """Escape text between tags, as the HTML standard serializes it."""
    text = text.replace("&", "&amp;").replace("\xa0", "&nbsp;")
    return text.replace("<", "&lt;").replace(">", "&gt;")


# Looking for the rare `://` first takes a quarter of the time that looking for the scheme takes.
_REST_OF_URL = re.compile(
    r"(://(?:(?<=[hH][tT][tT][pP]://)|(?<=[hH][tT][tT][pP][sS]://))[^\s<>\"]+)"
)
_TRAILING = ".,;:!?)'"


def route_text(text: str, links: Links) -> str:
    """Point the URLs of a written text part that the HTML part links to at the same redirects.

    Other URLs stay: a lead's own value could be one, and the redirect must lead nowhere that the
    author has not chosen.
    """
    pieces = _REST_OF_URL.split(text)
    for at in range(1, len(pieces), 2):
        before, rest = pieces[at - 1], pieces[at]
        scheme = len("http" if before[-1] in "pP" else "https")
        whole = before[-scheme:] + rest
        url = whole.rstrip(_TRAILING)
        redirect = links.known(url)
        if redirect is not url:
            pieces[at - 1 : at + 1] = before[:-scheme], redirect + whole[len(url) :]
    return "".join(pieces)
