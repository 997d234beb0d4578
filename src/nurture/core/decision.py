"""What a decision about one enrollment needs, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import lru_cache

from nurture.core.condition import Facts
from nurture.core.enrollment import Awaiting
from nurture.core.event import EventKind
from nurture.core.lead import Value
from nurture.core.value import value


@value(frozen=True, slots=True, kw_only=True)
class WaitingMail:
    """A mail of the lead that is ready and has not begun to leave."""

    id: int
    enrollment_id: int
    template: str
    planned_at: datetime


@value(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a decision needs besides the lead's facts.

    `recent_sends` are this lead's mails of the last seven days, planned ones included;
    `unsettled` says that a mail of this enrollment has not left yet; `task_done` that the task
    that is waited for is done; `handoff_state` is the state of the present cycle's handoff ('': it
    has none), with the answer of sales. `waiting` are the lead's mails that have not begun to
    leave, oldest first; they are read where a step may replace them.
    """

    facts: Facts
    recent_sends: Sequence[datetime] = ()
    unsettled: bool = False
    task_done: bool = False
    handoff_state: str = ""
    handoff_answer: EventKind | None = None
    waiting: Sequence[WaitingMail] = ()


@value(frozen=True, slots=True, kw_only=True)
class PlanMessage:
    """Plan one mail; `form` names the form its signed link opens."""

    step: str
    template: str
    topic: str
    window: str
    form: str = ""
    expires_at: datetime | None = None


@value(frozen=True, slots=True, kw_only=True)
class SetFields:
    """Set profile fields."""

    step: str
    values: Mapping[str, Value]


@value(frozen=True, slots=True, kw_only=True)
class AddScore:
    """Add engagement points."""

    step: str
    points: int
    reason: str


@value(frozen=True, slots=True, kw_only=True)
class AskPerson:
    """Create a task."""

    step: str
    title: str
    team: str
    due_at: datetime


@value(frozen=True, slots=True, kw_only=True)
class ArchiveLead:
    """Move the lead to the inactive file."""

    step: str
    reason: str


@value(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """Cancel a mail that has not begun to leave."""

    step: str
    message_id: int
    reason: str


Action = PlanMessage | TakeBack | SetFields | AddScore | AskPerson | ArchiveLead


@value(frozen=True, slots=True, kw_only=True)
class Note:
    """One choice: at which step, by which rule, from which inputs, with what result."""

    step: str
    rule: str
    outcome: str
    inputs: Mapping[str, str] = field(default_factory=dict)


@value(frozen=True, slots=True, kw_only=True)
class Park:
    """Stay open at the step until `due_at`, or, without one, until an event."""

    step: str
    awaiting: Awaiting
    due_at: datetime | None
    wait_until: datetime | None
    since: datetime
    reason: str = ""


@value(frozen=True, slots=True, kw_only=True)
class End:
    """The enrollment is over."""

    step: str
    reason: str


@value(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the enrollment does now."""

    actions: tuple[Action, ...]
    then: Park | End
    notes: tuple[Note, ...]
    visit: int = 0
    jumps: Mapping[str, int] = field(default_factory=dict)


# A batch makes the same choices for thousands: they share one value.
@lru_cache(maxsize=4096)
def noted(step: str, rule: str, outcome: str) -> Note:
    """Return the choice as it is noted."""
    return Note(step=step, rule=rule, outcome=outcome)


@lru_cache(maxsize=4096)
def mail_of(
    step: str, template: str, topic: str, window: str, form: str, expires_at: datetime | None
) -> PlanMessage:
    """Return the mail as it is planned."""
    return PlanMessage(
        step=step, template=template, topic=topic, window=window, form=form, expires_at=expires_at
    )
