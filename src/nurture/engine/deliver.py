"""Deliver planned mail: lease, render, last gate, dispatch in small groups, settle.

A lease is harmless to lose. Only the group whose bytes are leaving is committed as dispatching
beforehand, so that a killed worker leaves at most one group in doubt. Nothing is open in the
database while a batch renders or sends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol, assert_never

from nurture.core.doubt import PARK_AFTER
from nurture.core.event import EventKind, NewEvent
from nurture.core.gate import Later, after_refusal
from nurture.core.message import (
    Accepted,
    Address,
    Halted,
    Message,
    MessageState,
    Outcome,
    OutgoingMessage,
    Refused,
    Uncertain,
)
from nurture.core.project import Project
from nurture.core.throttle import Pacing
from nurture.engine import intake, throttle
from nurture.engine.last_look import Ready, Unrendered, pass_gate, why_not
from nurture.engine.mailroom import Mailroom
from nurture.engine.runtime import Runtime
from nurture.store import dispatch, leads, messages, switches
from nurture.store.db import Connection

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
GRACE = timedelta(minutes=1)
"""So long after the transport's longest wait a worker whose group was leaving is taken for dead."""


class Transport(Protocol):
    """A way out for mail, as narrow as delivery needs it."""

    @property
    def name(self) -> str:
        """The name under which attempts and halts are recorded."""
        ...

    @property
    def group_size(self) -> int:
        """How many messages leave together, and so may come into doubt together."""
        ...

    @property
    def longest_wait(self) -> timedelta:
        """How long handing one group over takes at the most."""
        ...

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Hand messages over and return one outcome each, in order; never raises."""
        ...

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Remove what the transport itself keeps of mails: (public id, planned at)."""
        ...


@dataclass(slots=True, kw_only=True)
class Delivered:
    """What one delivery pass did."""

    claimed: int = 0
    accepted: int = 0
    postponed: int = 0
    stopped: int = 0
    refused: int = 0
    uncertain: int = 0
    unrendered: int = 0
    halted: str = ""
    throttled: str = ""


def run(
    runtime: Runtime,
    mailroom: Mailroom,
    transport: Transport,
    *,
    now: datetime,
    limit: int = 1000,
    lead_ids: Sequence[int] | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Delivered:
    """Send one batch of ready mail and return what happened; call it until `claimed` is 0.

    `clock` is read before each group, so that a deadline is the group's own; without it all
    happens at `now`.
    """
    counts = Delivered()
    with runtime.database.lease() as connection:
        pacing = runtime.in_force(connection).project.workspace.pacing
        limit = min(limit, _room(connection, transport, pacing, counts, now, limit))
        batch = (
            messages.claim(connection, now=now, lease=LEASE, limit=limit, lead_ids=lead_ids)
            if limit
            else []
        )
    counts.claimed = len(batch)
    for group in _groups(batch, transport.group_size):
        if counts.halted:
            _give_back(runtime, group, now)
            continue
        at = clock() if clock else now
        _send_group(runtime, mailroom, transport, pacing, group, counts, at)
    return counts


def settle_doubt(runtime: Runtime, *, now: datetime) -> tuple[int, int]:
    """Reap messages of dead workers and park what stayed uncertain; return both counts."""
    with runtime.database.write() as connection:
        reaped = dispatch.reap(connection, now=now)
        parked = dispatch.park(connection, now=now, after=PARK_AFTER)
    return reaped, parked


def _room(
    connection: Connection,
    transport: Transport,
    pacing: Pacing,
    counts: Delivered,
    now: datetime,
    limit: int,
) -> int:
    """Return how many mails may leave at most, and note what halts or throttles them."""
    counts.halted = _halted(connection, transport, pacing, now)
    if not counts.halted and pacing.breakers:
        counts.halted = throttle.trip(connection, pacing, now=now)
    if counts.halted:
        return 0
    if not pacing.is_set:
        return limit
    room, why = throttle.room(connection, pacing, now=now)
    if room == 0:
        counts.throttled = why
    return limit if room is None else min(limit, room)


def _halted(connection: Connection, transport: Transport, pacing: Pacing, now: datetime) -> str:
    names = throttle.switch_names(transport.name, pacing)
    return switches.first_halted(connection, names, now=now)


def _groups(batch: Sequence[Message], size: int) -> Iterator[Sequence[Message]]:
    for start in range(0, len(batch), size):
        yield batch[start : start + size]


def _give_back(runtime: Runtime, group: Sequence[Message], now: datetime) -> None:
    with runtime.database.write() as connection:
        dispatch.postpone(connection, [(m.id, now, "transport halted") for m in group])


def _send_group(
    runtime: Runtime,
    mailroom: Mailroom,
    transport: Transport,
    pacing: Pacing,
    group: Sequence[Message],
    counts: Delivered,
    now: datetime,
) -> None:
    with runtime.database.read() as connection:
        people = leads.addresses(connection, {message.lead_id for message in group})
        projects = runtime.projects(connection, {message.release_id for message in group})
    rendered = _render(mailroom, group, people, projects)
    with runtime.database.write() as connection:
        # Asked again: who presses pause while a batch is leaving means the rest of it too.
        counts.halted = _halted(connection, transport, pacing, now)
        if counts.halted:
            dispatch.postpone(connection, [(m.id, now, "transport halted") for m in group])
            return
        leaving = pass_gate(runtime, connection, rendered, people, projects, pacing, now)
        began = dispatch.begin(connection, _attempts(leaving.go, transport, now), now=now)
        dispatch.stop(connection, leaving.stopped, now=now)
        dispatch.postpone(connection, leaving.later)
        dispatch.postpone(connection, leaving.unrendered, burned=True)
    counts.unrendered += len(leaving.unrendered)
    counts.stopped += len(leaving.stopped)
    counts.postponed += len(leaving.later)
    going = [item for item in leaving.go if item.message.id in began]
    if not going:
        return
    # From here on the outcome of these messages can become unknown.
    outcomes = _send(transport, [item.outgoing for item in going], now)
    with runtime.database.write() as connection:
        results = list(zip(going, outcomes, strict=True))
        _note_bounces(runtime, connection, transport, results, now)
        _settle(connection, transport, results, counts, now)


def _send(transport: Transport, mails: Sequence[OutgoingMessage], now: datetime) -> list[Outcome]:
    """Hand the mails over; one that raises against its promise leaves these in doubt, no more."""
    try:
        outcomes = transport.send(mails, now=now)
    except Exception as error:
        log.exception("the transport %s failed over a group", transport.name)
        return [Uncertain(reason=f"the transport failed: {type(error).__name__}") for _ in mails]
    if len(outcomes) != len(mails):
        log.error("the transport %s answered %s of %s", transport.name, len(outcomes), len(mails))
        return [Uncertain(reason="the transport did not answer for every mail") for _ in mails]
    return outcomes


def _render(
    mailroom: Mailroom,
    group: Sequence[Message],
    people: Mapping[int, Address],
    projects: Callable[[int], Project],
) -> list[Ready | Unrendered]:
    rendered: list[Ready | Unrendered] = []
    for message in group:
        try:
            project = projects(message.release_id)
            outgoing = mailroom.outgoing(project, message, people[message.lead_id])
        except Exception as error:
            # One template or lead that cannot be rendered must not hold up the others.
            log.exception("message=%s could not be rendered", message.uid)
            rendered.append(Unrendered(message=message, why=why_not("not rendered", error)))
        else:
            rendered.append(Ready(message=message, outgoing=outgoing))
    return rendered


def _attempts(
    leaving: Sequence[Ready], transport: Transport, now: datetime
) -> list[dispatch.NewAttempt]:
    return [
        dispatch.NewAttempt(
            uid=item.outgoing.attempt_uid,
            message_id=item.message.id,
            epoch=item.message.epoch + 1,
            transport=transport.name,
            body_hash=_body_hash(item.outgoing),
            deadline=now + transport.longest_wait + GRACE,
        )
        for item in leaving
    ]


def _body_hash(outgoing: OutgoingMessage) -> str:
    mail = outgoing.mail
    return sha256(f"{mail.subject}\0{mail.text}\0{mail.html}".encode()).hexdigest()[:32]


def _note_bounces(
    runtime: Runtime,
    connection: Connection,
    transport: Transport,
    results: Sequence[tuple[Ready, Outcome]],
    now: datetime,
) -> None:
    """Record refusals of an address itself, which stop it: there is no report to wait for."""
    bounced = [
        NewEvent(
            lead_id=item.message.lead_id,
            kind=EventKind.MESSAGE_BOUNCED,
            subject=item.message.template,
            occurred_at=now,
            source=transport.name,
            source_key=item.outgoing.attempt_uid,
            human=True,
            detail={"reason": outcome.reason},
        )
        for item, outcome in results
        if isinstance(outcome, Refused) and outcome.no_mailbox
    ]
    if bounced:
        project = runtime.in_force(connection).project
        intake.record(runtime, connection, bounced, project=project, now=now)


def _settle(
    connection: Connection,
    transport: Transport,
    results: Sequence[tuple[Ready, Outcome]],
    counts: Delivered,
    now: datetime,
) -> None:
    settled = []
    for item, outcome in results:
        settled.append(_settlement(item.message, outcome, now))
        match outcome:
            case Accepted():
                counts.accepted += 1
            case Refused():
                counts.refused += 1
            case Uncertain():
                counts.uncertain += 1
            case Halted(reason=reason, until=until):
                counts.halted = reason
                name = f"transport:{transport.name}"
                switches.halt_at_least(connection, name, reason=reason, until=until, now=now)
            case _ as unknown:
                assert_never(unknown)
    dispatch.settle(connection, settled, now=now)


def _settlement(message: Message, outcome: Outcome, now: datetime) -> dispatch.Settlement:
    state, reason, not_before, provider_id = MessageState.READY, "", None, ""
    match outcome:
        case Accepted(provider_id=provider_id, note=reason):
            state = MessageState.ACCEPTED
        case Refused():
            after = after_refusal(message, outcome, now=now)
            reason = after.reason
            if isinstance(after, Later):
                not_before = after.not_before
            else:
                state = after.state
        case Uncertain(reason=reason):
            state = MessageState.UNCERTAIN
        case Halted(reason=reason, until=until):
            not_before = until
        case _ as unknown:
            assert_never(unknown)
    return dispatch.Settlement(
        message_id=message.id,
        epoch=message.epoch + 1,
        state=state,
        outcome=type(outcome).__name__.lower(),
        provider_id=provider_id,
        reason=reason,
        not_before=not_before,
        burned=_burned(outcome),
    )


def _burned(outcome: Outcome) -> bool:
    match outcome:
        case Halted():
            return False
        case Refused(is_try=is_try):
            return is_try
        case _:
            return True
