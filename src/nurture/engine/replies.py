"""Replies by mail: a person's answer is a fact about the lead; a machine's is only kept."""

from __future__ import annotations

import re
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from hashlib import sha256

from nurture.core.errors import RefusedInput
from nurture.core.event import EventKind, NewEvent
from nurture.engine import intake
from nurture.engine.runtime import Runtime
from nurture.store import messages

LARGEST_REPLY = 1024 * 1024
KEPT_TEXT = 2000

_OURS = re.compile(r"<([0-9a-f]{32})@[^>]+>")
_STOP = re.compile(r"^\s*(stop|unsubscribe|abmelden|austragen|remove me)\W*$", re.IGNORECASE)
_QUOTE = re.compile(r"^(>|on .{5,120} wrote:|am .{5,120} schrieb|-----original)", re.IGNORECASE)


def take_reply(runtime: Runtime, raw: bytes, *, now: datetime) -> int | None:
    """Record a reply to one of our mails and return the lead; None if it answers none of ours.

    An auto-reply (RFC 3834) is recorded as a machine's and moves nothing. A reply that says only
    "stop" unsubscribes at once. Raises RefusedInput for what is not a mail.
    """
    if len(raw) > LARGEST_REPLY:
        raise RefusedInput("the reply is larger than 1 MiB")
    mail = message_from_bytes(raw, policy=default)
    found = _OURS.findall(f"{mail.get('In-Reply-To', '')} {mail.get('References', '')}")
    text = _own_words(mail)
    with runtime.database.write() as connection:
        known = messages.by_uids(connection, found)
        message = next((known[uid] for uid in reversed(found) if uid in known), None)
        if message is None:
            return None
        machine = _is_automatic(mail)
        stop = not machine and bool(_STOP.match(text))
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
    return message.lead_id


def _key(mail: EmailMessage, raw: bytes) -> str:
    named = str(mail.get("Message-ID", "")).strip()
    return sha256(named.encode("utf-8", "replace") if named else raw).hexdigest()[:40]


def _is_automatic(mail: EmailMessage) -> bool:
    automatic = str(mail.get("Auto-Submitted", "no")).split(";")[0].strip().casefold() != "no"
    bulk = str(mail.get("Precedence", "")).casefold() in ("bulk", "auto_reply", "junk", "list")
    marked = any(name in mail for name in ("X-Autoreply", "X-Autorespond", "List-Id"))
    return automatic or bulk or marked


def _own_words(mail: EmailMessage) -> str:
    """Return what the person wrote above the quoted mail."""
    body = mail.get_body(("plain", "html"))
    try:
        text = body.get_content() if body is not None else ""
    except (LookupError, UnicodeError, KeyError):
        return ""
    lines: list[str] = []
    for line in str(text).splitlines():
        if _QUOTE.match(line):
            break
        lines.append(line)
    return "\n".join(lines).strip()
