"""The headers that mailbox providers ask of bulk mail, and that answers to a form carry."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nurture.core.errors import RenderError
from nurture.render.mime import encoded_words, is_ascii_phrase

Headers = tuple[tuple[str, str], ...]

_URL = re.compile(r"https?://[!-;=?-~]+")
_ONE_CLICK = re.compile(r"https://|http://(127\.0\.0\.1|localhost)[:/]")
_MAILTO = re.compile(r"mailto:[!-;=?-~]+@[!-;=?-~]+")
_NOT_IN_LABEL = re.compile(r"[^a-z0-9]+")
_NOT_IN_FIELD = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_FIELDS = 3
_MAX_LABEL = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class ListIdentity:
    """What one sequence is to a mailbox provider: `key` never changes, `title` is for people."""

    key: str
    title: str
    domain: str


def list_headers(
    identity: ListIdentity,
    *,
    one_click_url: str,
    mailto: str,
    feedback: tuple[str, ...] = (),
) -> Headers:
    """Return the headers by which a mailbox can unsubscribe and tell one sequence from another.

    `one_click_url` acts on POST; only behind https may a provider be told so (RFC 8058). A trial
    on this machine's own loopback address is told too, for there nobody else reads it.
    `feedback` are up to three fields of low cardinality that complaint reports are grouped by.
    """
    shared = shared_list_headers(identity, public_url=one_click_url, feedback=feedback)
    check_unsubscribe(one_click_url, mailto)
    return (unsubscribe_header(one_click_url, mailto), *shared)


def unsubscribe_header(one_click_url: str, mailto: str) -> tuple[str, str]:
    """Return the one of them that is each mail's own, out of what `check_unsubscribe` lets pass."""
    return "List-Unsubscribe", f"<{one_click_url}>, <{mailto}>"


def check_unsubscribe(one_click_url: str, mailto: str) -> None:
    """Refuse a URL or an address that could end the header, or would not be understood in it."""
    if not _URL.fullmatch(one_click_url):
        raise RenderError("the one-click URL is not an http address in plain ASCII")
    if not _MAILTO.fullmatch(mailto):
        raise RenderError("the unsubscribe address is not a mailto: URL in plain ASCII")


def shared_list_headers(
    identity: ListIdentity, *, public_url: str, feedback: tuple[str, ...] = ()
) -> Headers:
    """Return those of them that all mails of one sequence and template share."""
    headers = []
    if _ONE_CLICK.match(public_url):
        headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    headers.append(("List-ID", _list_id(identity)))
    if feedback:
        headers.append(("Feedback-ID", _feedback_id(feedback, identity.domain)))
    return tuple(headers)


def reply_headers() -> Headers:
    """Return the headers of a mail that answers a form: no machine should answer back."""
    return (
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
    )


def _list_id(identity: ListIdentity) -> str:
    label = _NOT_IN_LABEL.sub("-", identity.key.lower()).strip("-")[:_MAX_LABEL].strip("-")
    if not label:
        raise RenderError(f"{identity.key!r} cannot be part of a List-ID")
    title = " ".join(identity.title.split())
    if title and not is_ascii_phrase(title):
        plain = title.isascii() and "=?" not in title
        escaped = title.replace("\\", "\\\\").replace('"', '\\"')
        title = f'"{escaped}"' if plain else encoded_words(title, used=9).replace("\r\n", "")
    return f"{title} <{label}.{identity.domain}>".strip()


def _feedback_id(fields: tuple[str, ...], domain: str) -> str:
    """Return up to three fields and the sender, which stays the same over all mail."""
    if len(fields) > _MAX_FIELDS:
        raise RenderError(f"Feedback-ID takes at most {_MAX_FIELDS} fields and the sender")
    return ":".join(_NOT_IN_FIELD.sub("-", field) for field in (*fields, domain))
