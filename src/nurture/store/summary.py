"""Counts that sum a database up: what the demo prints and `doctor` compares."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, func, select

from nurture.core.event import EventKind
from nurture.store.db import Connection
from nurture.store.tables import events, handoffs, leads, messages, past_enrollments, stage_moves


def counts_by(connection: Connection, column: Column[Any]) -> dict[str, int]:
    """Return how many rows there are for each value of a column, by name."""
    rows = connection.execute(
        select(column.label("name"), func.count().label("n")).group_by(column)
    )
    return {str(row.name): row.n for row in sorted(rows, key=lambda row: str(row.name))}


def summary(connection: Connection) -> dict[str, Any]:
    """Return the counts of leads, messages, forms and handoffs."""
    submitted = connection.execute(
        select(events.c.subject.label("name"), func.count().label("n"))
        .where(events.c.kind == EventKind.FORM_SUBMITTED, events.c.source == "form")
        .group_by(events.c.subject)
        .order_by(events.c.subject)
    )
    forms = {row.name: row.n for row in submitted}
    reached = connection.execute(
        select(
            stage_moves.c.after.label("name"),
            func.count(stage_moves.c.lead_id.distinct()).label("n"),
        )
        .group_by(stage_moves.c.after)
        .order_by(stage_moves.c.after)
    )
    stages = counts_by(connection, leads.c.stage)
    return {
        "leads": {
            "total": sum(stages.values()),
            "stages": stages,
            "ever_reached": {row.name: row.n for row in reached},
            "temperatures": counts_by(connection, leads.c.temperature),
        },
        "messages": {
            "states": counts_by(connection, messages.c.state),
            "delivery": counts_by(connection, messages.c.delivery),
            "templates": counts_by(connection, messages.c.template),
        },
        "forms": {"submitted": sum(forms.values()), "by_form": forms},
        "handoffs": {
            "total": sum(counts_by(connection, handoffs.c.state).values()),
            "states": counts_by(connection, handoffs.c.state),
            "answers": {
                name.removeprefix("handoff.") or "none": n
                for name, n in counts_by(connection, handoffs.c.answer).items()
            },
            "overdue": connection.execute(
                select(func.count()).where(handoffs.c.overdue_at.is_not(None))
            ).scalar_one(),
        },
        "exits": counts_by(connection, past_enrollments.c.reason),
        "archived": stages.get("inactive", 0),
        "erased": stages.get("erased", 0),
    }


def accepted_times(connection: Connection) -> list[datetime]:
    """Return when each mail was accepted, oldest first."""
    return [
        at
        for at in connection.scalars(
            select(messages.c.accepted_at)
            .where(messages.c.accepted_at.is_not(None))
            .order_by(messages.c.accepted_at)
        )
        if at is not None
    ]
