"""SendGrid's Inbound Parse: a mail that came in, posted as the fields of a form.

It posts the whole mail in the field `email` ("send raw"), or its header and bodies in fields of
their own. Both become a mail again. Attachments are left where they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.parser import BytesHeaderParser

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
    return sent_by_nobody + _rebuilt(fields)


def _rebuilt(fields: Mapping[str, bytes]) -> bytes:
    """Return the mail in bytes of our own: no header is interpreted, so none can be misread."""
    header = BytesHeaderParser().parsebytes(fields["headers"].strip() + b"\r\n\r\n")
    kept = {name: str(value) for name in KEPT if (value := header.get(name)) is not None}
    if header.get_content_type() == "multipart/report":
        kept["Precedence"] = "auto_reply"
    charsets = _told(fields.get("charsets", b""))
    subtype, text = "plain", ""
    for name, found in (("text", "plain"), ("html", "html")):
        body = fields.get(name, b"")[:MOST_TEXT_BYTES]
        if body.strip():
            subtype, text = found, _text(body, str(charsets.get(name, "")))
            break
    lines = [
        # Whatever is in it, it stays one line.
        *(f"{name}: {' '.join(value.split())}" for name, value in kept.items()),
        f'Content-Type: text/{subtype}; charset="utf-8"',
        "Content-Transfer-Encoding: 8bit",
        "",
        text,
    ]
    return "\r\n".join(lines).encode("utf-8", "replace")


def _text(body: bytes, charset: str) -> str:
    try:
        text = body.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        text = body.decode("utf-8", "replace")
    return text.replace("\x00", "")


def _told(field: bytes) -> Mapping[str, object]:
    try:
        told = json.loads(field)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
