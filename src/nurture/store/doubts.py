"""Mails in doubt: what is known of them, what a look-up finds, and which are sent again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.message import MessageState
from nurture.store import installation as kept
from nurture.store.db import Connection
from nurture.store.departures import is_leaving
from nurture.store.messages import DOUBTFUL, prove
from nurture.store.sets import among
from nurture.store.tables import attempts, fences, installation, messages

_CALLS = "look-ups "


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubt:
    """One mail in doubt, with the attempt that put it there."""

    id: int
    uid: str
    lead_id: int
    release_id: int
    template: str
    state: MessageState
    reason: str
    transport: str
    account: str
    epoch: int
    since: datetime
    started_at: datetime
    deadline: datetime
    send_at: datetime | None
    expires_at: datetime | None
    absent_at: datetime | None
    doubtful: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which mails in doubt are meant: all that fit everything that is said here.

    `after` and `before` are about when the attempt began of which nobody knows.
    """

    ids: tuple[int, ...] | None = None
    transport: str = ""
    sequence: str = ""
    step: str = ""
    after: datetime | None = None
    before: datetime | None = None
    parked: bool = False

    def terms(
        self, at: ColumnElement[datetime] = attempts.c.started_at
    ) -> Iterator[ColumnElement[bool]]:
        """Yield what a row has to fit; `at` is what `after` and `before` are asked of."""
        if self.ids is not None:
            yield among(messages.c.id, self.ids)
        if self.transport:
            yield attempts.c.transport == self.transport
        if self.sequence:
            yield messages.c.sequence == self.sequence
        if self.step:
            yield messages.c.step == self.step
        if self.after is not None:
            yield at >= self.after
        if self.before is not None:
            yield at < self.before
        if self.parked:
            yield messages.c.state == MessageState.PARKED


EVERYTHING = Selection()


def in_doubt(
    connection: Connection,
    states: Collection[MessageState] = (MessageState.UNCERTAIN, MessageState.PARKED),
    *,
    selection: Selection = EVERYTHING,
) -> list[InDoubt]:
    """Return mails that may or may not have left, longest in doubt first."""
    return _found(connection, DOUBTFUL, messages.c.state.in_(sorted(states)), *selection.terms())


def leaving(connection: Connection) -> list[InDoubt]:
    """Return the mails that are leaving at this moment, longest first."""
    return _found(connection, is_leaving(connection))


def _found(connection: Connection, *terms: ColumnElement[bool]) -> list[InDoubt]:
    again = attempts.alias("again")
    doubtful = (
        select(func.count())
        .where(again.c.message_id == messages.c.id, again.c.outcome.in_(("", "uncertain")))
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            messages.c.id,
            messages.c.uid,
            messages.c.lead_id,
            messages.c.release_id,
            messages.c.template,
            messages.c.state,
            messages.c.reason,
            attempts.c.transport,
            attempts.c.account,
            messages.c.epoch,
            messages.c.closed_at.label("since"),
            attempts.c.started_at,
            attempts.c.deadline,
            fences.c.send_at,
            messages.c.expires_at,
            attempts.c.absent_at,
            doubtful.label("doubtful"),
        )
        .join(
            attempts,
            (attempts.c.message_id == messages.c.id) & (attempts.c.epoch == messages.c.epoch),
        )
        .outerjoin(
            fences, (fences.c.message_id == messages.c.id) & (fences.c.epoch == messages.c.epoch)
        )
        .where(*terms)
        .order_by(messages.c.closed_at, messages.c.id)
    )
    return [InDoubt(**{**row._mapping, "state": MessageState(row.state)}) for row in rows]


def send_again(
    connection: Connection, ids: Sequence[int], *, reason: str, now: datetime
) -> set[int]:
    """Make uncertain mails ready once more; return which still were uncertain."""
    return set(
        connection.scalars(
            update(messages)
            .where(among(messages.c.id, ids), messages.c.state == MessageState.UNCERTAIN)
            .values(
                state=MessageState.READY,
                reason=reason,
                not_before=now,
                closed_at=None,
            )
            .returning(messages.c.id)
        )
    )


# -- asking the provider -------------------------------------------------------------------------


def reserve_calls(
    connection: Connection, name: str, *, wanted: int, most: int, per: timedelta, now: datetime
) -> int:
    """Return how many calls may be made now, at most so many in any such time, and count them."""
    earliest = (now - per).timestamp()
    calls, not_before = _calls(connection, name)
    if not_before > now.timestamp():
        return 0
    recent = [at for at in calls if at > earliest]
    granted = max(0, min(wanted, most - len(recent)))
    _keep_calls(connection, name, [*recent, *[now.timestamp()] * granted], 0.0)
    return granted


def rest_calls(connection: Connection, name: str, *, until: datetime) -> None:
    """Let no call be made before the time."""
    calls, _ = _calls(connection, name)
    _keep_calls(connection, name, calls, until.timestamp())


def _calls(connection: Connection, name: str) -> tuple[list[float], float]:
    # Written first: the row is locked, and two workers count one after the other.
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(installation).values(name=_CALLS + name, value='{"calls":[],"until":0}')
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"], set_={"value": installation.c.value}
        )
    )
    found = orjson.loads(kept.value_of(connection, _CALLS + name) or "")
    return found["calls"], found["until"]


def _keep_calls(
    connection: Connection, name: str, calls: Sequence[float], not_before: float
) -> None:
    value = orjson.dumps({"calls": list(calls), "until": not_before}).decode()
    connection.execute(
        update(installation).where(installation.c.name == _CALLS + name).values(value=value)
    )


def note_absent(connection: Connection, epochs: Mapping[int, int], *, now: datetime) -> None:
    """Note that the provider, asked now, did not know these mails: id to the attempt's epoch."""
    for message_id, epoch in sorted(epochs.items()):
        connection.execute(
            update(attempts)
            .where(attempts.c.message_id == message_id, attempts.c.epoch == epoch)
            .values(absent_at=now)
        )


def note_found(
    connection: Connection, message_id: int, *, provider_id: str, evidence: str, now: datetime
) -> bool:
    """Mark a mail as accepted because the provider, asked, knows it; False if it was settled."""
    return prove(connection, {message_id: provider_id}, now=now, reason=evidence) == 1
