"""Events: the immutable facts that everything else about a lead is derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """What can happen. The part before the dot is who or what it happened to."""

    LEAD_CAPTURED = "lead.captured"
    LEAD_REVIVED = "lead.revived"
    LEAD_ARCHIVED = "lead.archived"
    FORM_SUBMITTED = "form.submitted"
    FACT_SET = "fact.set"
    CONSENT_GIVEN = "consent.given"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    MESSAGE_PROCESSED = "message.processed"
    MESSAGE_DEFERRED = "message.deferred"
    MESSAGE_DELIVERED = "message.delivered"
    MESSAGE_BOUNCED = "message.bounced"
    MESSAGE_BLOCKED = "message.blocked"
    MESSAGE_DROPPED = "message.dropped"
    MESSAGE_OPENED = "message.opened"
    MESSAGE_CLICKED = "message.clicked"
    MESSAGE_REPLIED = "message.replied"
    MESSAGE_UNSUBSCRIBED = "message.unsubscribed"
    MESSAGE_COMPLAINED = "message.complained"
    MESSAGE_RESOLVED = "message.resolved"
    MESSAGE_UNKNOWN = "message.unknown"
    PAGE_VIEWED = "page.viewed"
    WEBINAR_ATTENDED = "webinar.attended"
    CALL_LOGGED = "call.logged"
    TASK_DONE = "task.done"
    SCORE_ADJUSTED = "score.adjusted"
    LIST_ADDED = "list.added"
    LIST_REMOVED = "list.removed"
    SIGNAL_MENTIONED = "signal.mentioned"
    COMMITMENT_GIVEN = "commitment.given"
    STAGE_OVERRIDDEN = "stage.overridden"
    TEMPERATURE_OVERRIDDEN = "temperature.overridden"
    GATE_WAIVED = "gate.waived"
    OVERRIDE_ENDED = "override.ended"
    DATE_ARRIVED = "date.arrived"
    INTENT_TOPIC = "intent.topic"
    REVIEW_VISITED = "review.visited"
    HANDOFF_DELIVERED = "handoff.delivered"
    HANDOFF_ACCEPTED = "handoff.accepted"
    HANDOFF_WORKING = "handoff.working"
    HANDOFF_MEETING = "handoff.meeting"
    HANDOFF_REJECTED = "handoff.rejected"
    HANDOFF_RECYCLED = "handoff.recycled"
    HANDOFF_WON = "handoff.won"
    HANDOFF_LOST = "handoff.lost"
    ERASURE_REQUESTED = "erasure.requested"


SIGNS_OF_LIFE = frozenset(
    {
        EventKind.FORM_SUBMITTED,
        EventKind.MESSAGE_CLICKED,
        EventKind.MESSAGE_REPLIED,
        EventKind.PAGE_VIEWED,
        EventKind.WEBINAR_ATTENDED,
        EventKind.CALL_LOGGED,
        EventKind.LEAD_REVIVED,
    }
)
"""Kinds by which a person shows that somebody is there. Opens are not among them: machines open."""

MEANINGFUL_TOUCHES = frozenset(
    {
        EventKind.FORM_SUBMITTED,
        EventKind.MESSAGE_CLICKED,
        EventKind.MESSAGE_REPLIED,
        EventKind.WEBINAR_ATTENDED,
        EventKind.CALL_LOGGED,
    }
)
"""Two-way or content touches: what the nurtured gate counts."""

ECHOES = frozenset(
    {
        EventKind.MESSAGE_PROCESSED,
        EventKind.MESSAGE_DEFERRED,
        EventKind.MESSAGE_DELIVERED,
        EventKind.MESSAGE_OPENED,
        EventKind.MESSAGE_UNKNOWN,
    }
)
"""Kinds that say how a mail fares: they move no lead unless a condition or score asks for them."""

STOPS_MAIL = frozenset(
    {
        EventKind.MESSAGE_UNSUBSCRIBED,
        EventKind.MESSAGE_COMPLAINED,
        EventKind.MESSAGE_BOUNCED,
        EventKind.MESSAGE_DROPPED,
        EventKind.ERASURE_REQUESTED,
    }
)
"""Kinds that put the address on the suppression list in the transaction that records them."""

HANDOFF_ANSWERS = frozenset(
    {
        EventKind.HANDOFF_ACCEPTED,
        EventKind.HANDOFF_WORKING,
        EventKind.HANDOFF_MEETING,
        EventKind.HANDOFF_REJECTED,
        EventKind.HANDOFF_RECYCLED,
        EventKind.HANDOFF_WON,
        EventKind.HANDOFF_LOST,
    }
)
"""What sales can answer; see docs/lifecycle.md for what each one moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """A fact that is about to be appended.

    `subject` says what it was about: a template for message events, a form for submissions, a
    topic for consent. `source` and `source_key` together are unique: the same fact reported twice
    is stored once. `human` is False for what a machine did (scanner clicks, prefetched opens), and
    for a click until it is judged.
    `detail` may hold personal data and is kept apart, so that it can be erased.
    """

    lead_id: int
    kind: EventKind
    subject: str = ""
    occurred_at: datetime
    source: str
    source_key: str
    human: bool = True
    points: int = 0
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact of the ledger, as read back.

    `chance` says in thousandths how likely a person clicked or opened; a click that is not yet
    `judged` counts for nothing so far.
    """

    id: int
    lead_id: int
    kind: EventKind
    subject: str
    occurred_at: datetime
    recorded_at: datetime
    source: str
    human: bool
    points: int
    detail: Mapping[str, object] = field(default_factory=dict)
    chance: int | None = None
    judged: bool = True
