"""Settle mails in doubt by evidence: ask the provider, send again where all of it says so, or park.

Events settle most of them (see `echo`). Nothing is ever sent again on a guess: what a template
allows with `on_uncertain: resend` still needs every condition of `core.doubt`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, assert_never

from nurture.core.doubt import (
    PARK_AFTER,
    Absent,
    Answer,
    Doubt,
    Evidence,
    Found,
    SendAgain,
    Stay,
    Unanswered,
    judge,
)
from nurture.core.message import MessageState, OnUncertain
from nurture.core.project import Project
from nurture.engine import replies
from nurture.engine.deliver import settle_doubt
from nurture.engine.fence import Recall, call_back
from nurture.engine.runtime import Runtime
from nurture.store import doubts, feeds, leads, raw_posts
from nurture.store.db import Connection

log = logging.getLogger(__name__)

MOST_CALLS = 6
CALLS_PER = timedelta(minutes=1)
"""So many look-ups in so long is what the one provider that offers them allows."""
ASK_AGAIN = timedelta(hours=6)


class LookUp(Protocol):
    """A provider that can be asked about a single mail."""

    def find(self, uid: str, email: str, *, now: datetime) -> Answer:
        """Return what the provider knows of our mail to the address; never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidences:
    """Where a transport's doubts find evidence."""

    transport: str = ""
    rules: Evidence = field(default_factory=Evidence)
    look_up: LookUp | None = None
    recall: Recall | None = None


@dataclass(slots=True, kw_only=True)
class Settled:
    """What one pass over mails in doubt did."""

    reaped: int = 0
    parked: int = 0
    found: int = 0
    again: int = 0
    called_back: int = 0
    withheld: int = 0


def settle(
    runtime: Runtime,
    evidences: Evidences,
    *,
    now: datetime,
    clock: Callable[[], datetime] | None = None,
) -> Settled:
    """Reap, park, call back, ask, and send again what all evidence says never left."""
    reaped, parked = settle_doubt(runtime, now=now)
    done = Settled(reaped=reaped, parked=parked)
    if evidences.recall is not None:
        recalled = call_back(runtime, evidences.recall, evidences.transport, now=now, clock=clock)
        done.called_back, done.withheld = recalled.again, recalled.withheld
    if evidences.look_up is not None:
        done.found = _ask(runtime, evidences, evidences.look_up, now)
    if evidences.rules.reports:
        done.again = _send_again(runtime, evidences, now)
    return done


def _ask(runtime: Runtime, evidences: Evidences, look_up: LookUp, now: datetime) -> int:
    """Ask about a few mails, nothing being open in the database meanwhile."""
    due_before, name = now - evidences.rules.quiet, evidences.transport
    with runtime.database.write() as connection:
        waiting = [
            mail
            for mail in doubts.in_doubt(connection, [MessageState.UNCERTAIN])
            if mail.transport == name
            and max(mail.since, mail.send_at or mail.since) <= due_before
            and (mail.absent_at is None or mail.absent_at <= now - ASK_AGAIN)
        ]
        if not waiting:
            return 0
        granted = doubts.reserve_calls(
            connection, name, wanted=len(waiting), most=MOST_CALLS, per=CALLS_PER, now=now
        )
        # Who was never asked about comes first.
        waiting.sort(key=lambda mail: (mail.absent_at is not None, mail.since, mail.id))
        asked = waiting[:granted]
        people = leads.addresses(connection, {mail.lead_id for mail in asked})
    answers: list[tuple[doubts.InDoubt, Answer]] = []
    for mail in asked:
        answer = look_up.find(mail.uid, people[mail.lead_id].email, now=now)
        answers.append((mail, answer))
        if isinstance(answer, Unanswered):
            break
    return _note(runtime, name, answers, now)


def _note(
    runtime: Runtime, name: str, answers: Sequence[tuple[doubts.InDoubt, Answer]], now: datetime
) -> int:
    found, absent = 0, {}
    if not answers:
        return 0
    with runtime.database.write() as connection:
        for mail, answer in answers:
            match answer:
                case Found(provider_id=provider_id, evidence=evidence):
                    found += doubts.note_found(
                        connection, mail.id, provider_id=provider_id, evidence=evidence, now=now
                    )
                case Absent():
                    absent[mail.id] = mail.epoch
                case Unanswered(reason=reason, until=until):
                    log.warning("look-up of message=%s: %s", mail.uid, reason)
                    doubts.rest_calls(connection, name, until=until)
                case _ as unknown:
                    assert_never(unknown)
        doubts.note_absent(connection, absent, now=now)
    return found


def _send_again(runtime: Runtime, evidences: Evidences, now: datetime) -> int:
    """Make ready once more what `core.doubt` lets leave; who asks sees the reasons of the rest."""
    with runtime.database.write() as connection:
        young = [
            mail
            for mail in doubts.in_doubt(connection, [MessageState.UNCERTAIN])
            if mail.since > now - PARK_AFTER
        ]
        by_reason: dict[str, list[int]] = {}
        for mail, verdict in judged(runtime, connection, young, evidences, now=now):
            if isinstance(verdict, SendAgain):
                by_reason.setdefault(verdict.reason, []).append(mail.id)
        return sum(
            len(doubts.send_again(connection, ids, reason=reason, now=now))
            for reason, ids in by_reason.items()
        )


def judged(
    runtime: Runtime,
    connection: Connection,
    mails: Sequence[doubts.InDoubt],
    evidences: Evidences,
    *,
    now: datetime,
) -> list[tuple[doubts.InDoubt, SendAgain | Stay]]:
    """Return each mail in doubt with what becomes of it if nothing is heard."""
    names = {mail.transport for mail in mails}
    heard = {
        (name, account): feeds.heard_at(connection, name, account=account)
        for name, account in {(mail.transport, mail.account) for mail in mails}
    }
    # Also what another worker is at: its proofs count only when it is done. A reply is one, too.
    answered = raw_posts.any_open(connection, provider=replies.PROVIDER)
    unread = {name: answered or raw_posts.any_open(connection, provider=name) for name in names}
    projects = runtime.projects(connection, {mail.release_id for mail in mails})
    # A mail that left another way than mail does now has no evidence to wait for here.
    foreign = Evidence()
    return [
        (
            mail,
            judge(
                Doubt(
                    policy=_policy(projects, mail),
                    started_at=mail.started_at,
                    since=mail.since,
                    send_at=mail.send_at,
                    expires_at=mail.expires_at,
                    doubtful=mail.doubtful,
                    heard_at=heard[mail.transport, mail.account],
                    absent_at=mail.absent_at,
                    unread=unread[mail.transport],
                ),
                evidences.rules if mail.transport == evidences.transport else foreign,
                now=now,
            ),
        )
        for mail in mails
    ]


def _policy(projects: Callable[[int], Project], mail: doubts.InDoubt) -> OnUncertain:
    try:
        return projects(mail.release_id).templates[mail.template].on_uncertain
    except Exception:
        # A release that cannot be read any more allows nothing.
        log.exception("message=%s: its release cannot be read", mail.uid)
        return OnUncertain.HOLD
