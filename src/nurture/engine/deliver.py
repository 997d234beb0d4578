"""Deliver planned mail: lease, render, last gate, dispatch in small groups, settle.

A lease is harmless to lose. Only the group whose bytes are leaving is committed as dispatching
beforehand, so that a killed worker leaves at most one group in doubt. Nothing is open in the
database while a batch renders or sends.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from operator import attrgetter
from typing import Protocol, runtime_checkable

from nurture.core.doubt import PARK_AFTER
from nurture.core.message import Address, Message, Outcome, OutgoingMessage, Uncertain
from nurture.core.project import Project
from nurture.core.refusal import shuffled
from nurture.core.throttle import Pacing
from nurture.engine import fence, outcomes, throttle
from nurture.engine.last_look import Ready, Unrendered, pass_gate, why_not
from nurture.engine.mailroom import Mailroom
from nurture.engine.outcomes import Delivered
from nurture.engine.runtime import Runtime
from nurture.store import dispatch, leads, leases, messages, refusals, switches
from nurture.store.db import Connection
from nurture.transports.base import LEFT_OVER, PATIENCE

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
GRACE = timedelta(minutes=1)
"""So long after the transport's longest wait a worker whose group was leaving is taken for dead."""

Clock = Callable[[], datetime]


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


@runtime_checkable
class ByAccount(Protocol):
    """A transport whose provider has accounts, and reports of each what becomes of its mail."""

    @property
    def account(self) -> str:
        """What stands for the account."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How the mails of one pass leave."""

    mailroom: Mailroom
    transport: Transport
    pacing: Pacing
    clock: Clock | None


def run(
    runtime: Runtime,
    mailroom: Mailroom,
    transport: Transport,
    *,
    now: datetime,
    limit: int = 1000,
    lead_ids: Sequence[int] | None = None,
    clock: Clock | None = None,
) -> Delivered:
    """Send one batch of ready mail and return what happened; call it until `claimed` is 0.

    `clock` is read before each group, so that a deadline is the group's own, and once more before
    its first byte leaves; without it all happens at `now`.
    """
    counts = Delivered()
    with runtime.database.lease() as connection:
        pacing = runtime.in_force(connection).project.workspace.pacing
        limit = min(limit, _room(connection, transport, pacing, counts, now, limit))
        if not limit:
            return counts
        claim = messages.claim(connection, now=now, lease=LEASE, limit=limit, lead_ids=lead_ids)
    batch = sorted(claim.rows, key=attrgetter("id"))
    counts.claimed = len(batch)
    way = _Way(mailroom=mailroom, transport=transport, pacing=pacing, clock=clock)
    if pacing.is_set:
        batch = throttle.in_line(batch)
    if counts.row.is_long:
        batch = shuffled(batch, now=now)
    for group in _groups(batch, transport.group_size):
        if counts.halted:
            _give_back(runtime, group, now)
            continue
        going, counts.halted = fence.supplied(runtime, transport, group, now=now, clock=clock)
        if going:
            # Read after the provider was asked for ids: fences begin here.
            at = clock() if clock else now
            _send_group(runtime, way, going, counts, at)
    leases.give_back(runtime.database, claim)
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
    counts.row = refusals.in_a_row(connection, transport.name)
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
        _put_back(connection, group, now)


def _put_back(connection: Connection, group: Sequence[Message], now: datetime) -> None:
    # In one order everywhere: nobody has locked their leads.
    back = [(mail_id, "transport halted") for mail_id in sorted(m.id for m in group)]
    dispatch.give_back(connection, back, not_before=now)


def _send_group(
    runtime: Runtime, way: _Way, group: Sequence[Message], counts: Delivered, now: datetime
) -> None:
    transport = way.transport
    with runtime.database.read() as connection:
        people = leads.addresses(connection, {message.lead_id for message in group})
        projects = runtime.projects(connection, {message.release_id for message in group})
    rendered = fence.fenced(transport, _render(way.mailroom, group, people, projects), now=now)
    with runtime.database.write() as connection:
        # Asked again: who presses pause while a batch is leaving means the rest of it too.
        counts.halted = _halted(connection, transport, way.pacing, now)
        if counts.halted:
            _put_back(connection, group, now)
            fence.record(connection, transport, rendered, set())
            return
        leaving = pass_gate(runtime, connection, rendered, people, projects, way.pacing, now)
        # Read again: rendering and waiting for locks are no part of what the deadline allows for.
        at = way.clock() if way.clock else now
        began = dispatch.begin(connection, _departure(leaving.go, transport, at), now=now)
        fence.record(connection, transport, rendered, began.message_ids)
        dispatch.stop(connection, leaving.stopped, now=now)
        dispatch.postpone(connection, leaving.later)
        dispatch.give_back(connection, leaving.again, not_before=now)
        dispatch.postpone(connection, leaving.unrendered, unrendered=True)
    counts.unrendered += len(leaving.unrendered)
    counts.stopped += len(leaving.stopped)
    counts.postponed += len(leaving.later) + len(leaving.again)
    going = [item for item in leaving.go if item.message.id in began.message_ids]
    if not going:
        return
    # From here on the outcome of these messages can become unknown.
    answers = _send(transport, [item.outgoing for item in going], at, way.clock)
    answered = outcomes.Answered(
        transport=transport.name,
        departure_id=began.id,
        results=list(zip(going, answers, strict=True)),
    )
    outcomes.settle(runtime, answered, counts, now)


def _send(
    transport: Transport, mails: Sequence[OutgoingMessage], at: datetime, clock: Clock | None
) -> list[Outcome]:
    """Hand the mails over; one that raises against its promise leaves these in doubt, no more.

    Who stood still in between, by whatever stopped the machine, hands nothing over: the attempt is
    taken for lost by then, and what it was to send may be leaving again.
    """
    if clock is not None:
        # After this, what is begun could last beyond the deadline.
        leave_by = at + GRACE + min(PATIENCE, transport.longest_wait)
        if clock() > leave_by:
            return [LEFT_OVER] * len(mails)
        mails = [replace(mail, leave_by=leave_by) for mail in mails]
    try:
        answers = transport.send(mails, now=at)
    except Exception as error:
        log.exception("the transport %s failed over a group", transport.name)
        return [Uncertain(reason=f"the transport failed: {type(error).__name__}") for _ in mails]
    if len(answers) != len(mails):
        log.error("the transport %s answered %s of %s", transport.name, len(answers), len(mails))
        return [Uncertain(reason="the transport did not answer for every mail") for _ in mails]
    return answers


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


def _departure(
    leaving: Sequence[Ready], transport: Transport, now: datetime
) -> dispatch.NewDeparture:
    return dispatch.NewDeparture(
        attempts=[
            dispatch.NewAttempt(item.message.id, item.message.epoch + 1, _body_hash(item.outgoing))
            for item in leaving
        ],
        transport=transport.name,
        account=transport.account if isinstance(transport, ByAccount) else "",
        deadline=now + transport.longest_wait + GRACE,
    )


def _body_hash(outgoing: OutgoingMessage) -> str:
    mail = outgoing.mail
    return sha256(f"{mail.subject}\0{mail.text}\0{mail.html}".encode()).hexdigest()[:32]
