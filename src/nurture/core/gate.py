"""The last gate: may this planned mail still leave, in the moment before its bytes do?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from nurture.core.lead import IN_PLAY, Recipient
from nurture.core.message import Message, MessageState, Refused
from nurture.core.policy import Dropped, Shut, turn
from nurture.core.project import Project
from nurture.core.sequence import EmailStep, FormStep, Late, WhenCapped

MAX_TRIES = 8
FIRST_RETRY = timedelta(minutes=2)
LONGEST_RETRY = timedelta(hours=6)
ASK_AGAIN = timedelta(days=1)
"""How often a late mail that waits for a person's word is looked at: it may be suppressed."""
UNRENDERED_RETRY = timedelta(hours=1)
LATE = "late: a person decides"


@dataclass(frozen=True, slots=True)
class Go:
    """The mail may leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Not now: the mail stays ready and is not looked at before `not_before`."""

    not_before: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """The mail ends here, in this state."""

    state: MessageState
    reason: str


def last_gate(
    message: Message,
    recipient: Recipient,
    project: Project,
    sent: Sequence[datetime],
    *,
    now: datetime,
) -> Go | Later | Never:
    """Return whether the mail may leave now. `sent`: their other mails of seven days."""
    if recipient.suppressed:
        return Never(state=MessageState.SUPPRESSED, reason=recipient.suppressed)
    if recipient.stage not in IN_PLAY:
        return Never(state=MessageState.CANCELLED, reason=f"stage {recipient.stage}")
    if recipient.locked:
        return Never(state=MessageState.CANCELLED, reason="with sales")
    if recipient.paused:
        return Later(not_before=now, reason="paused")
    if message.topic not in recipient.topics:
        return Never(state=MessageState.SUPPRESSED, reason=f"no consent for {message.topic}")
    late, when_capped = _wishes(message, project)
    if message.expires_at is not None and now > message.expires_at:
        if late is Late.ASK:
            return Later(not_before=now + ASK_AGAIN, reason=LATE)
        return Never(state=MessageState.EXPIRED, reason="too late to send")
    workspace, window = project.workspace, project.workspace.windows[message.window]
    match turn(when_capped, workspace, window, recipient.time_zone, sent, now=now):
        case Shut(until=opens):
            return Later(not_before=opens, reason=f"window {window.name} and caps")
        case Dropped():
            return Never(state=MessageState.CANCELLED, reason="over the caps; dropped")
        case _:
            return Go()


def _wishes(message: Message, project: Project) -> tuple[Late, WhenCapped]:
    """Return what the step says about mail that is late, and about mail over the caps."""
    sequence = project.sequences.get(message.sequence)
    step = sequence.by_id.get(message.step) if sequence is not None else None
    if isinstance(step, EmailStep | FormStep):
        return step.late, step.when_capped
    return Late.SKIP, WhenCapped.DEFER


def after_no_render(message: Message, why: str, *, now: datetime) -> Later | Never:
    """Return when to try again, ever more rarely, or that it is over: what it says is fixed."""
    tries = message.tries + 1
    if tries >= MAX_TRIES:
        return Never(state=MessageState.FAILED, reason=f"gave up after {tries} tries: {why}")
    return Later(not_before=now + min(UNRENDERED_RETRY * 2**message.tries, ASK_AGAIN), reason=why)


def after_refusal(message: Message, refused: Refused, *, now: datetime) -> Later | Never:
    """Return when to try again, doubling with a stable jitter, or that it is over."""
    if not refused.is_try:
        return Later(not_before=refused.retry_at or now, reason=refused.reason)
    tries = message.tries + 1
    if refused.permanent:
        return Never(state=MessageState.FAILED, reason=refused.reason)
    if tries >= MAX_TRIES:
        return Never(
            state=MessageState.FAILED, reason=f"gave up after {tries} tries: {refused.reason}"
        )
    pause = min(FIRST_RETRY * 2**message.tries, LONGEST_RETRY)
    roll = int.from_bytes(blake2b(f"{message.uid}/{tries}".encode(), digest_size=2).digest())
    jittered = pause * (1 + roll / 65536 / 4)
    return Later(not_before=max(refused.retry_at or now, now + jittered), reason=refused.reason)
