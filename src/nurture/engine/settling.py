"""Settle mails in doubt by a person's word: some by their ids, or all of a selection at once.

Only what is in doubt can be settled. It is one transaction: all of it is settled, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from nurture.core.errors import MisuseError
from nurture.core.event import EventKind, NewEvent
from nurture.core.lead import Stage
from nurture.core.message import Message
from nurture.engine import intake
from nurture.engine.by_hand import Who
from nurture.engine.runtime import Runtime
from nurture.engine.story_notes import BY_HAND
from nurture.store import by_hand, doubts, fences, leads, messages, records
from nurture.store.db import Connection
from nurture.store.doubts import InDoubt, Selection


def named(connection: Connection, texts: Sequence[str]) -> list[InDoubt]:
    """Return the mails in doubt whose ids begin so, or say which of the texts names none."""
    whole = messages.by_uids(connection, {text.strip().casefold() for text in texts})
    ids = set()
    for text in texts:
        mail = called(connection, text, whole.values(), see="`nurture message list`")
        if mail.state not in by_hand.IN_DOUBT:
            raise MisuseError(f"mail {mail.uid} is {mail.state}; there is no doubt to settle")
        ids.add(mail.id)
    found = doubts.in_doubt(connection, selection=Selection(ids=tuple(sorted(ids))))
    assert len(found) == len(ids), "what is in doubt was attempted"
    return found


def called(connection: Connection, text: str, whole: Iterable[Message], *, see: str) -> Message:
    """Return the mail whose id begins so; those in `whole` need not be looked for."""
    found = [mail for mail in whole if mail.uid == text.strip().casefold()]
    if not found and text.strip():
        found = by_hand.find_message(connection, text)
    if not found:
        raise MisuseError(f"no mail is called {text!r}; see {see}")
    if len(found) > 1:
        raise MisuseError(f"{text!r} is the beginning of several ids; give more of it")
    return found[0]


def settle(
    runtime: Runtime, texts: Sequence[str], who: Who, *, sent: bool, now: datetime
) -> list[InDoubt]:
    """Settle the mails of these ids: they were sent, or are to be sent again."""
    with runtime.database.write() as connection:
        mails = named(connection, texts)
        _settle(runtime, connection, mails, who, sent=sent, now=now)
    return mails


def settle_all(
    runtime: Runtime, wanted: Selection, who: Who, *, count: int, sent: bool, now: datetime
) -> list[InDoubt]:
    """Settle every mail in doubt of the selection, if it is as many as the person has seen."""
    with runtime.database.write() as connection:
        mails = doubts.in_doubt(connection, selection=wanted)
        if len(mails) != count:
            raise MisuseError(
                f"{len(mails)} mails are in doubt there, and not {count}: see them with"
                " `nurture message list`, and then give that number"
            )
        _settle(runtime, connection, mails, who, sent=sent, now=now)
    return mails


def _settle(
    runtime: Runtime,
    connection: Connection,
    mails: Sequence[InDoubt],
    who: Who,
    *,
    sent: bool,
    now: datetime,
) -> None:
    said = "counts as sent" if sent else "to be sent again"
    reason, ids = f"{said} by order of {who.name}", [mail.id for mail in mails]
    # Leads before messages: whoever locks both does so in this order.
    leads.hold(connection, {mail.lead_id for mail in mails})
    if sent:
        done = messages.accept(connection, dict.fromkeys(ids, ""), now=now, reason=reason)
    else:
        _refuse_kept(connection, mails, now)
        done = by_hand.send_again(connection, ids, reason=reason, now=now)
    if done != len(ids):
        which = f"message {mails[0].uid} was" if len(ids) == 1 else f"{len(ids) - done} were"
        raise MisuseError(f"{which} settled just now by a report; look again")
    _record(runtime, connection, mails, Who(name=f"{who.name}, {said}", reason=who.reason), now)
    leads.touch(connection, [mail.lead_id for mail in mails], now=now)
    action = "message.held_for_sent" if sent else "message.sent_again"
    # Not the reason: it may name the person, and the audit outlives an erasure.
    uids = [mail.uid for mail in mails]
    records.note_audits(connection, uids, actor=who.name, action=action, now=now)


def _refuse_kept(connection: Connection, mails: Sequence[InDoubt], now: datetime) -> None:
    """Refuse to send again what a provider still keeps, and may send yet."""
    kept = fences.kept_until(connection, [mail.id for mail in mails], now=now)
    if kept:
        uid = next(mail.uid for mail in mails if mail.id in kept)
        more = f", and {len(kept) - 1} more" if len(kept) > 1 else ""
        raise MisuseError(
            f"message {uid}{more} may leave the provider at {max(kept.values()):%Y-%m-%d %H:%M}"
            " UTC still; if it did not, say so after that"
        )


def _record(
    runtime: Runtime, connection: Connection, mails: Sequence[InDoubt], who: Who, now: datetime
) -> None:
    people = leads.read(connection, sorted({mail.lead_id for mail in mails}))
    told = {"by": who.name, "reason": who.reason}
    settled = [
        NewEvent(
            lead_id=mail.lead_id,
            kind=EventKind.MESSAGE_RESOLVED,
            subject=mail.template,
            occurred_at=now,
            source=BY_HAND,
            source_key=f"{mail.uid}/resolved/{mail.epoch}",
            # The lead did nothing.
            human=False,
            # Of the erased nothing is kept that somebody writes freely.
            detail={} if people[mail.lead_id].standing.stage is Stage.ERASED else told,
        )
        for mail in mails
    ]
    intake.record(runtime, connection, settled, project=None, now=now)
