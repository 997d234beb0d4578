"""Send once more what has failed, by a person's word: the relay or the template is mended now.

It is one transaction: all of it, or nothing. Whatever could stop a mail when it failed still
does: windows, caps and stops hold, and what has expired does not leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from nurture.core.errors import MisuseError
from nurture.core.event import EventKind, NewEvent
from nurture.core.message import Message, MessageState
from nurture.engine import intake, settling
from nurture.engine.by_hand import Who
from nurture.engine.runtime import Runtime
from nurture.engine.story_notes import BY_HAND
from nurture.store import failures, leads, messages, records
from nurture.store.db import Connection
from nurture.store.doubts import Selection
from nurture.store.failures import Failed


def retry(runtime: Runtime, texts: Sequence[str], who: Who, *, now: datetime) -> list[Failed]:
    """Send the failed mails of these ids once more."""
    with runtime.database.write() as connection:
        whole = messages.by_uids(connection, {text.strip().casefold() for text in texts}).values()
        ids = {_one(connection, text, whole) for text in texts}
        mails = _held(connection, Selection(ids=tuple(sorted(ids))))
        if len(mails) != len(ids):
            raise MisuseError("mail to somebody who is stopped is not sent again")
        _retry(runtime, connection, mails, who, now)
    return mails


def retry_all(
    runtime: Runtime, wanted: Selection, who: Who, *, count: int, now: datetime
) -> list[Failed]:
    """Send every failed mail of the selection once more, if it is as many as was seen."""
    with runtime.database.write() as connection:
        mails = _held(connection, wanted)
        if len(mails) != count:
            raise MisuseError(
                f"{len(mails)} mails have failed there, and not {count}: look again, and then"
                " give that number"
            )
        _retry(runtime, connection, mails, who, now)
    return mails


def _held(connection: Connection, wanted: Selection) -> list[Failed]:
    """Return the failed mails, their leads being locked: whoever is stopped now is none of them.

    Leads before messages: whoever locks both does so in this order.
    """
    leads.hold(connection, {mail.lead_id for mail in failures.failed(connection, wanted)})
    return failures.failed(connection, wanted)


def _one(connection: Connection, text: str, whole: Iterable[Message]) -> int:
    """Return the failed mail whose id begins so."""
    mail = settling.called(connection, text, whole, see="`nurture why LEAD`")
    if mail.state is not MessageState.FAILED:
        raise MisuseError(f"mail {mail.uid} is {mail.state}; it has not failed")
    return mail.id


def _retry(
    runtime: Runtime, connection: Connection, mails: Sequence[Failed], who: Who, now: datetime
) -> None:
    ids, people = [mail.id for mail in mails], {mail.lead_id for mail in mails}
    said = f"to be tried again by order of {who.name}"
    if failures.retry(connection, ids, reason=said, now=now) != len(ids):
        raise MisuseError("some of them are tried again just now already; look again")
    told = [
        NewEvent(
            lead_id=mail.lead_id,
            kind=EventKind.MESSAGE_RESOLVED,
            subject=mail.template,
            occurred_at=now,
            source=BY_HAND,
            source_key=f"{mail.uid}/retried/{mail.epoch}/{now.isoformat()}",
            # The lead did nothing.
            human=False,
            detail={"by": f"{who.name}, tried again after it failed", "reason": who.reason},
        )
        for mail in mails
    ]
    intake.record(runtime, connection, told, project=None, now=now)
    leads.touch(connection, sorted(people), now=now)
    # Not the reason: it may name the person, and the audit outlives an erasure.
    uids = [mail.uid for mail in mails]
    records.note_audits(connection, uids, actor=who.name, action="message.retried", now=now)
