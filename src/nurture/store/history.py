"""Read what a batch of leads has been through, in a handful of set queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select

from nurture.core.condition import Facts
from nurture.core.event import MEANINGFUL_TOUCHES, EventKind
from nurture.core.history import HandoffView, History
from nurture.core.lead import Lead, Stage
from nurture.core.message import MessageState
from nurture.core.overrides import NONE
from nurture.core.score import Tally
from nurture.store import lists, overrides
from nurture.store.db import Connection, Instant
from nurture.store.sets import among, among_given
from nurture.store.tables import (
    enrollments,
    events,
    facts,
    handoffs,
    leads,
    messages,
    past_enrollments,
    tasks,
)

Latest = dict[tuple[EventKind, str], datetime]

_COUNTS_AS_SENT = (
    MessageState.READY,
    MessageState.DISPATCHING,
    MessageState.ACCEPTED,
    MessageState.UNCERTAIN,
    MessageState.PARKED,
)
"""States that count towards a frequency cap: sent, perhaps sent, or about to be."""

_LEFT = tuple(state for state in _COUNTS_AS_SENT if state is not MessageState.READY)
LONGEST_HELD = timedelta(days=366)
"""So long after it was planned a mail counts: pauses, outages and people hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the project's conditions and scores ask of the ledger: nothing else is read.

    `limited` are the stages that have a limit of time.
    """

    latest: frozenset[EventKind] = frozenset()
    tallied: frozenset[EventKind] = frozenset()
    limited: frozenset[Stage] = frozenset()
    sent: bool = True
    sequences: bool = True


@dataclass(slots=True)
class _Past:
    inside: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    left_at: dict[str, datetime] = field(default_factory=dict)


def read_facts(
    connection: Connection,
    batch: Mapping[int, Lead],
    asked: Asked,
    *,
    now: datetime,
    today: date,
) -> dict[int, Facts]:
    """Return the facts that conditions may ask about, for each lead of the batch."""
    ids = list(batch)
    latest = _latest(connection, ids, asked.latest, now)
    sent = _sent(connection, ids, now) if asked.sent else {}
    past = _passages(connection, ids) if asked.sequences else {}
    inside = {lead_id: frozenset(passages.inside) for lead_id, passages in past.items()}
    left = {lead_id: frozenset(passages.left_at) for lead_id, passages in past.items()}
    none: frozenset[str] = frozenset()
    return {
        lead_id: Facts(
            lead=lead,
            today=today,
            latest=latest.get(lead_id, {}),
            sent=sent.get(lead_id, {}),
            inside=inside.get(lead_id, none),
            left=left.get(lead_id, none),
        )
        for lead_id, lead in batch.items()
    }


def read_history(
    connection: Connection, batch: Mapping[int, Lead], asked: Asked, *, now: datetime
) -> dict[int, History]:
    """Return what an assessment needs beside the facts, for each lead of the batch."""
    ids = list(batch)
    tallies = _tallies(connection, ids, asked.tallied, now)
    touches = _touches(connection, ids, now)
    expiry = _next_expiry(connection, batch, now)
    views = read_handoffs(connection, batch)
    past = _passages(connection, ids)
    committed = overrides.commitments(connection, ids, now=now)
    arrived = overrides.arrived_days(connection, ids)
    overridden = overrides.read(connection, ids, now=now)
    limited = [i for i, lead in batch.items() if lead.standing.stage in asked.limited]
    moved = overrides.stage_entries(connection, limited) if limited else {}
    nothing = _Past()
    result = {}
    for lead_id in ids:
        count, first, last = touches.get(lead_id, (0, None, None))
        passages = past.get(lead_id, nothing)
        result[lead_id] = History(
            tallies=tallies.get(lead_id, ()),
            touches=count,
            first_touch=first,
            last_touch=last,
            next_expiry=expiry.get(lead_id),
            handoff=views.get(lead_id),
            left_at=passages.left_at,
            groups=frozenset(passages.groups),
            open_enrollments=len(passages.inside),
            committed_at=committed.get(lead_id),
            overrides=overridden.get(lead_id, NONE),
            stage_at=moved.get(lead_id),
            arrived=arrived.get(lead_id, {}),
        )
    return result


def _human(ids: Sequence[int], kinds: Iterable[EventKind], now: datetime) -> ColumnElement[bool]:
    return and_(
        among(events.c.lead_id, ids),
        events.c.kind.in_(sorted(kinds)),
        events.c.human.is_(True),
        events.c.occurred_at <= now,
    )


def _latest(
    connection: Connection, ids: Sequence[int], kinds: frozenset[EventKind], now: datetime
) -> dict[int, Latest]:
    if not kinds:
        return {}
    found: dict[int, Latest] = {}
    asked = _human(ids, kinds, now)
    if EventKind.LIST_ADDED in kinds:
        # Whoever was taken off a list is not on it; an explanation says since when.
        standing = or_(events.c.kind != str(EventKind.LIST_ADDED), lists.stands(now))
        asked = and_(_human(ids, kinds | {EventKind.LIST_REMOVED}, now), standing)
    for row in connection.execute(
        select(
            events.c.lead_id,
            events.c.kind,
            events.c.subject,
            func.max(events.c.occurred_at).label("at"),
        )
        .where(asked)
        .group_by(events.c.lead_id, events.c.kind, events.c.subject)
    ):
        found.setdefault(row.lead_id, {})[EventKind(row.kind), row.subject] = row.at
    return found


def _sent(
    connection: Connection, ids: Sequence[int], now: datetime
) -> dict[int, dict[str, datetime]]:
    found: dict[int, dict[str, datetime]] = {}
    for row in connection.execute(
        select(
            messages.c.lead_id, messages.c.template, func.max(messages.c.accepted_at).label("at")
        )
        .where(
            among(messages.c.lead_id, ids),
            messages.c.state == MessageState.ACCEPTED,
            messages.c.accepted_at <= now,
        )
        .group_by(messages.c.lead_id, messages.c.template)
    ):
        found.setdefault(row.lead_id, {})[row.template] = row.at
    return found


def _passages(connection: Connection, ids: Sequence[int]) -> dict[int, _Past]:
    found: dict[int, _Past] = {}
    for row in connection.execute(
        select(enrollments.c.lead_id, enrollments.c.sequence, enrollments.c.exclusive).where(
            among(enrollments.c.lead_id, ids)
        )
    ):
        past = found.setdefault(row.lead_id, _Past())
        past.inside.add(row.sequence)
        if row.exclusive:
            past.groups.add(row.exclusive)
    for row in connection.execute(
        select(
            past_enrollments.c.lead_id,
            past_enrollments.c.sequence,
            func.max(past_enrollments.c.ended_at).label("at"),
        )
        .where(among(past_enrollments.c.lead_id, ids))
        .group_by(past_enrollments.c.lead_id, past_enrollments.c.sequence)
    ):
        found.setdefault(row.lead_id, _Past()).left_at[row.sequence] = row.at
    return found


def _tallies(
    connection: Connection, ids: Sequence[int], kinds: frozenset[EventKind], now: datetime
) -> dict[int, list[Tally]]:
    counted = kinds | {EventKind.SCORE_ADJUSTED}
    columns = (
        events.c.lead_id,
        events.c.kind,
        events.c.subject,
        events.c.day,
        events.c.points,
    )
    found: dict[int, list[Tally]] = {}
    for row in connection.execute(
        select(*columns, func.count().label("count"))
        .where(_human(ids, counted, now))
        .group_by(*columns)
        .order_by(*columns)
    ):
        found.setdefault(row.lead_id, []).append(
            Tally(
                kind=EventKind(row.kind),
                subject=row.subject,
                day=row.day,
                count=row._mapping["count"],
                points=row.points,
            )
        )
    return found


def read_tallies_one_by_one(
    connection: Connection, lead_id: int, asked: Asked, *, now: datetime
) -> list[tuple[datetime, Tally]]:
    """Return what scores count of one lead, event by event with its time, oldest first."""
    counted = asked.tallied | {EventKind.SCORE_ADJUSTED}
    rows = connection.execute(
        select(events)
        .where(_human([lead_id], counted, now))
        .order_by(events.c.occurred_at, events.c.id)
    )
    return [
        (
            row.occurred_at,
            Tally(
                kind=EventKind(row.kind),
                subject=row.subject,
                day=row.day,
                count=1,
                points=row.points,
                event_id=row.id,
            ),
        )
        for row in rows
    ]


def _touches(
    connection: Connection, ids: Sequence[int], now: datetime
) -> dict[int, tuple[int, datetime, datetime]]:
    """Count the meaningful touches of the present cycle: several on one day are one."""
    rows = connection.execute(
        select(
            events.c.lead_id,
            func.count(events.c.day.distinct()).label("days"),
            func.min(events.c.occurred_at).label("first"),
            func.max(events.c.occurred_at).label("last"),
        )
        .join(leads, leads.c.id == events.c.lead_id)
        .where(_human(ids, MEANINGFUL_TOUCHES, now), events.c.occurred_at >= leads.c.cycle_at)
        .group_by(events.c.lead_id)
    )
    return {row.lead_id: (row.days, row.first, row.last) for row in rows}


def _next_expiry(
    connection: Connection, batch: Mapping[int, Lead], now: datetime
) -> dict[int, datetime]:
    """Return when the next fact of the lead or its account stops being valid."""
    accounts = {lead.account_id for lead in batch.values()}
    found: dict[int, datetime] = {}
    by_account: dict[int, datetime] = {}
    for row in connection.execute(
        select(facts.c.lead_id, facts.c.account_id, func.min(facts.c.valid_until).label("at"))
        .where(
            facts.c.valid_until > now,
            or_(
                and_(facts.c.account_id.is_(None), among(facts.c.lead_id, batch)),
                among(facts.c.account_id, accounts),
            ),
        )
        .group_by(facts.c.lead_id, facts.c.account_id)
    ):
        place, key = (
            (found, row.lead_id) if row.account_id is None else (by_account, row.account_id)
        )
        place[key] = min(place.get(key, row.at), row.at)
    for lead_id, lead in batch.items():
        moments = [at for at in (found.get(lead_id), by_account.get(lead.account_id)) if at]
        if moments:
            found[lead_id] = min(moments)
    return found


def read_handoffs(connection: Connection, batch: Mapping[int, Lead]) -> dict[int, HandoffView]:
    """Return the handoff of each lead's present cycle."""
    rows = connection.execute(
        select(
            handoffs.c.lead_id,
            handoffs.c.cycle,
            handoffs.c.state,
            handoffs.c.answer,
            handoffs.c.answer_reason,
            handoffs.c.answered_at,
        ).where(among(handoffs.c.lead_id, batch), handoffs.c.state != "withdrawn")
    )
    return {
        row.lead_id: HandoffView(
            state=row.state,
            answer=EventKind(row.answer) if row.answer else None,
            reason=row.answer_reason,
            answered_at=row.answered_at,
        )
        for row in rows
        if row.cycle == batch[row.lead_id].standing.cycle
    }


@dataclass(slots=True)
class Mailed:
    """When each lead was mailed of late, and the enrollments with a mail that has not left yet."""

    recent: dict[int, list[datetime]] = field(default_factory=dict)
    unsettled: set[int] = field(default_factory=set)


def mailed(connection: Connection, ids: Sequence[int], *, now: datetime) -> Mailed:
    """Return the mails of leads in the last seven days, those about to leave included."""
    given = {"ids": ids, "since": now - LONGEST_HELD}
    week = now - timedelta(days=7)
    found = Mailed()
    for lead_id, at, unsettled in connection.execute(_MAILED, given).tuples().all():
        if at > week:
            found.recent.setdefault(lead_id, []).append(at)
        if unsettled is not None:
            found.unsettled.add(unsettled)
    return found


_HELD_SINCE = messages.c.planned_at > bindparam("since", type_=Instant)
_LEFT_AT = func.coalesce(messages.c.accepted_at, messages.c.closed_at)
_LEAVES_AT = case((messages.c.state == MessageState.READY, messages.c.planned_at), else_=_LEFT_AT)
_OF_LEADS = among_given(messages.c.lead_id, "ids")
_UNSETTLED = (MessageState.READY, MessageState.DISPATCHING)
_MAILED = (
    select(
        messages.c.lead_id,
        _LEAVES_AT,
        case((messages.c.state.in_(_UNSETTLED), messages.c.enrollment_id)),
    )
    .where(_OF_LEADS, _HELD_SINCE, messages.c.state.in_(_COUNTS_AS_SENT))
    .order_by(messages.c.lead_id, _LEAVES_AT)
)


def left_recently(
    connection: Connection, ids: Iterable[int], *, now: datetime
) -> dict[int, list[datetime]]:
    """Return when mail left (or is leaving) for each lead in the last seven days."""
    given = {"ids": list(ids), "since": now - LONGEST_HELD, "week": now - timedelta(days=7)}
    found: dict[int, list[datetime]] = {}
    for lead_id, at in connection.execute(_LEAVINGS, given).tuples().all():
        found.setdefault(lead_id, []).append(at)
    return found


_WEEK_AGO = bindparam("week", type_=Instant)
_LEAVINGS = select(messages.c.lead_id, _LEFT_AT).where(
    _OF_LEADS, _HELD_SINCE, messages.c.state.in_(_LEFT), _LEFT_AT > _WEEK_AGO
)


def tasks_done(connection: Connection, enrollment_ids: Sequence[int]) -> set[tuple[int, str, int]]:
    """Return the (enrollment, step, visit) of every finished task of these enrollments."""
    rows = connection.execute(
        select(tasks.c.enrollment_id, tasks.c.step, tasks.c.visit).where(
            among(tasks.c.enrollment_id, enrollment_ids), tasks.c.done_at.is_not(None)
        )
    )
    return {(row.enrollment_id, row.step, row.visit) for row in rows}
