"""May a mail be planned now? Sales, consent, the mail before it, windows and caps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.core.decision import Situation, WaitingMail
from nurture.core.enrollment import Awaiting, Enrollment
from nurture.core.policy import Dropped, Open, Shut, turn
from nurture.core.project import Project
from nurture.core.sequence import EmailStep, FormStep, Sequence as NurtureSequence, WhenCapped

SOON = timedelta(minutes=1)
SETTLE = timedelta(minutes=15)
"""How long to wait before asking again whether the mail before this one has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Not now: the enrollment stays before the step."""

    awaiting: Awaiting
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """The mail may be planned; it takes the place of these, which have not begun to leave."""

    replaces: Sequence[WaitingMail] = ()


CLEAR = Clear()
NONE: frozenset[int] = frozenset()


def topic_of(step: EmailStep | FormStep, sequence: NurtureSequence, project: Project) -> str:
    """Return the consent topic: the step's, else the mail's own, else the sequence's."""
    template = project.templates.get(step.template)
    return step.topic or (template.topic if template else "") or sequence.topic


def may_plan(
    step: EmailStep | FormStep,
    sequence: NurtureSequence,
    enrollment: Enrollment,
    situation: Situation,
    project: Project,
    *,
    planned: bool,
    now: datetime,
) -> Clear | Hold | Dropped:
    """Return whether the mail of the step may be planned, by everything that stands against it.

    `planned`: this very decision has planned one already.
    """
    lead, topic = situation.facts.lead, topic_of(step, sequence, project)
    if lead.locked:
        return Hold(awaiting=Awaiting.SALES, until=None, reason="with sales")
    if topic not in lead.topics:
        return Hold(awaiting=Awaiting.HOLD, until=None, reason=f"no consent for {topic}")
    waiting = situation.waiting if step.when_capped is WhenCapped.REPLACE else ()
    own = {mail.id for mail in waiting if mail.enrollment_id == enrollment.id} if waiting else NONE
    if situation.unsettled and not own:
        return _unsettled(now)
    if planned:
        return Hold(awaiting=Awaiting.TURN, until=now + SOON, reason="one mail at a time")
    window = project.workspace.windows[step.window or sequence.window]
    answer = turn(
        step.when_capped, project.workspace, window, lead.time_zone, _beside(waiting, situation),
        waiting=len(waiting), now=now,
    )  # fmt: skip
    match answer:
        case Open(replaces=0) if not own:
            return CLEAR
        case Open(replaces=count):
            # Where both have room, a mail of one's own still leaves before the next is planned.
            left = own - {mail.id for mail in waiting[:count]}
            return _unsettled(now) if left else Clear(replaces=waiting[:count])
        case Shut(until=opens):
            reason = f"window {window.name} and caps"
            return Hold(awaiting=Awaiting.TURN, until=opens, reason=reason)
        case Dropped():
            return answer


def _unsettled(now: datetime) -> Hold:
    reason = "the mail before has not left"
    return Hold(awaiting=Awaiting.TURN, until=now + SETTLE, reason=reason)


def _beside(waiting: Sequence[WaitingMail], situation: Situation) -> Sequence[datetime]:
    """Return when the lead's other mails leave or left."""
    if not waiting:
        return situation.recent_sends
    sent = list(situation.recent_sends)
    for mail in waiting:
        if mail.planned_at in sent:
            sent.remove(mail.planned_at)
    return sent
