"""The last look at a group's leads, under the lock in which their mail starts to leave."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nurture.core.errors import NurtureError
from nurture.core.gate import Go, Later, Never, after_no_render, last_gate, unread_gate
from nurture.core.lead import Recipient
from nurture.core.message import Address, Message, MessageState, OutgoingMessage
from nurture.core.project import Project
from nurture.core.throttle import Pacing
from nurture.core.value import value
from nurture.engine import intake, throttle
from nurture.engine.runtime import Runtime
from nurture.store import history, leads
from nurture.store.db import Connection
from nurture.transports.base import reason as without_addresses

log = logging.getLogger(__name__)

_LONGEST_WHY = 200
_NOT_AT_ALL = timedelta()


@value(frozen=True, slots=True, kw_only=True)
class Ready:
    """A mail that could leave now."""

    message: Message
    outgoing: OutgoingMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrendered:
    """A mail that could not be rendered, and why: it is tried again while it may still leave."""

    message: Message
    why: str


@dataclass(slots=True, kw_only=True)
class Leaving:
    """What the last gate says about a group. What is put off has a time and a reason.

    What comes `again` is looked at as soon as may be, and keeps what else it waits for.
    """

    go: list[Ready] = field(default_factory=list)
    later: list[tuple[int, datetime, str]] = field(default_factory=list)
    again: list[tuple[int, str]] = field(default_factory=list)
    unrendered: list[tuple[int, datetime, str]] = field(default_factory=list)
    stopped: list[tuple[int, MessageState, str]] = field(default_factory=list)


def why_not(what: str, error: Exception) -> str:
    """Return why something failed, fit to be stored: a reason outlives an erasure."""
    # An error of ours is a sentence; of any other the kind says most.
    kind = "" if isinstance(error, NurtureError) else f"{type(error).__name__}: "
    return without_addresses(f"{what}: {kind}{error}".rstrip(": "))[:_LONGEST_WHY]


def pass_gate(
    runtime: Runtime,
    connection: Connection,
    group: Sequence[Ready | Unrendered],
    people: Mapping[int, Address],
    projects: Callable[[int], Project],
    pacing: Pacing,
    now: datetime,
) -> Leaving:
    """Return which mails of the group may leave, and what becomes of the others."""
    leaving = Leaving()
    # Leads before messages: whoever locks both does so in this order. And it keeps two workers
    # with a mail each for one lead from both finding room under its caps.
    held = leads.held_recipients(connection, people, now=now)
    held = intake.with_stops(runtime, connection, held)
    sent = history.left_recently(connection, held, now=now)
    emails = [person.email for person in people.values()]
    meter = throttle.Meter(connection, pacing, emails, now=now) if pacing.is_set else None
    for item in group:
        message = item.message
        recipient, recent = held[message.lead_id], sent.setdefault(message.lead_id, [])
        if recipient.email != people[message.lead_id].email:
            leaving.again.append((message.id, "the address has changed"))
            continue
        match _judged(item, recipient, projects, recent, now):
            case Go(), Ready() as ready:
                wait = meter.take(recipient.email, message.reason) if meter else None
                if wait is None:
                    leaving.go.append(ready)
                    recent.append(now)
                else:
                    leaving.later.append((message.id, *wait))
            case Never(state=state, reason=reason), _:
                leaving.stopped.append((message.id, state, reason))
            case Later(not_before=at, reason=reason), Ready() if at <= now:
                leaving.again.append((message.id, reason))
            case Later(not_before=at, reason=reason), Unrendered():
                leaving.unrendered.append((message.id, at, reason))
            case Later(not_before=at, reason=reason), _:
                leaving.later.append((message.id, at, reason))
    if meter:
        meter.keep(connection)
    return leaving


def _judged(
    item: Ready | Unrendered,
    recipient: Recipient,
    projects: Callable[[int], Project],
    recent: Sequence[datetime],
    now: datetime,
) -> tuple[Go | Later | Never, Ready | Unrendered]:
    """Return the gate's answer. What nobody can judge is like what nobody can render."""
    message = item.message
    try:
        project, kept = projects(message.release_id), _kept(item, now)
        answer = last_gate(message, recipient, project, recent, now=now, kept=kept)
    except Exception as error:
        log.exception("message=%s could not be judged", message.uid)
        lost = why_not("not judged", error)
        why = item.why if isinstance(item, Unrendered) else lost
        found = unread_gate(message, recipient, why, now=now)
        return found, Unrendered(message=message, why=why)
    if isinstance(item, Unrendered) and not isinstance(answer, Never):
        answer = after_no_render(message, item.why, now=now)
    return answer, item


def _kept(item: Ready | Unrendered, now: datetime) -> timedelta:
    """Return how long the provider keeps the mail before it leaves."""
    mark = item.outgoing.fence if isinstance(item, Ready) else None
    return mark.send_at - now if mark is not None else _NOT_AT_ALL
