"""The last gate: may this planned mail still leave, in the moment before its bytes do?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from nurture.core.lead import IN_PLAY, Recipient
from nurture.core.message import Message, MessageState, Refused
from nurture.core.policy import Dropped, Open, Shut, turn
from nurture.core.project import Project
from nurture.core.sequence import EmailStep, FormStep, Late, WhenCapped
from nurture.core.value import value

MAX_TRIES = 8
"""Of a mail that cannot be rendered: seven pauses, three days and some hours."""
MOST_REFUSALS = 18
"""Of a mail that is refused for now. RFC 5321, 4.5.4.1: not given up before four or five days."""
FIRST_RETRY = timedelta(minutes=2)
LONGEST_RETRY = timedelta(hours=12)
ASK_AGAIN = timedelta(days=1)
"""How often a late mail that waits for a person's word is looked at: it may be suppressed."""
UNRENDERED_RETRY = timedelta(hours=1)
LATE = "late: a person decides"


@dataclass(frozen=True, slots=True)
class Go:
    """The mail may leave."""


GO = Go()


@value(frozen=True, slots=True, kw_only=True)
class Later:
    """Not now: the mail stays ready and is not looked at before `not_before`."""

    not_before: datetime
    reason: str


@value(frozen=True, slots=True, kw_only=True)
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
    kept: timedelta = timedelta(),
) -> Go | Later | Never:
    """Return whether the mail may leave now. `sent`: their other mails of seven days.

    `kept`: the provider keeps it, as it kept the others, for so long. What is asked of the clock
    is asked of the time at which it leaves the provider; stops hold from now on.
    """
    stopped = _stopped(message, recipient, now)
    if stopped is not None:
        return stopped
    late, when_capped = _wishes(message, project)
    # The same value where it can be: a batch shares what is known about one moment.
    leaves = now + kept if kept else now
    if message.expires_at is not None and leaves > message.expires_at:
        if late is Late.ASK:
            return Later(not_before=now + ASK_AGAIN, reason=LATE)
        return Never(state=MessageState.EXPIRED, reason="too late to send")
    workspace, window = project.workspace, project.workspace.windows[message.window]
    left = [at + kept for at in sent] if kept else sent
    match turn(when_capped, workspace, window, recipient.time_zone, left, now=leaves):
        case Open():
            return GO
        case Shut(until=opens):
            return Later(not_before=opens - kept, reason=f"window {window.name} and caps")
        case Dropped():
            return Never(state=MessageState.CANCELLED, reason="over the caps; dropped")


def unread_gate(
    message: Message, recipient: Recipient, why: str, *, now: datetime
) -> Later | Never:
    """Return what becomes of a mail whose own release nobody can read any more, or judge it by.

    It stops and expires like any other, though nobody can tell what its step says of late mail.
    """
    stopped = _stopped(message, recipient, now)
    if isinstance(stopped, Never):
        return stopped
    if message.expires_at is not None and now > message.expires_at:
        return Never(state=MessageState.EXPIRED, reason=f"too late to send; {why}")
    return after_no_render(message, why, now=now)


def _stopped(message: Message, recipient: Recipient, now: datetime) -> Later | Never | None:
    """Return what stops the mail whatever its step says."""
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
    return None


def _wishes(message: Message, project: Project) -> tuple[Late, WhenCapped]:
    """Return what the step says about mail that is late, and about mail over the caps."""
    sequence = project.sequences.get(message.sequence)
    match sequence.by_id.get(message.step) if sequence is not None else None:
        case EmailStep(late=late, when_capped=when_capped):
            return late, when_capped
        case FormStep(late=late, when_capped=when_capped):
            return late, when_capped
        case _:
            return Late.SKIP, WhenCapped.DEFER


def after_no_render(message: Message, why: str, *, now: datetime) -> Later | Never:
    """Return when to try again, ever more rarely, or that it is over: what it says is fixed."""
    tries = message.unrendered + 1
    if tries >= MAX_TRIES:
        return Never(state=MessageState.FAILED, reason=f"gave up after {tries} tries: {why}")
    return Later(
        not_before=now + min(UNRENDERED_RETRY * 2**message.unrendered, ASK_AGAIN), reason=why
    )


def after_refusal(message: Message, refused: Refused, *, now: datetime) -> Later | Never:
    """Return when to try again, doubling with a stable jitter, or that it is over."""
    if not refused.is_try:
        return Later(not_before=refused.retry_at or now, reason=refused.reason)
    tries = message.tries + 1
    if refused.permanent:
        return Never(state=MessageState.FAILED, reason=refused.reason)
    if tries >= MOST_REFUSALS:
        return Never(
            state=MessageState.FAILED, reason=f"gave up after {tries} tries: {refused.reason}"
        )
    pause = min(FIRST_RETRY * 2**message.tries, LONGEST_RETRY)
    roll = int.from_bytes(blake2b(f"{message.uid}/{tries}".encode(), digest_size=2).digest())
    jittered = pause * (1 + roll / 65536 / 4)
    return Later(not_before=max(refused.retry_at or now, now + jittered), reason=refused.reason)
