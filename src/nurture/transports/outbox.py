"""A folder as a transport: one file a message, for trials, tests and other mail programs."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nurture.core.errors import RenderError
from nurture.core.message import Accepted, Halted, Outcome, OutgoingMessage, Refused
from nurture.transports.base import ToBytes, reason

_UID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_TRY_AGAIN = timedelta(minutes=1)


class OutboxTransport:
    """Writes `<yyyy-mm-dd>/<uid>.eml` below a folder, whole or not at all.

    The date is the one on which the message was planned, so a message has one name for ever: if
    the file is there, it is this message, and writing it again is accepting it again.
    """

    name = "outbox"
    group_size = 100
    longest_wait = timedelta(seconds=30)

    def __init__(self, folder: Path, *, to_bytes: ToBytes, durable: bool = True) -> None:
        self._folder = folder
        self._to_bytes = to_bytes
        self._durable = durable

    def path(self, uid: str, *, planned_at: datetime) -> Path:
        """Return where the message is or would be: for the reaper, and for erasure."""
        if not _UID.fullmatch(uid) or planned_at.utcoffset() is None:
            raise RenderError(f"{uid!r} of {planned_at} cannot be the name of a file")
        return self._folder / f"{planned_at.astimezone(UTC):%Y-%m-%d}" / f"{uid}.eml"

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Write the messages; a full or missing disk halts what it kept from being written."""
        outcomes: list[Outcome] = []
        folders: set[Path] = set()
        for message in messages:
            try:
                outcomes.append(self._send(message, folders))
            except OSError as error:
                outcomes += [_halted(error, now)] * (len(messages) - len(outcomes))
                break
        try:
            for folder in folders if self._durable else ():
                _sync_folder(folder)
        except OSError as error:
            # The names may not survive a power cut, and writing them again does no harm.
            halted = _halted(error, now)
            return [halted if isinstance(each, Accepted) else each for each in outcomes]
        return outcomes

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Delete the files of these mails, and what a killed process left half written."""
        for uid, planned_at in mails:
            path = self.path(uid, planned_at=planned_at)
            path.unlink(missing_ok=True)
            for temporary in path.parent.glob(f".{uid}.*.tmp"):
                temporary.unlink(missing_ok=True)

    def close(self) -> None:
        """Do nothing: a folder needs no closing."""

    def _send(self, message: OutgoingMessage, folders: set[Path]) -> Outcome:
        try:
            path = self.path(message.uid, planned_at=message.planned_at)
            if not path.exists():
                self._write(path, self._to_bytes(message), message.attempt_uid)
                folders |= {path.parent, self._folder}
        except RenderError as error:
            return Refused(reason=reason(error), permanent=True)
        return Accepted(provider_id=path.name)

    def _write(self, path: Path, content: bytes, attempt_uid: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.stem}.{_UNFIT.sub('_', attempt_uid)[:64]}.tmp")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                if self._durable:
                    file.flush()
                    os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _halted(error: OSError, now: datetime) -> Halted:
    return Halted(reason=reason(f"outbox: {error.strerror}"), until=now + _TRY_AGAIN)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
