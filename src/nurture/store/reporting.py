"""What reports count: each function is one set-based query and returns plain rows.

Nothing personal is read: sources, sequence and template names, states, times. The one text that
people write freely, the reason sales gives, is left to the reports to fold.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Executable,
    Subquery,
    and_,
    case,
    func,
    or_,
    select,
    text,
    type_coerce,
)

from nurture.core.event import HANDOFF_ANSWERS, EventKind
from nurture.core.lead import Stage
from nurture.store.db import Connection, Instant
from nurture.store.handoffs import CREATED
from nurture.store.tables import (
    audit,
    events,
    handoffs,
    leads,
    messages,
    stage_moves,
)

Row = dict[str, Any]

LADDER = (Stage.SUSPECT, Stage.LEAD, Stage.PROSPECT, Stage.OPPORTUNITY, Stage.CUSTOMER)
"""The stages that lead somewhere, in order; the others are ways to leave."""

TAKEN_ON = frozenset(
    {
        EventKind.HANDOFF_ACCEPTED,
        EventKind.HANDOFF_WORKING,
        EventKind.HANDOFF_MEETING,
        EventKind.HANDOFF_WON,
        EventKind.HANDOFF_LOST,
    }
)
"""Answers by which sales says that it works, or worked, on the lead."""


# What sales has answered has reached sales, whatever the line to it says.
_ARRIVED_AT: ColumnElement[datetime | None] = func.coalesce(
    handoffs.c.delivered_at, handoffs.c.answered_at, type_=Instant
)


def hold_still(connection: Connection) -> None:
    """Make every query of this transaction see the same state; call it before the first one."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def rows(connection: Connection, statement: Executable) -> list[Row]:
    """Return what the query finds as plain rows."""
    return [dict(row._mapping) for row in connection.execute(statement)]


# -- leads ---------------------------------------------------------------------------------------


def _rank(stage: Column[str]) -> ColumnElement[int]:
    return case(*[(stage == str(name), rank) for rank, name in enumerate(LADDER)], else_=-1)


def _first(after: Stage) -> ColumnElement[datetime]:
    at = func.min(case((stage_moves.c.after == str(after), stage_moves.c.at)))
    return type_coerce(at, Instant).label(f"{after}_at")


def _passages() -> Subquery:
    """Each lead's highest stage among its moves, and when it first reached the upper ones."""
    before, after = _rank(stage_moves.c.before), _rank(stage_moves.c.after)
    return (
        select(
            stage_moves.c.lead_id,
            func.max(case((before > after, before), else_=after)).label("furthest"),
            _first(Stage.PROSPECT),
            _first(Stage.OPPORTUNITY),
        )
        .group_by(stage_moves.c.lead_id)
        .subquery("passages")
    )


def _with_sales() -> Subquery:
    """When each lead's first handoff reached sales, and whether sales ever took one on."""
    answered = _answered()
    return (
        select(
            handoffs.c.lead_id,
            type_coerce(func.min(_ARRIVED_AT), Instant).label("handed_over_at"),
            func.max(_taken_on(answered)).label("taken_on"),
        )
        .outerjoin(answered, answered.c.id == handoffs.c.id)
        .where(handoffs.c.kind == CREATED, _ARRIVED_AT.is_not(None))
        .group_by(handoffs.c.lead_id)
        .subquery("with_sales")
    )


def standings(connection: Connection) -> list[Row]:
    """Count leads by source, stage, highest stage ever (a rank in LADDER) and what sales did."""
    passages, with_sales = _passages(), _with_sales()
    reached, own = func.coalesce(passages.c.furthest, -1), _rank(leads.c.stage)
    each = (
        select(
            leads.c.source,
            leads.c.stage,
            case((reached > own, reached), else_=own).label("furthest"),
            case((with_sales.c.handed_over_at.is_not(None), 1), else_=0).label("handed_over"),
            func.coalesce(with_sales.c.taken_on, 0).label("taken_on"),
        )
        .outerjoin(passages, passages.c.lead_id == leads.c.id)
        .outerjoin(with_sales, with_sales.c.lead_id == leads.c.id)
        .subquery()
    )
    return rows(connection, select(*each.c, func.count().label("leads")).group_by(*each.c))


def first_times(connection: Connection) -> list[Row]:
    """Return when each lead that got further than capture did so for the first time."""
    passages, with_sales = _passages(), _with_sales()
    found = select(
        leads.c.source,
        leads.c.stage,
        leads.c.captured_at,
        passages.c.prospect_at,
        passages.c.opportunity_at,
        with_sales.c.handed_over_at,
    )
    found = found.outerjoin(passages, passages.c.lead_id == leads.c.id)
    found = found.outerjoin(with_sales, with_sales.c.lead_id == leads.c.id)
    return rows(
        connection,
        found.where(
            or_(
                passages.c.prospect_at.is_not(None),
                passages.c.opportunity_at.is_not(None),
                with_sales.c.handed_over_at.is_not(None),
            )
        ),
    )


def archive_moves(connection: Connection) -> list[Row]:
    """Count moves into and out of the inactive file by reason."""
    found = select(
        stage_moves.c.before, stage_moves.c.after, stage_moves.c.reason, func.count().label("n")
    )
    inactive = or_(stage_moves.c.before == Stage.INACTIVE, stage_moves.c.after == Stage.INACTIVE)
    return rows(
        connection,
        found.where(inactive).group_by(
            stage_moves.c.before, stage_moves.c.after, stage_moves.c.reason
        ),
    )


def stopped_mail(connection: Connection) -> list[Row]:
    """Count leads by why nothing may be mailed to them; the erased are not among them."""
    found = select(leads.c.suppressed.label("reason"), func.count().label("n"))
    return rows(
        connection,
        found.where(leads.c.suppressed != "", leads.c.stage != Stage.ERASED).group_by(
            leads.c.suppressed
        ),
    )


def erasures(connection: Connection) -> list[Row]:
    """Count erasures by what the audit trail says of them: `detail` holds the reason."""
    found = select(audit.c.detail, func.count().label("n"))
    return rows(connection, found.where(audit.c.action == "lead.erased").group_by(audit.c.detail))


# -- sales ---------------------------------------------------------------------------------------


def _answered() -> Subquery:
    """Each handoff's first answer and whether any answer took it on.

    An answer names its lead and endpoint: it belongs to the handoff that was the newest when it
    was recorded.
    """
    own = (handoffs.c.lead_id, handoffs.c.endpoint)
    following = func.lead(handoffs.c.created_at, type_=Instant)
    turns = (
        select(
            handoffs.c.id,
            *own,
            handoffs.c.created_at,
            following.over(partition_by=own, order_by=handoffs.c.cycle).label("next_at"),
        )
        .where(handoffs.c.kind == CREATED)
        .subquery("turns")
    )
    during = and_(
        events.c.lead_id == turns.c.lead_id,
        events.c.kind.in_(sorted(HANDOFF_ANSWERS)),
        events.c.subject == turns.c.endpoint,
        events.c.recorded_at >= turns.c.created_at,
        or_(turns.c.next_at.is_(None), events.c.recorded_at < turns.c.next_at),
    )
    first = type_coerce(func.min(events.c.occurred_at), Instant).label("first_answer_at")
    taken = func.max(case((events.c.kind.in_(sorted(TAKEN_ON)), 1), else_=0)).label("taken_on")
    return (
        select(turns.c.id, first, taken)
        .join(events, during)
        .group_by(turns.c.id)
        .subquery("answered")
    )


def _taken_on(answered: Subquery) -> ColumnElement[int]:
    last = case((handoffs.c.answer.in_(sorted(TAKEN_ON)), 1), else_=0)
    return case((answered.c.taken_on == 1, 1), else_=last)


def handed_over(connection: Connection) -> list[Row]:
    """Return every handoff: its states and times, and what sales answered first and last.

    `arrived_at`: when it reached sales.
    """
    answered = _answered()
    return rows(
        connection,
        select(
            handoffs.c.endpoint,
            handoffs.c.state,
            handoffs.c.reason,
            handoffs.c.created_at,
            _ARRIVED_AT.label("arrived_at"),
            handoffs.c.accept_by,
            handoffs.c.overdue_at,
            handoffs.c.answer,
            handoffs.c.answer_reason,
            func.coalesce(answered.c.first_answer_at, handoffs.c.answered_at, type_=Instant).label(
                "first_answer_at"
            ),
            _taken_on(answered).label("taken_on"),
        )
        .outerjoin(answered, answered.c.id == handoffs.c.id)
        .where(handoffs.c.kind == CREATED)
        .order_by(handoffs.c.id),
    )


# -- a span of time ------------------------------------------------------------------------------


def happened(connection: Connection, *, since: datetime, until: datetime) -> dict[str, int]:
    """Count what happened after `since` and not after `until`."""

    def count(what: ColumnElement[Any], at: ColumnElement[Any], *where: ColumnElement[bool]) -> int:
        query = select(func.count(what.distinct())).where(at > since, at <= until, *where)
        return connection.execute(query).scalar_one()

    def people(kinds: Iterable[EventKind]) -> int:
        found = (events.c.kind.in_(sorted(kinds)), events.c.human.is_(True))
        return count(events.c.lead_id, events.c.occurred_at, *found)

    def moved(stage: Stage) -> int:
        return count(stage_moves.c.lead_id, stage_moves.c.at, stage_moves.c.after == stage)

    return {
        "captured": count(leads.c.id, leads.c.captured_at),
        "mails_sent": count(messages.c.id, messages.c.accepted_at),
        "clicked": people({EventKind.MESSAGE_CLICKED}),
        "answered": people({EventKind.FORM_SUBMITTED}),
        "prospects": moved(Stage.PROSPECT),
        "handed_over": count(handoffs.c.id, _ARRIVED_AT, handoffs.c.kind == CREATED),
        "accepted": people({EventKind.HANDOFF_ACCEPTED}),
        "customers": moved(Stage.CUSTOMER),
        "opted_out": people({EventKind.MESSAGE_UNSUBSCRIBED, EventKind.MESSAGE_COMPLAINED}),
        "archived": moved(Stage.INACTIVE),
    }
