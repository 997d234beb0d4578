"""Fenced mail: the provider keeps each mail for a while, and throws away what is called back.

A mail whose answer was lost is called back while that is surely in time, and then it leaves once
more: nobody gets it twice, and nobody goes without. Mail to people who were stopped meanwhile is
called back too.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeVar, assert_never, runtime_checkable

from nurture.core.address import MANY_SPELLINGS
from nurture.core.event import EventKind
from nurture.core.fence import (
    FREE_AFTER,
    IN_TIME,
    PLACES,
    Answer,
    CalledBack,
    Kept,
    StaysKept,
    Unheard,
    why_not_called_back,
)
from nurture.core.message import Fence, Halted, Message, MessageState
from nurture.core.refusal import shuffled
from nurture.engine import intake
from nurture.engine.last_look import Ready, Unrendered
from nurture.engine.runtime import Runtime
from nurture.store import dispatch, fences, leads, profiles, switches
from nurture.store.db import Connection

log = logging.getLogger(__name__)

MOST_CALLS = 50
"""Mails that one pass calls back, and cancellations that it takes away."""
MOST_REFUSALS = 3
"""After so many a pass stops: a key that may not, or no room, is the same for all."""
PATIENCE = timedelta(minutes=1)
"""After this a pass begins no further call: the next one goes on."""
FORGET_AFTER = timedelta(days=30)

Waiting = TypeVar("Waiting")


class Keeper(Protocol):
    """A provider that keeps mails until their time and can be asked to throw one away."""

    def call_back(self, batch_id: str, send_at: datetime) -> Answer:
        """Ask for it and say what that proves; never raises."""
        ...

    def free(self, batch_id: str) -> bool:
        """Take a cancellation away that has done its work; False: not now."""
        ...


@runtime_checkable
class Fencing(Protocol):
    """A transport that has every mail kept for a while. It holds a stock of unused ids."""

    @property
    def name(self) -> str:
        """The name under which attempts and halts are recorded."""
        ...

    @property
    def fence(self) -> timedelta:
        """How long a mail is kept."""
        ...

    def stock(self, count: int, *, now: datetime) -> int | Halted:
        """Get ids for so many mails and return how many there are, or why there is none."""
        ...

    def take(self) -> str:
        """Take one id out of the stock; it is never used for another mail."""
        ...

    def put_back(self, batch_id: str) -> None:
        """Put an id into the stock that was not used after all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """How mails in doubt are called back. `fence` is how long new mail is kept; zero: not."""

    keeper: Keeper
    fence: timedelta = timedelta()


# -- before mail leaves --------------------------------------------------------------------------


def supplied(
    runtime: Runtime,
    transport: object,
    group: Sequence[Message],
    *,
    now: datetime,
    clock: Callable[[], datetime] | None = None,
) -> tuple[Sequence[Message], str]:
    """Return the mails that can get a fence, and why sending halts; the others stay ready."""
    fencing = _fencing(transport)
    if fencing is None:
        return group, ""
    now = clock() if clock else now
    stocked = fencing.stock(len(group), now=now)
    if isinstance(stocked, Halted):
        at, reason = stocked.until or now, stocked.reason
        name = f"transport:{fencing.name}"
        with runtime.database.write() as connection:
            dispatch.give_back(connection, [(m.id, reason) for m in group], not_before=at)
            switches.halt_at_least(connection, name, reason=reason, until=stocked.until, now=now)
        return (), reason
    if stocked < len(group):
        with runtime.database.write() as connection:
            unfenced = [(m.id, "no fence yet") for m in group[stocked:]]
            dispatch.give_back(connection, unfenced, not_before=now)
    return group[:stocked], ""


def fenced(
    transport: object, rendered: list[Ready | Unrendered], *, now: datetime
) -> list[Ready | Unrendered]:
    """Return the mails with the time at which each leaves, and with its id at the provider."""
    fencing = _fencing(transport)
    if fencing is None:
        return rendered
    # In whole seconds, as the provider counts.
    send_at = datetime.fromtimestamp(math.ceil((now + fencing.fence).timestamp()), UTC)
    return [
        replace(
            item,
            outgoing=replace(item.outgoing, fence=Fence(batch_id=fencing.take(), send_at=send_at)),
        )
        if isinstance(item, Ready)
        else item
        for item in rendered
    ]


def record(
    connection: Connection,
    transport: object,
    rendered: Sequence[Ready | Unrendered],
    began: Collection[int],
) -> None:
    """Record the fences of the mails that leave; ids of the others go back into the stock."""
    fencing = _fencing(transport)
    if fencing is None:
        return
    new = []
    for item in rendered:
        mark = item.outgoing.fence if isinstance(item, Ready) else None
        if mark is None:
            continue
        if item.message.id in began:
            new.append((item.message.id, item.message.epoch + 1, mark.batch_id, mark.send_at))
        else:
            fencing.put_back(mark.batch_id)
    fences.begin(connection, new)


def _fencing(transport: object) -> Fencing | None:
    # Asked of every group, and the protocol's own check takes its time.
    return transport if hasattr(transport, "stock") and isinstance(transport, Fencing) else None


# -- while it is kept ----------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Recalled:
    """What one pass called back: to be sent once more, and not to be sent at all."""

    again: int = 0
    withheld: int = 0


def call_back(
    runtime: Runtime,
    recall: Recall,
    transport: str,
    *,
    now: datetime,
    clock: Callable[[], datetime] | None = None,
) -> Recalled:
    """Call back mails in doubt, and mails to people who were stopped, while that is in time.

    Nothing is open in the database during a call, and each is written down before it is made.
    """
    done, refused = Recalled(), 0
    # Read anew: whoever calls may have been at other work for longer than anybody's patience.
    now = clock() if clock else now
    with runtime.database.read() as connection:
        if not fences.any_open(connection, now=now):
            return done
        places = PLACES - fences.places(connection)
    _see_other_spellings(runtime, transport, now)
    with runtime.database.read() as connection:
        waiting = _waiting(connection, recall, transport, now)
    _free(runtime, recall, now, clock)
    for mail, at in _in_time(waiting, now, clock):
        mine = places + mail.is_asked
        if why_not_called_back(_kept(mail), fence=recall.fence, places=mine, now=at):
            continue
        with runtime.database.write() as connection:
            fences.ask(connection, mail, now=at)
        answer = recall.keeper.call_back(mail.batch_id, mail.send_at)
        places -= not mail.is_asked and not isinstance(answer, StaysKept)
        with runtime.database.write() as connection:
            _note(connection, mail, answer, done, at)
        refused += isinstance(answer, StaysKept)
        if isinstance(answer, Unheard) or refused == MOST_REFUSALS:
            break
    return done


def _waiting(
    connection: Connection, recall: Recall, transport: str, now: datetime
) -> list[fences.Fenced]:
    """Return what is to be called back now: what leaves first, in any order."""
    after, again_at = now + IN_TIME, now + recall.fence
    found = [
        *fences.in_doubt(connection, transport, after=after, again_at=again_at, limit=MOST_CALLS),
        *fences.of_the_stopped(connection, transport, after=after, limit=MOST_CALLS),
    ]
    found.sort(key=lambda mail: (mail.send_at, mail.message_id))
    return shuffled(found[:MOST_CALLS], now=now)


def _see_other_spellings(runtime: Runtime, transport: str, now: datetime) -> None:
    """Note who is stopped by what was said under another spelling of their mailbox.

    The last gate does so before mail leaves; this is for mail that was kept when it was said.
    """
    after = now + IN_TIME
    with runtime.database.read() as connection:
        people = fences.kept_for(connection, transport, MANY_SPELLINGS, after=after)
        hashes = {i: intake.address_hash(runtime, email) for i, email in people.items()}
        known = profiles.suppressed(connection, set(hashes.values())) if hashes else {}
    stopped = [i for i, hashed in hashes.items() if hashed in known]
    if stopped:
        with runtime.database.write() as connection:
            held = leads.held_recipients(connection, stopped, now=now)
            intake.with_stops(runtime, connection, held)


def _in_time(
    waiting: Sequence[Waiting], now: datetime, clock: Callable[[], datetime] | None
) -> Iterator[tuple[Waiting, datetime]]:
    """Yield what still has its turn, with the time, until patience is over."""
    begun = clock() if clock else now
    for one in waiting:
        at = clock() if clock else now
        if at - begun > PATIENCE:
            return
        yield one, at


def _kept(mail: fences.Fenced) -> Kept:
    if mail.stopped:
        return Kept(send_at=mail.send_at)
    return Kept(send_at=mail.send_at, expires_at=mail.expires_at, before=mail.before)


def _note(
    connection: Connection, mail: fences.Fenced, answer: Answer, done: Recalled, now: datetime
) -> None:
    match answer:
        case CalledBack():
            moved = fences.note_called_back(connection, mail, now=now)
            if mail.stopped:
                done.withheld += moved
            else:
                done.again += moved
        case StaysKept(reason=reason):
            log.warning("message=%s is not called back: %s", mail.uid, reason)
            fences.note_stays_kept(connection, mail)
        case Unheard(reason=reason):
            log.warning("message=%s may be called back or not: %s", mail.uid, reason)
        case _ as unknown:
            assert_never(unknown)


def _free(
    runtime: Runtime, recall: Recall, now: datetime, clock: Callable[[], datetime] | None
) -> None:
    """Give places back whose mails were thrown away by now."""
    with runtime.database.read() as connection:
        over = fences.to_free(connection, before=now - FREE_AFTER, limit=MOST_CALLS)
    freed = []
    for (key, batch_id), _ in _in_time(over, now, clock):
        if not recall.keeper.free(batch_id):
            break
        freed.append(key)
    if freed:
        with runtime.database.write() as connection:
            fences.note_freed(connection, freed, now=now)


# -- what is said of it --------------------------------------------------------------------------


def only_taken(
    connection: Connection, reports: Sequence[tuple[Message, EventKind, datetime]]
) -> set[int]:
    """Return mails that we asked back, and of which the reports do not say that they have left.

    That the provider has taken a mail proves as a rule that it leaves; not of one that it was
    asked to throw away, until its time has come. And that it has thrown one away proves nothing.
    """
    said: dict[int, list[tuple[EventKind, datetime]]] = {}
    for message, kind, at in reports:
        if message.state is not MessageState.ACCEPTED:
            said.setdefault(message.id, []).append((kind, at))
    if not said:
        return set()
    until: Mapping[int, datetime] = fences.asked_until(connection, said)
    return {
        message_id
        for message_id, send_at in until.items()
        if all(
            kind is EventKind.MESSAGE_DROPPED
            or (kind is EventKind.MESSAGE_PROCESSED and at < send_at)
            for kind, at in said[message_id]
        )
    }


def forget(runtime: Runtime, *, now: datetime) -> None:
    """Drop the fences of mails that have long left."""
    with runtime.database.write() as connection:
        fences.forget(connection, before=now - FORGET_AFTER)
