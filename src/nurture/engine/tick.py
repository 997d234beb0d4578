"""A tick: one pass over everything that is due, for everybody or for a few leads (the doorbell)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from nurture.engine import (
    advance,
    assess,
    deliver,
    doubt,
    echo,
    erase,
    fence,
    handoff,
    lifecycle,
    segments,
    throttle,
    traces,
)
from nurture.engine.mailroom import Mailroom
from nurture.engine.runtime import Runtime
from nurture.store import erasure
from nurture.store.locks import once_more

GROUPS_A_BATCH = 5
"""Groups of mail leased together: few, so that a lease outlives the slowest provider."""
FORGET_AGAIN = timedelta(days=7)
SETTLE_AGAIN = timedelta(minutes=2)
"""So often doubts are settled while mail leaves: what a provider keeps is called back in time."""
MOST_ROUNDS = 10_000
"""Batches of one kind in one tick; a safety net against work that never ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The ways out of the engine: mail, webhooks, and how to read what providers post."""

    mailroom: Mailroom
    transport: deliver.Transport
    sender: handoff.Sender
    parsers: Mapping[str, echo.Parser] = field(default_factory=dict)
    evidences: doubt.Evidences = field(default_factory=doubt.Evidences)
    clock: Callable[[], datetime] | None = None
    """Read before each group of mail, so that deadlines are those of the group; else `now`."""


@dataclass(slots=True, kw_only=True)
class Ticked:
    """Everything that one tick did, summed over its batches."""

    echo: dict[str, int] = field(default_factory=dict)
    clicks: dict[str, int] = field(default_factory=dict)
    assess: dict[str, int] = field(default_factory=dict)
    advance: dict[str, int] = field(default_factory=dict)
    deliver: dict[str, int] = field(default_factory=dict)
    handoff: dict[str, int] = field(default_factory=dict)
    halted: str = ""
    throttled: str = ""


def run(
    runtime: Runtime,
    ways: Ways,
    *,
    now: datetime,
    limit: int = 1000,
    lead_ids: Sequence[int] | None = None,
    total: Ticked | None = None,
) -> Ticked:
    """Do everything that is due now. Harmless to run twice, or several times at once.

    Whoever shows progress passes a `total` and reads it meanwhile.
    """
    total = Ticked() if total is None else total
    think(runtime, ways, total, now=now, limit=limit, lead_ids=lead_ids)
    if lead_ids is None:
        settle(runtime, ways, total, now=now)
    mail(runtime, ways, total, now=now, limit=limit, lead_ids=lead_ids)
    hand_off(runtime, ways, total, now=now, limit=limit, lead_ids=lead_ids)
    return total


def think(
    runtime: Runtime,
    ways: Ways,
    total: Ticked,
    *,
    now: datetime,
    limit: int,
    lead_ids: Sequence[int] | None = None,
) -> None:
    """Work provider posts, judge clicks, assess and advance what is due, until nothing is left."""
    _drain(total.echo, lambda: echo.run(runtime, ways.parsers, now=now), "posts")
    _drain(total.clicks, lambda: traces.run(runtime, now=now), "mails")
    for _ in range(MOST_ROUNDS):
        assessed = _drain(
            total.assess,
            lambda: assess.run(runtime, now=now, limit=limit, lead_ids=lead_ids),
            "leads",
        )
        advanced = _drain(
            total.advance,
            lambda: advance.run(runtime, now=now, limit=limit, lead_ids=lead_ids),
            "enrollments",
        )
        if not assessed and not advanced:
            break
    if total.assess.get("erased"):
        erase.finish(runtime)
        forget(runtime, ways, since=now)


def mail(
    runtime: Runtime,
    ways: Ways,
    total: Ticked,
    *,
    now: datetime,
    limit: int,
    lead_ids: Sequence[int] | None = None,
) -> None:
    """Send what is ready; what comes into doubt or is to be called back meanwhile is seen to."""
    everybody, seen_at = lead_ids is None, ways.clock() if ways.clock else now
    if everybody:
        throttle.move_up(runtime, now=now)
    for _ in range(MOST_ROUNDS):
        at = ways.clock() if ways.clock else now
        if everybody and at - seen_at >= SETTLE_AGAIN:
            settle(runtime, ways, total, now=at)
            seen_at = at
        done = once_more(
            lambda: deliver.run(
                runtime,
                ways.mailroom,
                ways.transport,
                now=ways.clock() if ways.clock else now,
                limit=min(limit, GROUPS_A_BATCH * ways.transport.group_size),
                lead_ids=lead_ids,
                clock=ways.clock,
            )
        )
        total.halted = done.halted or total.halted
        total.throttled = done.throttled or total.throttled
        _sum(total.deliver, done)
        if not done.claimed or done.halted:
            break


def settle(runtime: Runtime, ways: Ways, total: Ticked, *, now: datetime) -> None:
    """Settle mails in doubt: those of dead workers, and those that stayed uncertain."""
    evidences, clock = ways.evidences, ways.clock
    done = once_more(lambda: doubt.settle(runtime, evidences, now=now, clock=clock))
    _sum(total.deliver, done)


def hand_off(
    runtime: Runtime,
    ways: Ways,
    total: Ticked,
    *,
    now: datetime,
    limit: int,
    lead_ids: Sequence[int] | None = None,
) -> None:
    """Hand over what is due; what that locks or moves is seen to at once."""
    done = once_more(lambda: handoff.run(runtime, ways.sender, now=now, lead_ids=lead_ids))
    _sum(total.handoff, done)
    if done.released or done.delivered or done.withdrawn:
        think(runtime, ways, total, now=now, limit=limit, lead_ids=lead_ids)


def hygiene(runtime: Runtime, ways: Ways, *, now: datetime) -> lifecycle.Swept:
    """Erase what retention has run out for, drop what is done with, count the segments."""
    swept = lifecycle.run(runtime, now=now)
    segments.keep_counts(runtime, now=now)
    throttle.forget_idle(runtime, now=now)
    fence.forget(runtime, now=now)
    forget(runtime, ways, since=now - FORGET_AGAIN)
    return swept


def forget(runtime: Runtime, ways: Ways, *, since: datetime) -> None:
    """Remove copies of erased leads' mails that a transport keeps (the outbox folder does)."""
    with runtime.database.read() as connection:
        mails = erasure.mails_of_erased(connection, since=since)
    if mails:
        ways.transport.forget(mails)


def _drain(into: dict[str, int], once: Callable[[], object], worked: str) -> int:
    """Run `once` until its count `worked` is 0; return how much was worked in all."""
    total = 0
    for _ in range(MOST_ROUNDS):
        done = once_more(once)
        _sum(into, done)
        count: int = getattr(done, worked)
        if not count:
            return total
        total += count
    return total


def _sum(into: dict[str, int], counts: object) -> None:
    for name, value in asdict(counts).items():  # type: ignore[call-overload]
        if isinstance(value, int):
            into[name] = into.get(name, 0) + value
