"""The invariants as queries: each returns how many rows it looked at and which break it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, and_, func, not_, or_, select

from nurture.core.humanity import PERSON_FROM
from nurture.core.lead import IN_PLAY, Stage
from nurture.core.message import MessageState
from nurture.store import departures
from nurture.store.db import Connection
from nurture.store.tables import (
    attempts,
    consents,
    decisions,
    enrollments,
    event_details,
    events,
    facts,
    handoffs,
    leads,
    messages,
    past_enrollments,
    releases,
    stage_moves,
    traces,
)

MOST_NAMED = 20
LEFT = (
    MessageState.DISPATCHING,
    MessageState.ACCEPTED,
    MessageState.UNCERTAIN,
    MessageState.PARKED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One invariant: how many rows were looked at, and the offenders."""

    id: str
    promise: str
    rows: int
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    promise: str
    check: Callable[[Connection], tuple[int, list[str]]]


def check_all(connection: Connection) -> list[Kept]:
    """Check every invariant that one state of the database can show."""
    found = []
    for rule in RULES:
        rows, broken = rule.check(connection)
        found.append(
            Kept(id=rule.id, promise=rule.promise, rows=rows, broken=tuple(broken[:MOST_NAMED]))
        )
    return found


def _count(
    connection: Connection, table: FromClause, where: ColumnElement[bool] | None = None
) -> int:
    statement = select(func.count()).select_from(table)
    if where is not None:
        statement = statement.where(where)
    return connection.execute(statement).scalar_one()


def _accepted_once(connection: Connection) -> tuple[int, list[str]]:
    accepted = attempts.c.outcome == "accepted"
    rows = connection.execute(
        select(messages.c.uid)
        .join(attempts, attempts.c.message_id == messages.c.id)
        .where(accepted)
        .group_by(messages.c.uid)
        .having(func.count() > 1)
    )
    broken = [f"message {row.uid}: accepted more than once" for row in rows]
    twice = connection.execute(
        select(messages.c.enrollment_id, messages.c.step, func.count().label("n"))
        .group_by(messages.c.enrollment_id, messages.c.step, messages.c.visit)
        .having(func.count() > 1)
    )
    broken.extend(f"enrollment {row.enrollment_id} step {row.step}: planned twice" for row in twice)
    return _count(connection, messages), broken


def _none_after_stop(connection: Connection) -> tuple[int, list[str]]:
    """No attempt begins after the stop was recorded."""
    stopping = events.alias("stopping")
    rows = connection.execute(
        select(messages.c.uid, stopping.c.kind)
        .join(attempts, attempts.c.message_id == messages.c.id)
        .join(stopping, stopping.c.lead_id == messages.c.lead_id)
        .where(
            stopping.c.kind.in_(
                ("message.unsubscribed", "message.complained", "erasure.requested", "lead.archived")
            ),
            attempts.c.started_at > stopping.c.recorded_at,
            not_(_revived_between(stopping)),
        )
    )
    broken = [f"message {row.uid}: left after {row.kind}" for row in rows]
    return _count(connection, attempts), broken


def _revived_between(stopping: FromClause) -> ColumnElement[bool]:
    """Return whether the way was opened again: life after an archive, consent after an opt-out."""
    again = events.alias("again")
    return (
        select(again.c.id)
        .where(
            again.c.lead_id == messages.c.lead_id,
            again.c.human.is_(True),
            again.c.recorded_at >= stopping.c.recorded_at,
            again.c.recorded_at <= attempts.c.started_at,
            or_(
                and_(
                    stopping.c.kind == "lead.archived",
                    again.c.kind.in_(
                        ("form.submitted", "message.clicked", "message.replied", "page.viewed",
                         "webinar.attended", "call.logged", "lead.revived")
                    ),
                ),
                and_(
                    stopping.c.kind == "message.unsubscribed", again.c.kind == "consent.given"
                ),
            ),
        )
        .exists()
    )  # fmt: skip


def _consent_first(connection: Connection) -> tuple[int, list[str]]:
    left = and_(messages.c.state.in_(LEFT), leads.c.stage != Stage.ERASED)
    proven = (
        select(consents.c.id)
        .where(
            consents.c.lead_id == messages.c.lead_id,
            consents.c.topic == messages.c.topic,
            consents.c.given_at <= messages.c.planned_at,
        )
        .exists()
    )
    rows = connection.execute(
        select(messages.c.uid)
        .join(leads, leads.c.id == messages.c.lead_id)
        .where(left, not_(proven))
    )
    looked = connection.execute(
        select(func.count())
        .select_from(messages.join(leads, leads.c.id == messages.c.lead_id))
        .where(left)
    ).scalar_one()
    return looked, [f"message {row.uid}: no consent for its topic" for row in rows]


def _next_action(connection: Connection) -> tuple[int, list[str]]:
    in_play = leads.c.stage.in_([str(stage) for stage in IN_PLAY])
    rows = connection.execute(select(leads.c.uid).where(in_play, leads.c.check_at.is_(None)))
    broken = [f"lead {row.uid}: in play and nothing will look at it again" for row in rows]
    stuck = connection.execute(
        select(enrollments.c.id).where(enrollments.c.due_at.is_(None), enrollments.c.reason == "")
    )
    broken.extend(f"enrollment {row.id}: held without a reason" for row in stuck)
    reasonless = connection.execute(
        select(past_enrollments.c.id).where(past_enrollments.c.reason == "")
    )
    broken.extend(f"past enrollment {row.id}: ended without a reason" for row in reasonless)
    looked = _count(connection, leads) + _count(connection, enrollments)
    return looked + _count(connection, past_enrollments), broken


def _states_add_up(connection: Connection) -> tuple[int, list[str]]:
    rows = connection.execute(
        select(messages.c.uid, messages.c.state).where(
            or_(
                and_(
                    messages.c.state.in_(
                        (MessageState.FAILED, MessageState.SUPPRESSED, MessageState.EXPIRED,
                         MessageState.CANCELLED, MessageState.UNCERTAIN, MessageState.PARKED)
                    ),
                    messages.c.reason == "",
                ),
                and_(messages.c.state == MessageState.ACCEPTED, messages.c.epoch == 0),
            )
        )
    )  # fmt: skip
    broken = [f"message {row.uid}: {row.state} without a reason or an attempt" for row in rows]
    return _count(connection, messages), broken


def _handoffs_qualified(connection: Connection) -> tuple[int, list[str]]:
    qualified = (
        select(stage_moves.c.id)
        .where(
            stage_moves.c.lead_id == handoffs.c.lead_id,
            stage_moves.c.after.in_((Stage.PROSPECT, Stage.OPPORTUNITY)),
            stage_moves.c.at <= handoffs.c.created_at,
        )
        .exists()
    )
    rows = connection.execute(select(handoffs.c.uid).where(not_(qualified)))
    broken = [f"handoff {row.uid}: its lead was never qualified" for row in rows]
    lost = connection.execute(
        select(handoffs.c.uid).where(
            or_(
                and_(handoffs.c.state == "ready", handoffs.c.next_attempt_at.is_(None)),
                and_(handoffs.c.state.in_(("dead", "withdrawn")), handoffs.c.reason == ""),
                and_(handoffs.c.state == "delivered", handoffs.c.delivered_at.is_(None)),
            )
        )
    )
    broken.extend(f"handoff {row.uid}: neither delivered nor visibly waiting" for row in lost)
    return _count(connection, handoffs), broken


def _locked_is_quiet(connection: Connection) -> tuple[int, list[str]]:
    """No mail leaves while sales has the lead: from release until the answer gives it back."""
    rows = connection.execute(
        select(messages.c.uid)
        .join(attempts, attempts.c.message_id == messages.c.id)
        .join(handoffs, handoffs.c.lead_id == messages.c.lead_id)
        .where(
            handoffs.c.released_at.is_not(None),
            handoffs.c.state.in_(("ready", "delivered")),
            attempts.c.started_at > handoffs.c.released_at,
            or_(
                handoffs.c.answered_at.is_(None),
                handoffs.c.answer.not_in(("handoff.rejected", "handoff.recycled")),
                attempts.c.started_at < handoffs.c.answered_at,
            ),
        )
    )
    return _count(connection, handoffs), [
        f"message {row.uid}: left while with sales" for row in rows
    ]


def _erased_is_gone(connection: Connection) -> tuple[int, list[str]]:
    erased = select(leads.c.id).where(leads.c.stage == Stage.ERASED)
    broken: list[str] = []
    for table, where in (
        (facts, facts.c.lead_id.in_(erased)),
        (consents, consents.c.lead_id.in_(erased)),
        (enrollments, enrollments.c.lead_id.in_(erased)),
        (
            event_details,
            event_details.c.event_id.in_(select(events.c.id).where(events.c.lead_id.in_(erased))),
        ),
        (handoffs, and_(handoffs.c.lead_id.in_(erased), handoffs.c.body != "")),
        (messages, and_(messages.c.lead_id.in_(erased), messages.c.state == MessageState.READY)),
        (traces, and_(traces.c.lead_id.in_(erased), traces.c.network != "")),
    ):
        left = _count(connection, table, where)
        if left:
            broken.append(f"{table.name}: {left} rows of erased leads")
    return _count(connection, leads, leads.c.stage == Stage.ERASED), broken


def _clicks_judged(connection: Connection) -> tuple[int, list[str]]:
    judged = func.coalesce(traces.c.chance, 0) >= PERSON_FROM
    rows = connection.execute(
        select(events.c.id)
        .join(
            traces,
            and_(traces.c.source == events.c.source, traces.c.source_key == events.c.source_key),
        )
        .where(events.c.kind == "message.clicked", events.c.human != judged)
    )
    return _count(connection, traces), [f"event {row.id}: not as it was judged" for row in rows]


def _ledger_unique(connection: Connection) -> tuple[int, list[str]]:
    rows = connection.execute(
        select(events.c.source, events.c.source_key)
        .group_by(events.c.source, events.c.source_key)
        .having(func.count() > 1)
    )
    broken = [f"event {row.source} {row.source_key}: recorded twice" for row in rows]
    future = connection.execute(
        select(events.c.id).where(events.c.occurred_at > events.c.recorded_at)
    )
    broken.extend(f"event {row.id}: recorded before it happened" for row in future)
    return _count(connection, events), broken


def _no_orphans(connection: Connection) -> tuple[int, list[str]]:
    """Look for what foreign keys would have refused; see `tables.BULK`."""
    references = (
        (attempts.c.message_id, messages.c.id),
        (messages.c.lead_id, leads.c.id),
        (messages.c.release_id, releases.c.id),
        (decisions.c.lead_id, leads.c.id),
    )
    broken: list[str] = []
    for child, parent in references:
        known = select(parent).where(parent == child)
        key = child.table.primary_key.columns[0]
        orphans = select(key).where(~known.exists()).order_by(key)
        broken += [f"{child}, row {row_id}" for row_id in connection.scalars(orphans)]
    return sum(_count(connection, table) for table in (attempts, messages, decisions)), broken


def _doubt_is_bounded(connection: Connection) -> tuple[int, list[str]]:
    rows = connection.execute(
        select(messages.c.uid).where(
            messages.c.state.in_((MessageState.DISPATCHING, MessageState.UNCERTAIN)),
            messages.c.closed_at.is_(None),
        )
    )
    looked = _count(
        connection,
        messages,
        messages.c.state.in_(
            (MessageState.DISPATCHING, MessageState.UNCERTAIN, MessageState.PARKED)
        ),
    )
    broken = [f"message {row.uid}: in doubt since nobody knows when" for row in rows]
    lost = departures.lost(connection)
    broken += [f"message {uid}: leaving, and in no departure" for uid in lost]
    return looked, broken


RULES = (
    _Rule("I1", "a step's mail is accepted at most once", _accepted_once),
    _Rule("I2", "no mail leaves after a stop was recorded", _none_after_stop),
    _Rule("I3", "no mail without consent to its topic", _consent_first),
    _Rule("I6", "every lead has a next action or has ended, every hold a reason", _next_action),
    _Rule("I9", "every planned mail ends with a reason or stays visible", _states_add_up),
    _Rule("I10", "every attempt, mail and decision belongs to somebody", _no_orphans),
    _Rule("I11", "mail in doubt is dated, so that it can be settled or parked", _doubt_is_bounded),
    _Rule(
        "I12",
        "only qualified leads are handed over; every handoff is delivered, waits, or has a reason",
        _handoffs_qualified,
    ),
    _Rule("I14", "no nurture mail while sales has the lead", _locked_is_quiet),
    _Rule("I15", "every fact is in the ledger once, none from the future", _ledger_unique),
    _Rule("I20", "a click counts only once it is judged to be a person's", _clicks_judged),
    _Rule("I21", "nothing personal is left of erased leads", _erased_is_gone),
)  # fmt: skip


def settled_leads(connection: Connection, *, now: datetime) -> dict[datetime, list[int]]:
    """Return leads whose assessment is up to date, by when they were assessed.

    Whom nothing is waited for any more is up to date for good; the erased are nobody.
    """
    rows = connection.execute(
        select(leads.c.id, leads.c.assessed_at)
        .where(
            leads.c.stage != Stage.ERASED,
            or_(leads.c.check_at > now, leads.c.check_at.is_(None)),
            leads.c.assessed_at.is_not(None),
        )
        .order_by(leads.c.assessed_at, leads.c.id)
    )
    found: dict[datetime, list[int]] = {}
    for row in rows:
        found.setdefault(row.assessed_at, []).append(row.id)
    return found
