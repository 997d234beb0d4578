"""What sales answers: verified outside, made a fact here, applied in the order it happened."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nurture.core.errors import RefusedInput
from nurture.core.event import HANDOFF_ANSWERS, EventKind, NewEvent
from nurture.engine import intake
from nurture.engine.runtime import Runtime
from nurture.store import handoffs

ANSWERS = {str(kind).removeprefix("handoff."): kind for kind in sorted(HANDOFF_ANSWERS)}
LONGEST_REASON = 500
CLOCK_SKEW = timedelta(minutes=10)

_UID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_YEARS = range(2000, 9999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One answer: to which handoff, what, why, and when sales decided it."""

    handoff_uid: str
    kind: EventKind
    reason: str
    occurred_at: datetime


def take(
    runtime: Runtime, endpoint: str, body: bytes, webhook_id: str, *, now: datetime
) -> int | None:
    """Store sales' answer and return the lead it is about; None: unknown handoff, parked.

    Raises RefusedInput if the body is not an answer. Twice the same id changes nothing; an answer
    older than the one in force is recorded as a fact and not applied.
    """
    feedback = parse(body, now=now)
    with runtime.database.write() as connection:
        handoff = handoffs.by_uid(connection, feedback.handoff_uid)
        if handoff is None or handoff.endpoint != endpoint:
            return None
        if handoffs.erased_leads(connection, [handoff.lead_id]):
            return None
        event = NewEvent(
            lead_id=handoff.lead_id,
            kind=feedback.kind,
            subject=endpoint,
            occurred_at=feedback.occurred_at,
            source=f"sales:{endpoint}",
            source_key=webhook_id,
            detail={"reason": feedback.reason} if feedback.reason else {},
        )
        if intake.record(runtime, connection, [event], project=None, now=now):
            handoffs.answer(
                connection,
                handoff.id,
                feedback.kind,
                reason=feedback.reason,
                occurred_at=feedback.occurred_at,
            )
    return handoff.lead_id


def parse(body: bytes, *, now: datetime) -> Feedback:
    """Read an answer: `{"type": "handoff.accepted", "data": {"handoff_id": …, …}}`."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedInput("the body is not JSON") from None
    if not isinstance(told, Mapping) or not isinstance(told.get("data"), Mapping):
        raise RefusedInput('the body needs "type" and "data"')
    kind = ANSWERS.get(str(told.get("type", "")).removeprefix("handoff."))
    if kind is None:
        raise RefusedInput(f"type must be one of {', '.join(str(k) for k in ANSWERS.values())}")
    data: Mapping[str, Any] = told["data"]
    uid, reason = data.get("handoff_id"), data.get("reason", "")
    if not isinstance(uid, str) or not isinstance(reason, str):
        raise RefusedInput('"handoff_id" and "reason" must be text')
    if not _UID.fullmatch(uid):
        raise RefusedInput('"handoff_id" is not the id of a handoff')
    clean = "".join(char if char.isprintable() else " " for char in reason)
    return Feedback(
        handoff_uid=uid,
        kind=kind,
        reason=clean.encode("utf-8", "replace").decode()[:LONGEST_REASON].strip(),
        occurred_at=_moment(data.get("occurred_at"), now),
    )


def _moment(text: object, now: datetime) -> datetime:
    if text is None:
        return now
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise RefusedInput('"occurred_at" must be a time like 2026-09-01T10:00:00Z') from None
    if moment.tzinfo is None:
        raise RefusedInput('"occurred_at" needs a time zone')
    if moment.year not in _YEARS:
        raise RefusedInput('"occurred_at" is no time at which sales could have answered')
    if moment > now + CLOCK_SKEW:
        raise RefusedInput('"occurred_at" lies in the future')
    return min(moment.astimezone(UTC), now)
