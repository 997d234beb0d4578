"""Mails in the outbox folder, read back from their files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

MOST_SHOWN = 200
LARGEST_BYTES = 2 * 1024 * 1024

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NEVER = datetime.min.replace(tzinfo=UTC)
_PARSER = BytesParser(_class=EmailMessage, policy=policy.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail as its file says. `name` is the message's public id."""

    name: str
    recipient: str
    subject: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLetter:
    """A mail with its parts and headers."""

    letter: Letter
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str


def newest(folder: Path) -> tuple[list[Letter], int]:
    """Return the newest mails and how many there are in all."""
    days = sorted((d for d in _entries(folder) if _DAY.fullmatch(d.name)), reverse=True)
    files = [f for day in days for f in _latest_first(day)]
    letters = [_letter(f) for f in files[:MOST_SHOWN]]
    letters.sort(key=lambda letter: (letter.at or _NEVER, letter.name), reverse=True)
    return letters, len(files)


def read(folder: Path, name: str) -> OpenedLetter | None:
    """Return the mail of that name, None if there is none."""
    if not _NAME.fullmatch(name):
        return None
    found = [day / f"{name}.eml" for day in _entries(folder) if _DAY.fullmatch(day.name)]
    path = next((path for path in found if _is_letter(path)), None)
    if path is None or path.stat().st_size > LARGEST_BYTES:
        return None
    mail = _PARSER.parsebytes(path.read_bytes())
    return OpenedLetter(
        letter=_summary(name, mail),
        headers=tuple((key, str(value)) for key, value in mail.items()),
        text=_part(mail, "plain"),
        html=_part(mail, "html"),
    )


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []


def _latest_first(day: Path) -> list[Path]:
    """Return a day's mails by when they were written, which tells without reading them."""
    found = ((f.stat().st_mtime_ns, f) for f in _entries(day) if _is_letter(f))
    return [file for _, file in sorted(found, reverse=True)]


def _is_letter(path: Path) -> bool:
    return path.suffix == ".eml" and path.is_file() and not path.is_symlink()


def _letter(path: Path) -> Letter:
    with path.open("rb") as file:
        return _summary(path.stem, _PARSER.parse(file, headersonly=True))


def _summary(name: str, mail: EmailMessage) -> Letter:
    date = mail["date"]
    at: datetime | None = date.datetime if date is not None else None
    return Letter(
        name=name,
        recipient=str(mail["to"] or ""),
        subject=str(mail["subject"] or ""),
        at=at.astimezone(UTC) if at is not None and at.tzinfo else None,
    )


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
