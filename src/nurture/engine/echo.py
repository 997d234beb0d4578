"""Work the posts of mail providers: events become facts about the message they name."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from nurture.core.errors import RefusedInput, TokenError
from nurture.core.event import EventKind, NewEvent
from nurture.core.humanity import OPENED, UNSUBSCRIBE, agent_of
from nurture.core.lead import Stage
from nurture.core.message import DeliveryState, Message
from nurture.core.signal import read_signals
from nurture.core.suppression import ERASED
from nurture.core.token import Purpose
from nurture.engine import fence, intake, replies, reported, signals, soft_bounces, traces
from nurture.engine.addressed import granted
from nurture.engine.runtime import Runtime
from nurture.store import feeds, leads, locks, messages, profiles, raw_posts, traces as traced
from nurture.store.db import Connection
from nurture.store.raw_posts import RawPost
from nurture.store.traces import NewTrace

log = logging.getLogger(__name__)

DELIVERY = {
    EventKind.MESSAGE_PROCESSED: DeliveryState.PROCESSED,
    EventKind.MESSAGE_DEFERRED: DeliveryState.DEFERRED,
    EventKind.MESSAGE_DELIVERED: DeliveryState.DELIVERED,
    EventKind.MESSAGE_BOUNCED: DeliveryState.BOUNCED,
    EventKind.MESSAGE_BLOCKED: DeliveryState.BLOCKED,
    EventKind.MESSAGE_DROPPED: DeliveryState.DROPPED,
}

TOLD_OF_ALL = frozenset({EventKind.MESSAGE_PROCESSED, EventKind.MESSAGE_DELIVERED})
"""What a provider tells of each mail, as far as it is asked to tell anything of mails that left."""

PROOF = frozenset(DELIVERY) | {
    EventKind.MESSAGE_OPENED,
    EventKind.MESSAGE_CLICKED,
    EventKind.MESSAGE_COMPLAINED,
    EventKind.MESSAGE_UNSUBSCRIBED,
}
"""Events that prove that the provider took the message."""


FIRST_SET_ASIDE = timedelta(minutes=1)
LONGEST_SET_ASIDE = timedelta(days=1)
LONGEST = 500
"""So much is kept of what is wrong with a post."""
_OUR_CLICK = re.compile(r"/c/([^/?#]+)$")
ACTS = frozenset({EventKind.MESSAGE_OPENED, EventKind.MESSAGE_CLICKED})
"""What a person does with a mail, or a machine."""


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
    def url(self) -> str: ...  # noqa: D102
    @property
    def user_agent(self) -> str: ...  # noqa: D102
    @property
    def ip(self) -> str: ...  # noqa: D102
    @property
    def soft(self) -> bool: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


Named = tuple[ProviderEvent, Message]
"""An event with the mail of ours that it is about."""

Parser = Callable[[bytes], tuple[Sequence[ProviderEvent], Sequence[str]]]
"""Turns a stored body into events and a line for each item that could not be read."""


@dataclass(slots=True, kw_only=True)
class Echoed:
    """What one pass over provider posts did.

    `stopped` are addresses that nobody here has, `set_aside` posts that could not be worked.
    """

    posts: int = 0
    events: int = 0
    stopped: int = 0
    unmatched: int = 0
    unreadable: int = 0
    set_aside: int = 0

    def add(self, other: Echoed) -> None:
        """Add what another pass did."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


def run(
    runtime: Runtime, parsers: Mapping[str, Parser], *, now: datetime, limit: int = 100
) -> Echoed:
    """Work posts that are stored and not worked yet; call it until `posts` is 0.

    It needs no release that can be loaded: what stops mail stops it in any case. Each is a
    transaction of its own: whoever stores the next one meanwhile does not wait long.
    """
    counts = Echoed()
    with runtime.database.read() as connection:
        if not raw_posts.any_due(connection, now=now):
            return counts
    while counts.posts < limit and _work_next(runtime, parsers, counts, now):
        pass
    return counts


def _work_next(
    runtime: Runtime, parsers: Mapping[str, Parser], counts: Echoed, now: datetime
) -> bool:
    """Work the oldest post, or set it aside; return whether there was one."""
    with runtime.database.write() as connection:
        post = raw_posts.take(connection, now=now)
        if post is None:
            return False
        counts.posts += 1
        try:
            done = _tried(runtime, connection, post, parsers, now)
        except Exception as error:
            # One post that cannot be worked must stop neither the others nor the mail.
            log.exception("post=%s set aside", post.id)
            pause = min(FIRST_SET_ASIDE * 2 ** min(post.failures, 12), LONGEST_SET_ASIDE)
            # Not the error's own words: they may quote the post.
            reason = f"could not be worked: {type(error).__name__}"
            raw_posts.set_aside(connection, post, until=now + pause, error=reason)
            counts.set_aside += 1
        else:
            counts.add(done)
    return True


def _tried(
    runtime: Runtime,
    connection: Connection,
    post: RawPost,
    parsers: Mapping[str, Parser],
    now: datetime,
) -> Echoed:
    def attempt() -> Echoed:
        done = Echoed()
        with runtime.database.attempt(connection):
            _work(runtime, connection, post, parsers, done, now)
        return done

    return locks.once_more(attempt)


def _work(
    runtime: Runtime,
    connection: Connection,
    post: RawPost,
    parsers: Mapping[str, Parser],
    counts: Echoed,
    now: datetime,
) -> None:
    match post.provider:
        case signals.PROVIDER:
            error = _work_signals(runtime, connection, post, counts, now)
            raw_posts.done(connection, post.id, now=now, error=error, keep=False)
        case replies.PROVIDER:
            error = _work_reply(runtime, connection, post, counts, now)
            raw_posts.done(connection, post.id, now=now, error=error, keep=False)
        case provider:
            found, problems = parsers[provider](post.body)
            counts.unreadable += len(problems)
            keep = _apply(runtime, connection, post, found, counts, now)
            error = "; ".join(problems)[:LONGEST]
            raw_posts.done(connection, post.id, now=now, error=error, keep=keep)


def _work_signals(
    runtime: Runtime, connection: Connection, post: RawPost, counts: Echoed, now: datetime
) -> str:
    """Work a post of signals; return what is wrong with it.

    Its body may name people we do not know: it is not kept.
    """
    taken = signals.Taken()
    try:
        found = read_signals(post.body, now=None)
    except RefusedInput as refused:
        counts.unreadable += 1
        return str(refused)[:LONGEST]
    signals.take(runtime, connection, found, taken, project=None, now=now)
    counts.events += taken.recorded + taken.on_accounts
    counts.unmatched += taken.unknown
    return f"{taken.unknown} of {taken.signals} about nobody we know" if taken.unknown else ""


def _work_reply(
    runtime: Runtime, connection: Connection, post: RawPost, counts: Echoed, now: datetime
) -> str:
    """Work a mail that came in; return what is wrong with it.

    What counts of it is in the ledger: the mail is not kept.
    """
    try:
        at = min(post.received_at, now)
        taken = replies.record_reply(runtime, connection, post.body, now=now, received_at=at)
    except RefusedInput as refused:
        counts.unreadable += 1
        return str(refused)[:LONGEST]
    counts.events += taken is not None
    counts.unmatched += taken is None
    return "" if taken else "answers no mail of ours"


def _apply(
    runtime: Runtime,
    connection: Connection,
    post: RawPost,
    found: Sequence[ProviderEvent],
    counts: Echoed,
    now: datetime,
) -> bool:
    """Do what the events call for; False: some are about the erased, and the post is not kept."""
    known = messages.by_uids(connection, {e.message_uid for e in found if e.message_uid})
    of_leads = sorted({m.lead_id for m in known.values()})
    stops = _stops(post, [e for e in found if (e.message_uid or "") not in known], now)
    # Leads before messages: whoever locks both does so in this order. And all of them at once.
    leads.hold(connection, {*of_leads, *reported.owned(connection, stops).values()})
    people = leads.read(connection, of_leads)
    named: list[Named] = []
    unnamed = []
    for event in found:
        message = known.get(event.message_uid or "")
        if message is None:
            unnamed.append(event)
        elif people[message.lead_id].email.casefold() != event.email.casefold():
            # The event names a message of ours and an address that is not its recipient's.
            counts.unmatched += 1
        else:
            named.append((event, message))
    _hear(connection, post, named, now)
    _raise(connection, post, named, now)
    facts = [_fact(post, event, message, now) for event, message in named]
    fresh = intake.record_held(runtime, connection, facts, project=None, now=now)
    counts.events += len(fresh)
    acts = [(event, message) for event, message in named if EventKind(event.kind) in ACTS]
    kept = [_trace(runtime, post, event, message, now) for event, message in acts]
    traces.keep(connection, kept, now=now)
    soft = {event.lead_id for event in fresh if soft_bounces.DETAIL in event.detail}
    soft_bounces.count(runtime, connection, soft, now=now)
    counts.unmatched += len(unnamed) - len(stops)
    done = reported.take(runtime, connection, post.provider, stops, project=None, now=now)
    counts.events += done.leads
    counts.stopped += done.strangers
    if any(person.standing.stage is Stage.ERASED for person in people.values()):
        return False
    # A late bounce comes without our ids; of the erased their address is known by its hash only.
    hashes = {intake.address_hash(runtime, event.email) for event in unnamed if event.email}
    return ERASED not in profiles.suppressed(connection, hashes).values()


def _when(post: RawPost, event: ProviderEvent, now: datetime) -> datetime:
    """Return when the event happened: a clock that is ahead of ours names no future.

    What was told has happened when it was told, however late the post is worked.
    """
    return min(event.occurred_at, post.received_at, now)


def _hear(connection: Connection, post: RawPost, named: Sequence[Named], now: datetime) -> None:
    """Note how recently the provider told of mail of ours that left by it, account by account.

    Only what is told of every mail that leaves shows that it would have been told of one in doubt.
    """
    told = [(e, m) for e, m in named if EventKind(e.kind) in TOLD_OF_ALL]
    by = feeds.accounts(connection, post.provider, {message.id for _, message in told})
    newest: dict[str, datetime] = {}
    for event, message in told:
        if message.id in by:
            at, account = _when(post, event, now), by[message.id]
            newest[account] = max(at, newest.get(account, at))
    for account, at in sorted(newest.items()):
        feeds.heard(connection, post.provider, at, account=account)


def _raise(connection: Connection, post: RawPost, named: Sequence[Named], now: datetime) -> None:
    """Raise how far the mails have come. Clicks are judged by when they were delivered."""
    said = [(m, EventKind(e.kind), _when(post, e, now)) for e, m in named]
    said = [(m, kind, at) for m, kind, at in said if kind in PROOF]
    taken = fence.only_taken(connection, said)
    proven = {m.id: "" for m, _, _ in said if m.id not in taken}
    if proven:
        messages.prove(connection, proven, now=now)
    told = [
        (message.id, DELIVERY[EventKind(event.kind)], _when(post, event, now))
        for event, message in named
        if EventKind(event.kind) in DELIVERY
    ]
    messages.raise_delivery(connection, told)
    delivered = [i for i, state, _ in told if state is DeliveryState.DELIVERED]
    traced.judge_again(connection, delivered, now=now)


def _fact(post: RawPost, event: ProviderEvent, message: Message, now: datetime) -> NewEvent:
    detail = {"reason": event.reason} if event.reason else {}
    if event.soft:
        detail[soft_bounces.DETAIL] = message.uid
    return NewEvent(
        lead_id=message.lead_id,
        kind=EventKind(event.kind),
        subject=message.template,
        occurred_at=_when(post, event, now),
        source=post.provider,
        source_key=event.event_id,
        # What could be a machine's is nobody's until it is judged.
        human=EventKind(event.kind) not in ACTS,
        detail=detail,
    )


def _trace(
    runtime: Runtime, post: RawPost, event: ProviderEvent, message: Message, now: datetime
) -> NewTrace:
    return NewTrace(
        lead_id=message.lead_id,
        message_id=message.id,
        source=post.provider,
        source_key=event.event_id,
        link=_link(runtime, event, now),
        at=_when(post, event, now),
        agent=agent_of(event.user_agent),
        network=traces.hashed_network(runtime, event.ip),
        said=event.machine,
    )


def _link(runtime: Runtime, event: ProviderEvent, now: datetime) -> str:
    if EventKind(event.kind) is EventKind.MESSAGE_OPENED:
        return OPENED
    ours = _OUR_CLICK.search(event.url)
    if ours:
        # A provider that counts clicks too saw the same one: two names for it would be a burst.
        with suppress(TokenError):
            return str(granted(runtime, ours[1], Purpose.CLICK, now=now).number)
    if "unsubscribe" in event.url.casefold():
        return UNSUBSCRIBE
    # An address may name a person; which link it was can be told without it.
    return sha256(event.url.encode("utf-8", "replace")).hexdigest()[:16]


def _stops(post: RawPost, unnamed: Sequence[ProviderEvent], now: datetime) -> list[reported.Report]:
    """Return what stops an address without naming a mail that we know: it touches no mail.

    Late bounces and complaints come without our ids. Others name mail that was lost here with a
    day's data, or that another program sent through our account: the address is as good or bad.
    """
    return [
        reported.Report(
            key=event.event_id,
            kind=EventKind(event.kind),
            email=event.email,
            occurred_at=_when(post, event, now),
            reason=event.reason,
        )
        for event in unnamed
        if EventKind(event.kind) in reported.STOPS and event.email
    ]
