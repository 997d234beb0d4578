"""Work the posts of mail providers: events become facts about the message they name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from nurture.core.errors import RefusedInput
from nurture.core.event import EventKind, NewEvent
from nurture.core.message import DeliveryState, Message
from nurture.core.project import Project
from nurture.core.signal import read_signals
from nurture.engine import intake, signals
from nurture.engine.runtime import Runtime
from nurture.store import leads, messages, profiles, raw_posts
from nurture.store.db import Connection

log = logging.getLogger(__name__)

MACHINE_CLICK = timedelta(seconds=10)
"""Opens and clicks so soon after delivery are a scanner's (measured from delivered, not sent)."""

DELIVERY = {
    EventKind.MESSAGE_PROCESSED: DeliveryState.PROCESSED,
    EventKind.MESSAGE_DEFERRED: DeliveryState.DEFERRED,
    EventKind.MESSAGE_DELIVERED: DeliveryState.DELIVERED,
    EventKind.MESSAGE_BOUNCED: DeliveryState.BOUNCED,
    EventKind.MESSAGE_BLOCKED: DeliveryState.BLOCKED,
    EventKind.MESSAGE_DROPPED: DeliveryState.DROPPED,
}

PROOF = frozenset(DELIVERY) | {
    EventKind.MESSAGE_OPENED,
    EventKind.MESSAGE_CLICKED,
    EventKind.MESSAGE_COMPLAINED,
    EventKind.MESSAGE_UNSUBSCRIBED,
}
"""Events that prove that the provider took the message."""


class ProviderEvent(Protocol):
    """One event as a provider's adapter normalises it."""

    @property
    def event_id(self) -> str: ...  # noqa: D102 (the names say it)
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def message_uid(self) -> str | None: ...  # noqa: D102
    @property
    def email(self) -> str: ...  # noqa: D102
    @property
    def occurred_at(self) -> datetime: ...  # noqa: D102
    @property
    def machine(self) -> bool | None: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


Parser = Callable[[bytes], tuple[Sequence[ProviderEvent], Sequence[str]]]
"""Turns a stored body into events and a line for each item that could not be read."""


@dataclass(slots=True, kw_only=True)
class Echoed:
    """What one pass over provider posts did."""

    posts: int = 0
    events: int = 0
    unmatched: int = 0
    unreadable: int = 0


def run(
    runtime: Runtime, parsers: Mapping[str, Parser], *, now: datetime, limit: int = 100
) -> Echoed:
    """Work posts that are stored and not worked yet; call it until `posts` is 0."""
    counts = Echoed()
    with runtime.database.read() as connection:
        if not raw_posts.any_open(connection):
            return counts
    with runtime.database.write() as connection:
        project = runtime.in_force(connection).project
        for post_id, provider, body in raw_posts.take(connection, limit=limit):
            counts.posts += 1
            if provider == signals.PROVIDER:
                _work_signals(runtime, connection, (post_id, body), project, counts, now)
                continue
            found, problems = parsers[provider](body)
            counts.unreadable += len(problems)
            _apply(runtime, connection, provider, found, project, counts, now)
            raw_posts.done(connection, post_id, now=now, error="; ".join(problems)[:500])
    return counts


def _work_signals(
    runtime: Runtime,
    connection: Connection,
    post: tuple[int, bytes],
    project: Project,
    counts: Echoed,
    now: datetime,
) -> None:
    """Work a post of signals. Its body may name people we do not know: it is not kept."""
    post_id, body = post
    taken, error = signals.Taken(), ""
    try:
        found = read_signals(body, now=None)
    except RefusedInput as refused:
        counts.unreadable += 1
        error = str(refused)
    else:
        signals.take(runtime, connection, found, taken, project=project, now=now)
        counts.events += taken.recorded + taken.on_accounts
        counts.unmatched += taken.unknown
        if taken.unknown:
            error = f"{taken.unknown} of {taken.signals} about nobody we know"
    raw_posts.done(connection, post_id, now=now, error=error[:500], keep=False)


def _apply(
    runtime: Runtime,
    connection: Connection,
    provider: str,
    found: Sequence[ProviderEvent],
    project: Project,
    counts: Echoed,
    now: datetime,
) -> None:
    uids = {event.message_uid for event in found if event.message_uid}
    known = messages.by_uids(connection, uids)
    people = leads.read(connection, sorted({m.lead_id for m in known.values()}))
    new, reported, proven, unnamed = [], [], {}, []
    # Deliveries first: a click of the same post is judged by when the mail was delivered.
    for event in found:
        message = known.get(event.message_uid or "")
        if message is None:
            unnamed.append(event)
            continue
        if people[message.lead_id].email.casefold() != event.email.casefold():
            # The event names a message of ours and an address that is not its recipient's.
            counts.unmatched += 1
            continue
        kind = EventKind(event.kind)
        if kind in DELIVERY:
            reported.append((message.id, DELIVERY[kind], event.occurred_at))
        if kind in PROOF:
            proven[message.id] = ""
        new.append((event, message, kind))
    if proven:
        messages.accept(connection, proven, now=now)
    messages.raise_delivery(connection, reported)
    delivered = messages.delivered_times(connection, [m.id for _, m, _ in new])
    facts = [_fact(provider, e, m, kind, delivered.get(m.id), now) for e, m, kind in new]
    counts.events += len(intake.record(runtime, connection, facts, project=project, now=now))
    _suppress_unnamed(runtime, connection, unnamed, counts, now)


def _fact(
    provider: str,
    event: ProviderEvent,
    message: Message,
    kind: EventKind,
    delivered_at: datetime | None,
    now: datetime,
) -> NewEvent:
    acts = kind in (EventKind.MESSAGE_OPENED, EventKind.MESSAGE_CLICKED)
    early = acts and delivered_at is not None and event.occurred_at < delivered_at + MACHINE_CLICK
    human = kind is EventKind.MESSAGE_CLICKED and not early and not event.machine
    return NewEvent(
        lead_id=message.lead_id,
        kind=kind,
        subject=message.template,
        # A provider's clock may run ahead of ours; nothing happens in the future.
        occurred_at=min(event.occurred_at, now),
        source=provider,
        source_key=event.event_id,
        human=human or not acts,
        detail={"reason": event.reason} if event.reason else {},
    )


def _suppress_unnamed(
    runtime: Runtime,
    connection: Connection,
    unnamed: Sequence[ProviderEvent],
    counts: Echoed,
    now: datetime,
) -> None:
    """Late bounces and complaints come without our ids: stop the address, touch no message."""
    stops = {
        EventKind.MESSAGE_BOUNCED: "bounced",
        EventKind.MESSAGE_COMPLAINED: "complained",
    }
    hashed, reasons = {}, {}
    for event in unnamed:
        reason = stops.get(EventKind(event.kind))
        if reason is None or event.message_uid:
            counts.unmatched += 1
            continue
        hashed[intake.address_hash(runtime, event.email)] = (reason, "reported by the provider")
        reasons[event.email.casefold()] = reason
    profiles.suppress(connection, hashed, now=now)
    owners = leads.ids_by_match_key(connection, reasons)
    profiles.mark_suppressed(connection, {owners[key]: reasons[key] for key in owners})
    leads.touch(connection, owners.values(), now=now)
