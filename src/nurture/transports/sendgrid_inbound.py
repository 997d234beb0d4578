"""SendGrid's Inbound Parse: a mail that came in, posted as the fields of a form.

It posts the whole mail in the field `email` ("send raw"), or its header and bodies in fields of
their own. Both become a mail again. Attachments are left where they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP, default

from nurture.core.errors import RefusedInput

MOST_BYTES = 1024 * 1024
"""How much of a raw mail is kept: header and text stand before any attachment."""
MOST_TEXT_BYTES = 256 * 1024

# What tells whose mail it answers, who wrote it, and whether a machine did.
KEPT = (
    *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Return-Path"),
    *("Auto-Submitted", "Precedence", "X-Autoreply", "X-Autorespond", "List-Id"),
)
_NO_SENDER = b"Return-Path: <>\r\n"


def to_mail(fields: Mapping[str, bytes]) -> bytes:
    """Return the mail that the fields tell of, or raise RefusedInput if they tell of none."""
    envelope = _told(fields.get("envelope", b""))
    sent_by_nobody = _NO_SENDER if envelope.get("from") == "" else b""
    if raw := fields.get("email", b""):
        return sent_by_nobody + raw[:MOST_BYTES]
    if not fields.get("headers", b"").strip():
        raise RefusedInput("neither a mail nor the header of one")
    try:
        return sent_by_nobody + _rebuilt(fields)
    except (MessageError, ValueError, LookupError):
        raise RefusedInput("the header of the mail cannot be read") from None


def _rebuilt(fields: Mapping[str, bytes]) -> bytes:
    header = BytesHeaderParser(policy=default).parsebytes(fields["headers"].strip() + b"\r\n\r\n")
    mail = EmailMessage(policy=SMTP)
    for name in KEPT:
        value = header.get(name)
        if value is not None:
            # Whatever is in it, it stays one line, and half characters are none.
            mail[name] = " ".join(str(value).encode("utf-8", "ignore").decode().split())
    if header.get_content_type() == "multipart/report":
        del mail["Precedence"]
        mail["Precedence"] = "auto_reply"
    charsets = _told(fields.get("charsets", b""))
    for name, subtype in (("text", "plain"), ("html", "html")):
        body = fields.get(name, b"")[:MOST_TEXT_BYTES]
        if body.strip():
            mail.set_content(_text(body, str(charsets.get(name, ""))), subtype=subtype)
            return mail.as_bytes()
    mail.set_content("")
    return mail.as_bytes()


def _text(body: bytes, charset: str) -> str:
    try:
        text = body.decode(charset or "utf-8", "replace")
    except LookupError:
        text = body.decode("utf-8", "replace")
    return text.replace("\x00", "")


def _told(field: bytes) -> Mapping[str, object]:
    try:
        told = json.loads(field)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
