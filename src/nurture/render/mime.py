"""The bytes of a message: assembled by hand, because that is a hundred times cheaper.

Only what this product sends: one sender, one recipient, text and HTML. Everything that ends up in
a header is checked here again, whoever checked it before: a header value cannot end its line, and
an address is exactly one address. The tests hold the result against the standard library's parser.
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from functools import lru_cache
from struct import Struct

from nurture.core.errors import RenderError
from nurture.core.message import Address, OutgoingMessage

MAX_LINE = 998
"""Characters in a line, by RFC 5322; 78 is what it recommends and what folding aims at."""

_FOLD_AT = 78
_COLUMNS = 76
_ENCODED_BYTES = 45
"""Bytes in one encoded word: 60 base64 characters, 12 around them, within the 75 of RFC 2047."""

_OWN = frozenset(
    {
        *("from", "to", "cc", "bcc", "reply-to", "sender", "subject", "date", "message-id"),
        *("mime-version", "content-type", "content-transfer-encoding"),
    }
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Atoms may hold letters beyond ASCII (RFC 6532); whether a server takes them is its transport's
# question. Blanks, controls and the characters that end an address are in no atom.
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})*)")
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_NAME = re.compile(r"[!-9;-~]+")
_UID = re.compile(r"[A-Za-z0-9_-]{1,60}")
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")


def to_bytes(message: OutgoingMessage) -> bytes:
    """Return the message as it goes over the wire: the same bytes for the same message."""
    mail = message.mail
    if not _UID.fullmatch(message.uid):
        raise RenderError(f"{message.uid!r} cannot be part of a Message-ID")
    lines = [f"From: {_sender(mail.sender)}", f"To: {_mailbox(mail.recipient)}"]
    if mail.reply_to:
        lines.append(f"Reply-To: {_answer_to(mail.reply_to)}")
    lines += [
        f"Subject: {_unstructured(mail.subject, 9)}",
        f"Date: {_date(message.planned_at)}",
        f"Message-ID: <{message.uid}@{mail.sender.email.rpartition('@')[2]}>",
        *[_SHARED.get(name, _header)(name, value) for name, value in mail.headers],
        "MIME-Version: 1.0",
        "Content-Type: multipart/alternative;",
        f' boundary="=_{message.uid}"',
    ]
    edge = f"--=_{message.uid}".encode()
    return b"\r\n".join(
        (
            "\r\n".join(lines).encode(),
            b"",
            edge,
            *_part("plain", mail.text),
            edge,
            *_part("html", mail.html),
            edge + b"--",
            b"",
        )
    )


def checked_address(email: str) -> str:
    """Return the address if it is exactly one addr-spec, else raise RenderError."""
    found = _ADDRESS.fullmatch(email)
    if found is None or len(found[1].encode()) > 64 or len(email) > 254:  # noqa: PLR2004 (RFC 5321, 4.5.3.1)
        raise RenderError(f"{email!r} is not exactly one address")
    return email


def is_ascii_phrase(name: str) -> bool:
    """Tell whether a display name can stand in a header without quotes or encoding."""
    return _PHRASE.fullmatch(name) is not None and "=?" not in name


def encoded_words(text: str, *, used: int = 0) -> str:
    """Return the text as RFC 2047 words, folded; `used` columns of the first line are taken."""
    words: list[str] = []
    room = min(_ENCODED_BYTES, max(3, (_FOLD_AT - used - 12) // 4 * 3))
    chunk = b""
    for character in text:
        encoded = character.encode()
        if len(chunk) + len(encoded) > room:
            words.append(_word(chunk))
            chunk, room = b"", _ENCODED_BYTES
        chunk += encoded
    words.append(_word(chunk))
    return "\r\n ".join(words)


def _word(chunk: bytes) -> str:
    return f"=?utf-8?b?{b64encode(chunk).decode()}?="


def _part(subtype: str, text: str) -> tuple[bytes, ...]:
    # RFC 2045, 6.8: line ends inside base64 text are CR LF, whatever they were.
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        encoded = b64encode(text.encode().replace(b"\n", b"\r\n"))
    except UnicodeEncodeError:
        raise RenderError(f"the {subtype} part holds half a character") from None
    return (
        b"Content-Type: text/" + subtype.encode() + b'; charset="utf-8"',
        b"Content-Transfer-Encoding: base64",
        b"",
        *_lines(len(encoded) // _COLUMNS).unpack_from(encoded),
        *((encoded[-rest:],) if (rest := len(encoded) % _COLUMNS) else ()),
    )


# A quarter of the time that slicing takes; mails of one template are about as long as each other.
@lru_cache(maxsize=128)
def _lines(count: int) -> Struct:
    return Struct(f"{_COLUMNS}s" * count)


def _mailbox(address: Address) -> str:
    email = checked_address(address.email)
    name = _fit("a display name", address.name)
    if not name.strip():
        return email
    plain = name.isascii() and "=?" not in name and name == " ".join(name.split())
    if not plain or len(name) > _COLUMNS - 16:
        return _then(encoded_words(name, used=6), f"<{email}>")
    if not _PHRASE.fullmatch(name):
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        name = f'"{escaped}"'
    return _then(name, f"<{email}>", used=6)


# Senders are few and nobody's secret; recipients are neither, so only these are kept.
_sender = lru_cache(maxsize=64)(_mailbox)
_answer_to = lru_cache(maxsize=64)(checked_address)


def _then(first: str, second: str, *, used: int = 0) -> str:
    """Put the second text behind the first, on a new line if this one would get too long."""
    column = len(first) - first.rfind("\n") - 1 + (0 if "\n" in first else used)
    fits = column + 1 + len(second) <= _FOLD_AT
    return f"{first} {second}" if fits else f"{first}\r\n {second}"


def _header(name: str, value: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > _COLUMNS or name.lower() in _OWN:
        raise RenderError(f"{name!r} is not a header that a mail may add")
    _fit("a header value", value)
    if value.isascii():
        # It may hold encoded words already, as the title in List-ID does.
        return f"{name}: {_folded(value, len(name) + 2)}"
    return f"{name}: {encoded_words(value, used=len(name) + 2)}"


# Those that say the same in all mails of a sequence, and nothing about anybody.
_SHARED = dict.fromkeys(
    ("List-Unsubscribe-Post", "List-ID", "Feedback-ID"), lru_cache(maxsize=256)(_header)
)


def _unstructured(value: str, used: int) -> str:
    """Return what a person wrote as a header value; `used` columns are taken."""
    _fit("a header value", value)
    # A parser reads =? as an encoded word, and may drop or merge blanks at the ends or in a row.
    plain = value.isascii() and "=?" not in value and "  " not in value and value == value.strip()
    return _folded(value, used) if plain else encoded_words(value, used=used)


def _folded(value: str, used: int) -> str:
    if used + len(value) <= _FOLD_AT:
        return value
    lines: list[str] = []
    line = ""
    for word in value.split(" "):
        longer = f"{line} {word}" if line else word
        if line and len(longer) + (used if not lines else 1) > _FOLD_AT:
            lines.append(line)
            line = word
        else:
            line = longer
    lines.append(line)
    if max(map(len, lines)) + used > MAX_LINE:
        raise RenderError("a header value cannot be folded into lines of 998 characters")
    return "\r\n ".join(lines)


def _fit(what: str, value: str) -> str:
    if _UNFIT.search(value):
        raise RenderError(f"{what} holds a control character: {value!r}")
    return value


# Mails are planned by the thousand in one moment.
@lru_cache(maxsize=256)
def _date(at: datetime) -> str:
    if at.utcoffset() is None:
        raise RenderError("planned_at needs a time zone")
    at = at.astimezone(UTC)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    time = f"{at.hour:02}:{at.minute:02}:{at.second:02}"
    return f"{day}, {at.day:02} {month} {at.year:04} {time} +0000"
