"""Replies by mail: a person's answer is a fact about the lead; a machine's is only kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from nurture.core.errors import RefusedInput
from nurture.core.event import EventKind, NewEvent
from nurture.core.lead import Stage
from nurture.core.project import Project
from nurture.engine import intake
from nurture.engine.received_mail import ReceivedMail, read_mail
from nurture.engine.runtime import Runtime
from nurture.store import leads, messages
from nurture.store.db import Connection

PROVIDER = "replies"
"""Under what name the hook's posts are stored until they are worked."""
# A mebibyte, and room for what is written before a mail that had more.
LARGEST_REPLY = 1024 * 1024 + 64
KEPT_TEXT = 2000

_OURS = re.compile(r"<([0-9a-f]{32})@[^<>]{1,255}>")
# What `List-Unsubscribe: mailto:` makes of a button press: a new mail that answers none.
_BUTTON = re.compile(r"\s*unsubscribe\s+([0-9a-f]{32})\s*", re.IGNORECASE)
_STOP = re.compile(
    r"\W*((please|bitte)\W+)?"
    r"(stop|unsubscribe(\W+me)?|opt\W?out|abmelden|austragen|no\W+more\W+(e\W?)?mails?"
    r"|keine\W+((weiteren|mehr)\W+)?(e\W?)?mails?(\W+mehr)?"
    r"|(remove|take)\W+me(\W+(from|off)(\W+(your|this|the))?(\W+mailing)?\W+list)?)"
    r"(\W+(please|bitte))?\W*",
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
    with runtime.database.write() as connection:
        project = runtime.in_force(connection).project
        return record_reply(runtime, connection, raw, project=project, now=now)


def record_reply(
    runtime: Runtime, connection: Connection, raw: bytes, *, project: Project, now: datetime
) -> Taken | None:
    """Do what `take_reply` does, in a transaction that is open already."""
    if len(raw) > LARGEST_REPLY:
        raise RefusedInput("the reply is larger than 1 MiB")
    mail = read_mail(raw)
    found = _OURS.findall(f"{mail.value('In-Reply-To')} {mail.value('References')}")
    pressed = _BUTTON.fullmatch(mail.subject)
    if pressed:
        found.append(pressed[1].lower())
    text = _own_words(mail.text)
    known = messages.by_uids(connection, found)
    message = next((known[uid] for uid in reversed(found) if uid in known), None)
    if message is None or _is_erased(connection, message.lead_id):
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
    intake.record(runtime, connection, [event], project=project, now=now)
    return Taken(lead_id=message.lead_id, meaning=meaning)


def _is_erased(connection: Connection, lead_id: int) -> bool:
    """Say whether the lead was erased: nothing is kept of them, whatever they still write."""
    return leads.read(connection, [lead_id])[lead_id].standing.stage is Stage.ERASED


def _meaning(mail: ReceivedMail, text: str, *, pressed: bool) -> Meaning:
    if pressed:
        return Meaning.OPT_OUT
    if _is_automatic(mail):
        return Meaning.AUTO_REPLY
    lines = [line for line in text.splitlines() if line.strip()][:_STOP_LINES]
    return Meaning.OPT_OUT if any(map(_STOP.fullmatch, lines)) else Meaning.REPLY


def _key(mail: ReceivedMail, raw: bytes) -> str:
    return sha256(mail.value("Message-ID").encode() or raw).hexdigest()[:40]


def _is_automatic(mail: ReceivedMail) -> bool:
    automatic = mail.value("Auto-Submitted").split(";")[0].strip().casefold() not in ("", "no")
    bulk = mail.value("Precedence").casefold() in ("bulk", "auto_reply", "junk", "list")
    marked = any(mail.has(name) for name in ("X-Autoreply", "X-Autorespond", "List-Id"))
    # Reports of mail servers have no sender, so that nobody answers them.
    nobodys = mail.value("Return-Path") == "<>"
    report = mail.header.get_content_type() == "multipart/report"
    return automatic or bulk or marked or nobodys or report


def _own_words(text: str) -> str:
    """Return what the person wrote above the signature and the quoted mail."""
    lines: list[str] = []
    for line in text.splitlines():
        if _QUOTE.match(line) or _SIGNATURE.match(line.strip()):
            break
        lines.append(line)
    return "\n".join(lines).strip()
