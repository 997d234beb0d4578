"""Mail that is neither on its way nor over: why, for how long, what will settle it, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nurture.core.doubt import PARK_AFTER, SendAgain, Stay
from nurture.core.gate import LATE
from nurture.core.message import MessageState
from nurture.engine import throttle
from nurture.engine.doubt import Evidences, judged
from nurture.engine.runtime import Runtime
from nurture.store import doubts, held_mails, pauses, switches
from nurture.store.db import Connection

PERSON = "your word: nurture message resolve"
TIME = "time; it passes the last gate again then"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One mail. `settles` says what ends its standing still; `at` when, None if nobody knows."""

    uid: str
    lead_id: int
    template: str
    state: MessageState
    reason: str
    since: datetime
    age: timedelta
    settles: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standstill:
    """Mail in doubt, longest first, then ready mail that is held; `more` is left off."""

    mails: Sequence[Held]
    more: int


def look(
    runtime: Runtime,
    evidences: Evidences,
    *,
    limit: int,
    now: datetime,
    selection: doubts.Selection | None = None,
) -> Standstill:
    """Return the mail that stands still, of ready mail no more than so much.

    With a selection, the mail in doubt that it means and nothing else.
    """
    with runtime.database.read() as connection:
        found = doubts.in_doubt(connection, selection=selection or doubts.EVERYTHING)
        doubtful = [
            _in_doubt(mail, verdict, now, reports=evidences.rules.reports)
            for mail, verdict in judged(runtime, connection, found, evidences, now=now)
        ]
        if selection is not None:
            return Standstill(mails=doubtful[:limit], more=max(0, len(doubtful) - limit))
        leaving = doubts.leaving(connection)
        pacing = runtime.in_force(connection).project.workspace.pacing
        names = throttle.switch_names(evidences.transport, pacing)
        ready, more = _ready(connection, names, limit, now)
    return Standstill(mails=[*doubtful, *[_leaving(m, now) for m in leaving], *ready], more=more)


def _in_doubt(
    mail: doubts.InDoubt, verdict: SendAgain | Stay, now: datetime, *, reports: bool
) -> Held:
    return Held(
        uid=mail.uid,
        lead_id=mail.lead_id,
        template=mail.template,
        state=mail.state,
        reason=mail.reason,
        since=mail.since,
        age=now - mail.since,
        settles=_settles(mail, verdict, reports=reports),
        at=_when(mail, verdict, now),
    )


def _leaving(mail: doubts.InDoubt, now: datetime) -> Held:
    """Return a mail that is being handed over: for a moment, or by a worker that is dead."""
    return Held(
        uid=mail.uid,
        lead_id=mail.lead_id,
        template=mail.template,
        state=mail.state,
        reason=f"leaving by {mail.transport}",
        since=mail.started_at,
        age=max(now - mail.started_at, timedelta()),
        settles="the answer; without one it is in doubt from then on",
        at=mail.deadline,
    )


def _settles(mail: doubts.InDoubt, verdict: SendAgain | Stay, *, reports: bool) -> str:
    if mail.state is MessageState.PARKED:
        return PERSON
    match verdict:
        case SendAgain():
            return "the next tick sends it again: all evidence says that it did not leave"
        case Stay(until=None):
            return "the next tick parks it for a person"
        case Stay(until=until) if until == mail.since + PARK_AFTER and not reports:
            return f"what its reader does; else {PERSON}"
        case Stay(reason=reason, until=until) if until == mail.since + PARK_AFTER:
            return f"a report of the provider; else it is parked for a person ({reason})"
        case Stay(reason=reason):
            return reason


def _when(mail: doubts.InDoubt, verdict: SendAgain | Stay, now: datetime) -> datetime | None:
    if mail.state is MessageState.PARKED:
        return None
    return (verdict.until or now) if isinstance(verdict, Stay) else now


def _ready(
    connection: Connection, names: Sequence[str], limit: int, now: datetime
) -> tuple[list[Held], int]:
    switched_off = [
        (name, reason, until)
        for name, reason, until in switches.all_halted(connection, now=now)
        if name in names
    ]
    found, whole = held_mails.held_mails(
        connection, everything=bool(switched_off), limit=limit, now=now
    )
    held = []
    for mail in found:
        one = Held(
            uid=mail.uid,
            lead_id=mail.lead_id,
            template=mail.template,
            state=MessageState.READY,
            reason=mail.reason or "planned for later",
            since=mail.since,
            age=now - mail.since,
            settles=TIME if mail.not_before > now else "the next tick",
            at=max(mail.not_before, now),
        )
        if mail.paused:
            one = _held_by_pause(connection, mail, one, now)
        elif mail.reason == LATE:
            one = replace(one, settles="your word: nurture sending late", at=None)
        elif switched_off:
            # The one that is off for longest: no other lets it leave before.
            name, reason, until = max(switched_off, key=lambda one: (one[2] is None, one[2] or now))
            text = f"{name} is off: {reason}"
            one = replace(one, reason=text, settles="nurture sending resume", at=until)
        held.append(one)
    return held, whole - len(held)


def _held_by_pause(
    connection: Connection, mail: held_mails.HeldMail, one: Held, now: datetime
) -> Held:
    reason, until = pauses.pause_of(connection, mail.lead_id, now=now) or ("", None)
    said = f"the lead is paused: {reason}" if reason else "the lead is paused"
    return replace(one, reason=said, settles="nurture lead resume", at=until)
