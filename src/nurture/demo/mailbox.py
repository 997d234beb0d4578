"""The people's mailboxes: read the mails that the outbox transport wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.policy import compat32
from email.utils import parseaddr, parsedate_to_datetime
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail in somebody's mailbox. `name` says which mail it is, the same in every run."""

    uid: str
    name: str
    template: str
    recipient: str
    message_id: str
    subject: str
    sent_at: datetime
    one_click_url: str
    preferences_url: str
    form_url: str
    clicks: tuple[str, ...]


class Mailbox:
    """All the mailboxes of the demo, which are one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()

    def new(self) -> list[Mail]:
        """Return the mails that have come in since the last call, in a stable order."""
        found = [read(path) for path in self._unseen()]
        return sorted(found, key=lambda mail: (mail.sent_at, mail.recipient, mail.name))

    def _unseen(self) -> Iterator[Path]:
        for path in self._folder.glob("*/*.eml"):
            if path.name not in self._seen:
                self._seen.add(path.name)
                yield path


def read(path: Path) -> Mail:
    """Return the mail in the file."""
    mail = message_from_bytes(path.read_bytes(), policy=compat32)
    tree = LexborHTMLParser(_html(mail))
    links = [node.attributes.get("href") or "" for node in tree.css("a[href]")]
    template = str(mail["Feedback-ID"]).split(":")[0]
    sent_at = parsedate_to_datetime(str(mail["Date"]))
    return Mail(
        uid=path.stem,
        name=f"{template}/{sent_at.date().isoformat()}",
        template=template,
        recipient=parseaddr(str(mail["To"]))[1],
        message_id=str(mail["Message-ID"]),
        subject=str(make_header(decode_header(str(mail["Subject"])))),
        sent_at=sent_at,
        one_click_url=str(mail["List-Unsubscribe"]).split(">")[0].strip("<"),
        preferences_url=_first(links, "/p/"),
        form_url=_first(links, "/f/"),
        clicks=tuple(dict.fromkeys(url for url in links if "/c/" in url)),
    )


def _html(mail: Message) -> str:
    for part in mail.walk():
        if part.get_content_type() == "text/html":
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return content.decode()
    raise AssertionError(f"{mail['Message-ID']} has no HTML part")


def _first(links: list[str], part: str) -> str:
    return next((url for url in links if part in url), "")
