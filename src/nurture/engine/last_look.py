"""The last look at a group's leads, under the lock in which their mail starts to leave."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nurture.core.gate import UNRENDERED_RETRY, Go, Later, Never, after_no_render, last_gate
from nurture.core.message import Address, Message, MessageState, OutgoingMessage
from nurture.core.project import Project
from nurture.core.throttle import Pacing
from nurture.engine import intake, throttle
from nurture.engine.runtime import Runtime
from nurture.store import history, leads
from nurture.store.db import Connection
from nurture.transports.base import reason as without_addresses

log = logging.getLogger(__name__)

_LONGEST_WHY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
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
    """What the last gate says about a group. What is put off has a time and a reason."""

    go: list[Ready] = field(default_factory=list)
    later: list[tuple[int, datetime, str]] = field(default_factory=list)
    unrendered: list[tuple[int, datetime, str]] = field(default_factory=list)
    stopped: list[tuple[int, MessageState, str]] = field(default_factory=list)


def why_not(what: str, error: Exception) -> str:
    """Return why something failed, fit to be stored: a reason outlives an erasure."""
    return without_addresses(f"{what}: {error}")[:_LONGEST_WHY]


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
            leaving.later.append((message.id, now, "the address has changed"))
            continue
        try:
            answer = last_gate(message, recipient, projects(message.release_id), recent, now=now)
        except Exception as error:
            log.exception("message=%s could not be judged", message.uid)
            why = why_not(f"not judged: {type(error).__name__}", error)
            answer = Later(not_before=now + UNRENDERED_RETRY, reason=why)
        if isinstance(item, Unrendered) and not isinstance(answer, Never):
            answer = after_no_render(message, item.why, now=now)
        match answer, item:
            case Never(state=state, reason=reason), _:
                leaving.stopped.append((message.id, state, reason))
            case Later(not_before=at, reason=reason), Unrendered():
                leaving.unrendered.append((message.id, at, reason))
            case Later(not_before=at, reason=reason), _:
                leaving.later.append((message.id, at, reason))
            case Go(), Ready():
                wait = meter.take(recipient.email) if meter else None
                if wait is None:
                    leaving.go.append(item)
                    recent.append(now)
                else:
                    leaving.later.append((message.id, *wait))
    if meter:
        meter.keep(connection)
    return leaving
