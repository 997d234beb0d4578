"""What became of handoffs: delivered, answered in time, taken on, given back, won, lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd

from nurture.core.event import EventKind
from nurture.core.project import Project
from nurture.reports.counting import frame, quartiles, share, wilson
from nurture.reports.reasons import NO_REASON, plain, said
from nurture.store.reporting import Row

IN_WORK = (
    EventKind.HANDOFF_ACCEPTED,
    EventKind.HANDOFF_WORKING,
    EventKind.HANDOFF_MEETING,
)
REASONED = (EventKind.HANDOFF_REJECTED, EventKind.HANDOFF_RECYCLED, EventKind.HANDOFF_LOST)

ALL = ""
"""The endpoint of the row that sums up all endpoints."""

_HOUR = timedelta(hours=1)
_HANDOFFS = {
    "endpoint": "str",
    "title": "str",
    "created": "int64",
    "waiting": "int64",
    "on_the_way": "int64",
    "withdrawn": "int64",
    "dead": "int64",
    "delivered": "int64",
    "unanswered": "int64",
    "answered": "int64",
    "in_work": "int64",
    "rejected": "int64",
    "recycled": "int64",
    "won": "int64",
    "lost": "int64",
    "accepted": "int64",
    "acceptance": "float64",
    "acceptance_low": "float64",
    "acceptance_high": "float64",
    "overdue": "int64",
    "overdue_now": "int64",
    "median_hours_to_answer": "float64",
}
_REASONS = {"answer": "str", "reason": "str", "handoffs": "int64"}


def tables(rows: Sequence[Row], project: Project, *, now: datetime) -> dict[str, pd.DataFrame]:
    """Return `handoffs` (first the sum of all, then by endpoint) and `handoff_reasons`."""
    known = [*project.endpoints, *sorted({row["endpoint"] for row in rows} - {*project.endpoints})]
    lines = [_line(rows, ALL, "All handoffs", now)]
    for name in known:
        title = project.endpoints[name].title if name in project.endpoints else name
        own = [row for row in rows if row["endpoint"] == name]
        lines.append(_line(own, name, title, now))
    return {
        "handoffs": frame(lines, _HANDOFFS),
        "handoff_reasons": frame(_reasons(rows), _REASONS),
    }


def is_overdue(row: Row, *, now: datetime) -> bool:
    """Say whether the clock ran out on a handoff that sales has still not answered."""
    late = row["overdue_at"] is not None or (
        row["accept_by"] is not None and row["accept_by"] < now
    )
    return late and row["arrived_at"] is not None and not row["answer"]


def _line(rows: Sequence[Row], endpoint: str, title: str, now: datetime) -> dict[str, object]:
    delivered = [row for row in rows if row["arrived_at"] is not None]
    # One that is sent once more is ready again, yet sales has had it.
    states = Counter(row["state"] for row in rows if row["arrived_at"] is None)
    answers = Counter(row["answer"] for row in delivered)
    answered = len(delivered) - answers[""]
    accepted = sum(row["taken_on"] for row in delivered)
    low, high = wilson(accepted, answered)
    hours = [
        max((row["first_answer_at"] - row["arrived_at"]) / _HOUR, 0.0)
        for row in delivered
        if row["first_answer_at"] is not None
    ]
    late_now = sum(is_overdue(row, now=now) for row in rows)
    late_then = sum(row["overdue_at"] is not None and bool(row["answer"]) for row in rows)
    return {
        "endpoint": endpoint,
        "title": title,
        "created": len(rows),
        "waiting": states["waiting"],
        "on_the_way": states["ready"],
        "withdrawn": states["withdrawn"],
        "dead": states["dead"],
        "delivered": len(delivered),
        "unanswered": answers[""],
        "answered": answered,
        "in_work": sum(answers[kind] for kind in IN_WORK),
        "rejected": answers[EventKind.HANDOFF_REJECTED],
        "recycled": answers[EventKind.HANDOFF_RECYCLED],
        "won": answers[EventKind.HANDOFF_WON],
        "lost": answers[EventKind.HANDOFF_LOST],
        "accepted": accepted,
        "acceptance": share(accepted, answered),
        "acceptance_low": low,
        "acceptance_high": high,
        "overdue": late_now + late_then,
        "overdue_now": late_now,
        "median_hours_to_answer": quartiles(hours)[1],
    }


def _reasons(rows: Sequence[Row]) -> list[dict[str, object]]:
    found: list[tuple[str, str, int]] = []
    for kind in REASONED:
        words = said(row["answer_reason"] for row in rows if row["answer"] == kind)
        found.extend((kind.removeprefix("handoff."), reason, n) for reason, n in words.items())
    withdrawn = Counter(
        plain(row["reason"]) or NO_REASON for row in rows if row["state"] == "withdrawn"
    )
    found.extend(("withdrawn", reason, n) for reason, n in withdrawn.items())
    order = [kind.removeprefix("handoff.") for kind in REASONED] + ["withdrawn"]
    found.sort(key=lambda item: (order.index(item[0]), -item[2], item[1]))
    return [{"answer": answer, "reason": reason, "handoffs": n} for answer, reason, n in found]
