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
from nurture.core.reply_words import own_words, says_stop
from nurture.engine import arrived, intake
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
_OF_MACHINES = ("X-Autoreply", "X-Autorespond", "X-Failed-Recipients")
# So Exchange begins the subjects of its own answers, in the languages that we have seen.
_ABSENT = re.compile(
    r"(automatic reply|out of office|automatische antwort|abwesenheit\w*|réponse automatique)\s*:",
    re.IGNORECASE,
)


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
    says only "stop" unsubscribes at once, whatever greeting or signature is around it; so do a
    subject that says it alone and what a mailbox's own unsubscribe button sends. Raises
    RefusedInput for what is not a mail.
    """
    with runtime.database.write() as connection:
        return record_reply(runtime, connection, raw, now=now)


def record_reply(
    runtime: Runtime,
    connection: Connection,
    raw: bytes,
    *,
    now: datetime,
    received_at: datetime | None = None,
) -> Taken | None:
    """Do what `take_reply` does, in a transaction that is open already.

    `received_at`: when the reply came in, if that was before now.
    """
    if len(raw) > LARGEST_REPLY:
        raise RefusedInput("the reply is larger than 1 MiB")
    mail = read_mail(raw)
    found = _OURS.findall(f"{mail.value('In-Reply-To')} {mail.value('References')}")
    pressed = _BUTTON.fullmatch(mail.subject)
    if pressed:
        found.append(pressed[1].lower())
    text = own_words(mail.text)
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
        occurred_at=received_at or now,
        source="reply",
        source_key=_key(mail, raw),
        human=not machine,
        detail={"text": text[:KEPT_TEXT]},
    )
    arrived.note(connection, message, arrived.ANSWERED, now=now)
    intake.record(runtime, connection, [event], project=None, now=now)
    return Taken(lead_id=message.lead_id, meaning=meaning)


def _is_erased(connection: Connection, lead_id: int) -> bool:
    """Say whether the lead was erased: nothing is kept of them, whatever they still write."""
    return leads.read(connection, [lead_id])[lead_id].standing.stage is Stage.ERASED


def _meaning(mail: ReceivedMail, text: str, *, pressed: bool) -> Meaning:
    if pressed:
        return Meaning.OPT_OUT
    if _is_automatic(mail):
        return Meaning.AUTO_REPLY
    if says_stop(text, mail.subject):
        return Meaning.OPT_OUT
    return Meaning.AUTO_REPLY if _is_of_a_list(mail) else Meaning.REPLY


def _key(mail: ReceivedMail, raw: bytes) -> str:
    return sha256(mail.value("Message-ID").encode() or raw).hexdigest()[:40]


def _is_automatic(mail: ReceivedMail) -> bool:
    automatic = mail.value("Auto-Submitted").split(";")[0].strip().casefold() not in ("", "no")
    bulk = mail.value("Precedence").casefold() in ("bulk", "auto_reply", "junk")
    marked = any(mail.has(name) for name in _OF_MACHINES)
    absent = mail.has("X-Auto-Response-Suppress") and _ABSENT.match(mail.subject) is not None
    # Reports of mail servers have no sender, so that nobody answers them.
    nobodys = mail.value("Return-Path") == "<>"
    report = mail.header.get_content_type() == "multipart/report"
    return automatic or bulk or marked or absent or nobodys or report


def _is_of_a_list(mail: ReceivedMail) -> bool:
    """Say whether it came by a list. There are people behind one, and who says stop means it."""
    return mail.has("List-Id") or mail.value("Precedence").casefold() == "list"
