"""Read a mail that came in, whatever is in it.

The standard library's parser raises in many ways on a mail that was written to break it. Only one
thing is certain to be there: bytes. So headers are read as they stand, never interpreted by
address or charset, and a body that cannot be taken apart is read as it came.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message, MIMEPart
from email.parser import BytesHeaderParser
from email.policy import default

from nurture.render.text import finish, mark

log = logging.getLogger(__name__)

MOST_READ = 64 * 1024
"""So much of a mail is taken apart: a person's words stand at its top."""

LONGEST_SUBJECT = 1000

# The standard library needs time that grows with the square of a header's parameters.
_LONG_HEADER = re.compile(
    rb"^(content-[a-z-]{1,40}:(?:[^\n]|\n[ \t]){1000})(?:[^\n]|\n[ \t])*",
    re.IGNORECASE | re.MULTILINE,
)
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
# What marks places while text is made of HTML: no author of a mail has a use for it.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f]|&#(?:0*(?:[0-9]|[12][0-9]|3[01])|x0*1?[0-9a-f])(?![0-9a-f]);?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedMail:
    """What counts of a mail: its header as it was written, and what it says, as plain text."""

    header: Message
    text: str

    def value(self, name: str) -> str:
        """Return the first header of the name on one line, '' if there is none."""
        return _clean(" ".join(str(self.header.get(name, "")).split()))

    @property
    def subject(self) -> str:
        """What the subject says, decoded where that goes."""
        written = self.value("Subject")[:LONGEST_SUBJECT]
        try:
            return _clean(str(make_header(decode_header(written))))
        except Exception as error:  # noqa: BLE001 (whatever it is, it is no word of a person's)
            log.warning("a subject is read as it came: %s", type(error).__name__)
            return written

    def has(self, name: str) -> bool:
        """Say whether there is a header of the name."""
        return name in self.header


def read_mail(raw: bytes) -> ReceivedMail:
    """Return the mail; nothing in it makes this raise."""
    return ReceivedMail(
        header=BytesHeaderParser().parsebytes(raw), text=_clean(_text(raw[:MOST_READ]))
    )


def _text(raw: bytes) -> str:
    try:
        mail = message_from_bytes(_LONG_HEADER.sub(rb"\1", raw), policy=default)
        found = (mail.get_body((kind,)) for kind in ("plain", "html"))
        bodies = (_content(body) for body in found if body is not None)
        # Some mail programs leave the plain part empty, and say it in the other one alone.
        text = next((text for text in bodies if text.strip()), "")
    except Exception as error:  # noqa: BLE001 (whatever it is, the words are in the bytes)
        # Not the error itself: it may quote the mail.
        log.warning("a mail is read as it came: %s", type(error).__name__)
        return _END_OF_HEADER.split(raw, maxsplit=1)[-1].decode("utf-8", "replace")
    return text


def _content(body: MIMEPart) -> str:
    text = str(body.get_content())
    if body.get_content_subtype() != "html":
        return text
    return finish(mark(_CONTROL.sub(" ", text)))


def _clean(text: str) -> str:
    """Return the text without what no database stores: half characters and NUL."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "")
