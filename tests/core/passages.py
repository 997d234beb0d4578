"""Ready-made sequences, enrollments and decisions; a test changes the one thing it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from nurture.core.condition import TRUE, Condition
from nurture.core.decide import decide
from nurture.core.decision import Decision, Park, PlanMessage, Situation
from nurture.core.enrollment import Awaiting, Enrollment
from nurture.core.lead import Lead
from nurture.core.sequence import BranchArm, BranchStep, EmailStep, Sequence, Step, WaitStep
from tests.core.builders import DAY, LEAD, NOW, PROJECT, facts, given

ENROLLMENT = Enrollment(
    id=1,
    lead_id=1,
    sequence="welcome",
    release_id=1,
    step="first",
    version=1,
    awaiting=Awaiting.TURN,
    due_at=NOW,
    wait_until=None,
    since=NOW,
    entered_at=NOW - 3 * DAY,
)


def sequence(*steps: Step, **changes: object) -> Sequence:
    """Return a sequence of the steps, each followed by the next unless it says otherwise."""
    following = [step.id for step in steps[1:]] + [None]
    linked = tuple(
        replace(step, next=after) if step.next is None else step
        for step, after in zip(steps, following, strict=True)
    )
    plain = {
        "name": "welcome",
        "title": "Welcome",
        "enter": TRUE,
        "enter_text": "true",
        "reentry_seconds": None,
        "priority": 10,
        "exclusive": "",
        "exits": (),
        "window": "office-hours",
        "topic": "news",
    }
    return Sequence(steps=linked, **given(plain, changes))


def email(step_id: str = "first", **changes: object) -> EmailStep:
    """Return a step that sends the mail of the same name."""
    return EmailStep(id=step_id, **given({"next": None, "template": step_id}, changes))


def wait(how_long: timedelta, step_id: str = "first", **changes: object) -> WaitStep:
    """Return a step that waits."""
    seconds = int(how_long.total_seconds())
    return WaitStep(id=step_id, **given({"next": None, "seconds": seconds}, changes))


def branch(*arms: tuple[Condition, str | None], step_id: str = "first") -> BranchStep:
    """Return a step that takes the first arm whose condition holds."""
    found = tuple(
        BranchArm(when=when, text=f"arm {n}", first=first) for n, (when, first) in enumerate(arms)
    )
    return BranchStep(id=step_id, next=None, arms=found)


def situation(who: Lead = LEAD, **changes: object) -> Situation:
    """Return a situation in which nothing stands against anything."""
    return Situation(**given({"facts": facts(who)}, changes))


def decided(
    steps: Sequence | Step,
    seen: Situation | None = None,
    *,
    who: Lead = LEAD,
    now: datetime = NOW,
    **enrolled: object,
) -> Decision:
    """Decide what the enrollment, changed as said, does now. After a single step comes a mail."""
    through = steps if isinstance(steps, Sequence) else sequence(steps, email("next"))
    enrollment = replace(ENROLLMENT, **given(enrolled))
    return decide(enrollment, through, seen or situation(who), PROJECT, now=now)


def notes(decision: Decision) -> list[str]:
    """Return the outcomes that were noted."""
    return [note.outcome for note in decision.notes]


def parked(decision: Decision) -> Park:
    """Return where the enrollment stays."""
    assert isinstance(decision.then, Park)
    return decision.then


def mailed(decision: Decision) -> PlanMessage | None:
    """Return the mail that was planned: never more than one."""
    mails = [action for action in decision.actions if isinstance(action, PlanMessage)]
    assert len(mails) <= 1
    return mails[0] if mails else None
