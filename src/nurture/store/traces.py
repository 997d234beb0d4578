"""Traces: every request for a link or a picture of a mail, and what it was judged to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Update,
    and_,
    distinct,
    func,
    literal_column,
    not_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.event import SIGNS_OF_LIFE, EventKind
from nurture.core.humanity import CROWD_WITHIN, PERSON_FROM, Agent, Trace
from nurture.store import sets
from nurture.store.db import Connection
from nurture.store.sets import Given, among
from nurture.store.tables import events, leads, traces

_CROWD_MICROSECONDS: ColumnElement[int] = literal_column(
    str(CROWD_WITHIN // timedelta(microseconds=1))
)
_ENOUGH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTrace:
    """A trace that is about to be kept; source and key are those of its event, if it has one."""

    lead_id: int
    message_id: int
    source: str
    source_key: str
    link: str
    at: datetime
    head: bool = False
    agent: Agent
    network: str
    said: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A trace as stored, with the click that it is the trace of.

    `chance` None: not judged yet. `human` is what the ledger says of the click.
    """

    trace: Trace
    lead_id: int
    message_id: int
    judge_at: datetime | None
    chance: int | None
    event_id: int | None
    human: bool


def keep(connection: Connection, new: Sequence[NewTrace], *, judge_at: datetime) -> None:
    """Keep traces, to be judged then; what is kept already stays as it is."""
    if not new:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        make(traces).on_conflict_do_nothing(index_elements=["source", "source_key"]),
        [
            {
                "lead_id": one.lead_id,
                "message_id": one.message_id,
                "source": one.source,
                "source_key": one.source_key,
                "link": one.link,
                "at": one.at,
                "head": one.head,
                "agent": one.agent,
                "network": one.network,
                "said": one.said,
                "judge_at": judge_at,
            }
            for one in new
        ],
    )


def judge_again(connection: Connection, message_ids: Sequence[int], *, now: datetime) -> None:
    """Have what is judged about these mails judged once more: something new is known of them."""
    connection.execute(
        update(traces)
        .where(among(traces.c.message_id, message_ids), traces.c.judge_at.is_(None))
        .values(judge_at=now)
    )


def any_due(connection: Connection, *, now: datetime) -> bool:
    """Say whether any trace is to be judged now."""
    found = select(traces.c.id).where(_is_due(now)).limit(1)
    return connection.execute(found).first() is not None


def due(connection: Connection, *, now: datetime, limit: int) -> tuple[set[int], set[int]]:
    """Return the mails of traces to be judged now, and whose they are: the leads, to be locked.

    With them come mails that the same networks looked at within a minute and that count as a
    person's: many of them together are no person's.
    """
    rows = connection.execute(
        select(traces.c.id, traces.c.message_id, traces.c.lead_id)
        .where(_is_due(now))
        .order_by(traces.c.judge_at, traces.c.id)
        .limit(limit)
    ).all()
    if not rows:
        return set(), set()
    mine, at = traces.alias("mine"), type_coerce(traces.c.at, BigInteger)
    first = func.min(type_coerce(mine.c.at, BigInteger)) - _CROWD_MICROSECONDS
    last = func.max(type_coerce(mine.c.at, BigInteger)) + _CROWD_MICROSECONDS
    seen = (
        select(mine.c.network, first.label("first"), last.label("last"))
        .where(among(mine.c.id, [row.id for row in rows]), _tells(mine))
        .group_by(mine.c.network)
        .subquery()
    )
    beside = (
        select(traces.c.message_id, traces.c.lead_id)
        .distinct()
        .select_from(seen)
        .join(
            traces,
            and_(
                traces.c.network == seen.c.network,
                _tells(traces),
                at.between(seen.c.first, seen.c.last),
            ),
        )
        .where(traces.c.chance >= PERSON_FROM, traces.c.judge_at.is_(None))
    )
    rows = [*rows, *connection.execute(beside)]
    return {row.message_id for row in rows}, {row.lead_id for row in rows}


def read(connection: Connection, message_ids: Sequence[int]) -> list[Kept]:
    """Return every trace of these mails."""
    mine = traces
    rows = connection.execute(
        select(mine, events.c.id.label("event_id"), events.c.human)
        .select_from(mine)
        .outerjoin(
            events,
            and_(
                events.c.source == mine.c.source,
                events.c.source_key == mine.c.source_key,
                events.c.kind == EventKind.MESSAGE_CLICKED,
            ),
        )
        .where(among(mine.c.message_id, message_ids))
        .order_by(mine.c.id)
    ).all()
    crowds = _crowds(connection, message_ids)
    return [_as_kept(row, crowds.get(row.id, 0)) for row in rows]


def _as_kept(row: Row[Any], crowd: int) -> Kept:
    trace = Trace(
        id=row.id,
        link=row.link,
        at=row.at,
        head=row.head,
        agent=Agent(row.agent),
        network=row.network,
        said=row.said,
        crowd=crowd,
    )
    return Kept(
        trace=trace,
        lead_id=row.lead_id,
        message_id=row.message_id,
        judge_at=row.judge_at,
        chance=row.chance,
        event_id=row.event_id,
        human=bool(row.human),
    )


def _crowds(connection: Connection, message_ids: Sequence[int]) -> dict[int, int]:
    """Count for each trace the other leads whose mails its network looked at within a minute.

    A few are enough to know: of a gateway that looks at thousands not all are counted.
    """
    mine, other = traces.alias("mine"), traces.alias("other")
    at = type_coerce(mine.c.at, BigInteger)
    near = (
        select(other.c.lead_id)
        .where(
            other.c.network == mine.c.network,
            _tells(other),
            type_coerce(other.c.at, BigInteger).between(
                at - _CROWD_MICROSECONDS, at + _CROWD_MICROSECONDS
            ),
            other.c.lead_id != mine.c.lead_id,
        )
        .limit(_ENOUGH)
        .correlate(mine)
        .subquery()
    )
    others = select(func.count(distinct(near.c.lead_id))).select_from(near).scalar_subquery()
    rows = connection.execute(
        select(mine.c.id, others.label("others")).where(
            among(mine.c.message_id, message_ids), _tells(mine)
        )
    )
    return {row.id: row.others for row in rows}


def _tells(table: Any) -> ColumnElement[bool]:  # noqa: ANN401 (table or alias)
    """Return the term for requests for a link whose network is known, as the index says it."""
    return and_(table.c.network != literal_column("''"), table.c.link != literal_column("''"))


_JUDGED = [traces.c.id, traces.c.chance]


def _judged(given: Given) -> Update:
    return (
        update(traces)
        .where(traces.c.id == given["id"])
        .values(chance=given["chance"], judge_at=None)
    )


def settle(connection: Connection, chances: Mapping[int, int]) -> None:
    """Store how likely a person made each of these requests; nothing is open about them now."""
    sets.change(connection, _judged, _JUDGED, sorted(chances.items()))


def set_human(connection: Connection, event_ids: Sequence[int], *, human: bool) -> None:
    """Write onto clicks whether a person made them: a verdict, and the fact stays as it was."""
    connection.execute(update(events).where(among(events.c.id, event_ids)).values(human=human))


def lower_life(connection: Connection, lead_ids: Sequence[int]) -> None:
    """Work out the last sign of life of these leads once more, where it can only be earlier."""
    last = (
        select(func.max(events.c.occurred_at))
        .where(
            events.c.lead_id == leads.c.id,
            events.c.human.is_(True),
            events.c.kind.in_(sorted(SIGNS_OF_LIFE)),
        )
        .scalar_subquery()
    )
    again = events.alias("again")
    taken_back = (
        select(again.c.id)
        .where(
            again.c.lead_id == leads.c.id,
            again.c.kind == EventKind.MESSAGE_CLICKED,
            again.c.occurred_at == leads.c.last_life_at,
            not_(again.c.human),
        )
        .exists()
    )
    connection.execute(
        update(leads).where(among(leads.c.id, lead_ids), taken_back).values(last_life_at=last)
    )


def some_mails(
    connection: Connection, *, since: datetime, after: int, limit: int
) -> dict[int, int]:
    """Return mails with traces from then on, by id, each once, and the lead of each."""
    rows = connection.execute(
        select(traces.c.message_id, traces.c.lead_id)
        .distinct()
        .where(traces.c.message_id > after, traces.c.at >= since)
        .order_by(traces.c.message_id)
        .limit(limit)
    )
    return dict(rows.tuples().all())


def forget_networks(connection: Connection, *, before: datetime) -> int:
    """Forget where requests before then came from; their verdicts stay as they are."""
    return connection.execute(
        update(traces).where(traces.c.network != "", traces.c.at < before).values(network="")
    ).rowcount


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(traces.c.judge_at.is_not(None), traces.c.judge_at <= now)
