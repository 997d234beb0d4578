"""Who is no longer mailed and why, and what work is held until somebody looks at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from nurture.core.enrollment import Awaiting
from nurture.core.lead import Stage
from nurture.core.message import MessageState
from nurture.reports.counting import frame
from nurture.reports.reasons import NO_REASON, plain
from nurture.reports.sales import is_overdue
from nurture.store.reporting import Row

ARCHIVED, REVIVED, STOPPED, ERASED = "archived", "revived", "mail stopped", "erased"

_DAY = timedelta(days=1)
_DEPARTURES = {"what": "str", "reason": "str", "leads": "int64"}
_HELD = {
    "what": "str",
    "sequence": "str",
    "step": "str",
    "reason": "str",
    "count": "int64",
    "oldest_days": "float64",
    "urgent": "bool",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What may be held, as the store counted it."""

    open: Sequence[Row]
    in_doubt: Sequence[Row]
    handoffs: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    what: str
    sequence: str = ""
    step: str = ""
    reason: str
    urgent: bool


def departures(
    moves: Sequence[Row], stopped: Sequence[Row], erasures: Sequence[Row]
) -> pd.DataFrame:
    """Return the table `departures`: archived and revived (moves), mail stopped, erased (leads)."""
    found: Counter[tuple[str, str]] = Counter()
    for row in moves:
        if row["after"] == Stage.INACTIVE:
            found[ARCHIVED, _told(row["reason"])] += row["n"]
        if row["before"] == Stage.INACTIVE:
            found[REVIVED, _told(row["reason"])] += row["n"]
    for row in stopped:
        found[STOPPED, _told(row["reason"])] += row["n"]
    for row in erasures:
        found[ERASED, _told(str(row["detail"].get("reason", "")))] += row["n"]
    order = (ARCHIVED, REVIVED, STOPPED, ERASED)
    ranked = sorted(found.items(), key=lambda item: (order.index(item[0][0]), -item[1], item[0]))
    return frame(
        ({"what": what, "reason": reason, "leads": n} for (what, reason), n in ranked), _DEPARTURES
    )


def held(work: Work, *, now: datetime) -> pd.DataFrame:
    """Return the table `held`: what waits for consent, for sales or for somebody's attention."""
    counts: Counter[_Held] = Counter()
    oldest: dict[_Held, datetime] = {}
    for item, count, since in (*_enrollments(work), *_mails(work), *_handoffs(work, now)):
        counts[item] += count
        oldest[item] = min(since, oldest.get(item, since))
    ranked = sorted(
        counts, key=lambda i: (not i.urgent, i.what, -counts[i], i.sequence, i.step, i.reason)
    )
    return frame(
        (
            {
                "what": item.what,
                "sequence": item.sequence,
                "step": item.step,
                "reason": item.reason,
                "count": counts[item],
                "oldest_days": max((now - oldest[item]) / _DAY, 0.0),
                "urgent": item.urgent,
            }
            for item in ranked
        ),
        _HELD,
    )


def _told(reason: str) -> str:
    return plain(reason) or NO_REASON


def _enrollments(work: Work) -> Iterable[tuple[_Held, int, datetime]]:
    for row in work.open:
        failing = row["failing"] > 0
        if not failing and row["awaiting"] not in (Awaiting.HOLD, Awaiting.SALES):
            continue
        with_sales = row["awaiting"] == Awaiting.SALES
        what = "with sales" if with_sales else "on hold"
        item = _Held(
            what="set aside after an error" if failing else what,
            sequence=row["sequence"],
            step=row["step"],
            reason="until sales answers" if with_sales and not failing else _told(row["reason"]),
            urgent=failing,
        )
        yield item, row["n"], row["since"]


def _mails(work: Work) -> Iterable[tuple[_Held, int, datetime]]:
    for row in work.in_doubt:
        parked = row["state"] == MessageState.PARKED
        item = _Held(
            what="mail parked" if parked else "mail in doubt",
            sequence=row["sequence"],
            step=row["step"],
            reason=_told(row["reason"]),
            urgent=parked,
        )
        yield item, row["n"], row["since"]


def _handoffs(work: Work, now: datetime) -> Iterable[tuple[_Held, int, datetime]]:
    for row in work.handoffs:
        if row["arrived_at"] is None and row["state"] == "waiting":
            reason = _told(row["reason"] or "waits for room in the week")
            yield _Held(what="handoff waiting", reason=reason, urgent=False), 1, row["created_at"]
        elif row["state"] == "dead":
            reason = "could not be delivered"
            yield _Held(what="handoff dead", reason=reason, urgent=True), 1, row["created_at"]
        elif is_overdue(row, now=now):
            since = row["accept_by"] or row["overdue_at"]
            reason = "sales has not answered in time"
            yield _Held(what="handoff overdue", reason=reason, urgent=True), 1, since
