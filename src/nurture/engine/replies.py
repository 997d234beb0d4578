"""Replies by mail: a person's answer is a fact about the lead; a machine's is only kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from enum import StrEnum
from hashlib import sha256

from nurture.core.errors import RefusedInput
from nurture.core.event import EventKind, NewEvent
from nurture.engine import intake
from nurture.engine.runtime import Runtime
from nurture.render.text import finish, mark
from nurture.store import messages

LARGEST_REPLY = 1024 * 1024
KEPT_TEXT = 2000

_OURS = re.compile(r"<([0-9a-f]{32})@[^>]+>")
# What `List-Unsubscribe: mailto:` makes of a button press: a new mail that answers none.
_BUTTON = re.compile(r"\s*unsubscribe\s+([0-9a-f]{32})\s*", re.IGNORECASE)
_STOP = re.compile(
    r"\W*((please|bitte)\W+)?(stop|unsubscribe(\W+me)?|abmelden|austragen|remove\W+me)\W*",
    re.IGNORECASE,
)
_STOP_LINES = 5
"""Lines from the top in which a line that says nothing but "stop" is an opt-out."""
_SIGNATURE = re.compile(r"--\s*$|sent from my |von meinem .{2,40} gesendet", re.IGNORECASE)
_QUOTE = re.compile(r"^(>|on .{5,120} wrote:|am .{5,120} schrieb|-----original)", re.IGNORECASE)


class Meaning(StrEnum):
    """What a reply was taken for."""

    OPT_OUT = "opt-out"
    REPLY = "reply"
    AUTO_REPLY = "auto-reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A reply that was recorded: whose it is, and what it was taken for."""

    lead_id: int
    meaning: Meaning


def take_reply(runtime: Runtime, raw: bytes, *, now: datetime) -> Taken | None:
    """Record a reply to one of our mails; None if it answers none of ours.

    An auto-reply (RFC 3834) is recorded as a machine's and moves nothing. A line near the top that
    says only "stop" unsubscribes at once, whatever greeting or signature is around it; so does
    what a mailbox's own unsubscribe button sends. Raises RefusedInput for what is not a mail.
    """
    if len(raw) > LARGEST_REPLY:
        raise RefusedInput("the reply is larger than 1 MiB")
    mail = message_from_bytes(raw, policy=default)
    found = _OURS.findall(f"{mail.get('In-Reply-To', '')} {mail.get('References', '')}")
    pressed = _BUTTON.fullmatch(str(mail.get("Subject", "")))
    if pressed:
        found.append(pressed[1].lower())
    text = _own_words(mail)
    with runtime.database.write() as connection:
        known = messages.by_uids(connection, found)
        message = next((known[uid] for uid in reversed(found) if uid in known), None)
        if message is None:
            return None
        meaning = _meaning(mail, text, pressed=pressed is not None)
        stop, machine = meaning is Meaning.OPT_OUT, meaning is Meaning.AUTO_REPLY
        event = NewEvent(
            lead_id=message.lead_id,
            kind=EventKind.MESSAGE_UNSUBSCRIBED if stop else EventKind.MESSAGE_REPLIED,
            subject=message.template,
            occurred_at=now,
            source="reply",
            source_key=_key(mail, raw),
            human=not machine,
            detail={"text": text[:KEPT_TEXT]},
        )
        project = runtime.in_force(connection).project
        intake.record(runtime, connection, [event], project=project, now=now)
    return Taken(lead_id=message.lead_id, meaning=meaning)


def _meaning(mail: EmailMessage, text: str, *, pressed: bool) -> Meaning:
    if pressed:
        return Meaning.OPT_OUT
    if _is_automatic(mail):
        return Meaning.AUTO_REPLY
    lines = [line for line in text.splitlines() if line.strip()][:_STOP_LINES]
    return Meaning.OPT_OUT if any(map(_STOP.fullmatch, lines)) else Meaning.REPLY


def _key(mail: EmailMessage, raw: bytes) -> str:
    named = str(mail.get("Message-ID", "")).strip()
    return sha256(named.encode("utf-8", "replace") if named else raw).hexdigest()[:40]


def _is_automatic(mail: EmailMessage) -> bool:
    automatic = str(mail.get("Auto-Submitted", "no")).split(";")[0].strip().casefold() != "no"
    bulk = str(mail.get("Precedence", "")).casefold() in ("bulk", "auto_reply", "junk", "list")
    marked = any(name in mail for name in ("X-Autoreply", "X-Autorespond", "List-Id"))
    return automatic or bulk or marked


def _own_words(mail: EmailMessage) -> str:
    """Return what the person wrote above the signature and the quoted mail."""
    body = mail.get_body(("plain", "html"))
    try:
        text = str(body.get_content()) if body is not None else ""
    except (LookupError, UnicodeError, KeyError):
        return ""
    if body is not None and body.get_content_subtype() == "html":
        text = finish(mark(text))
    lines: list[str] = []
    for line in text.splitlines():
        if _QUOTE.match(line) or _SIGNATURE.match(line.strip()):
            break
        lines.append(line)
    return "\n".join(lines).strip()
