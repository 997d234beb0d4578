"""Decide what one enrollment does now, and why.

`decide` walks the sequence from the present step until something has to be waited for. It returns
what to do (actions), where the enrollment stands afterwards, and a note for every choice made, so
that `nurture why` can tell the story from stored rows alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import assert_never

from nurture.core.choosing import choose
from nurture.core.condition import holds
from nurture.core.decision import (
    Action,
    AddScore,
    ArchiveLead,
    AskPerson,
    Decision,
    End,
    Note,
    Park,
    PlanMessage,
    SetFields,
    Situation,
    TakeBack,
    WaitingMail,
    mail_of,
    noted,
)
from nurture.core.enrollment import Awaiting, Enrollment
from nurture.core.event import EventKind
from nurture.core.lead import IN_PLAY, Gate, Temperature, Verdict
from nurture.core.planning import SOON, Clear, Hold, may_plan, topic_of
from nurture.core.policy import Dropped
from nurture.core.project import Project
from nurture.core.sequence import (
    ArchiveStep,
    BranchStep,
    EmailStep,
    ExitStep,
    FormStep,
    GotoStep,
    HandoffStep,
    Late,
    ScoreStep,
    Sequence as NurtureSequence,
    SetStep,
    SplitStep,
    Step,
    TaskStep,
    WaitForStep,
    WaitStep,
)

MAX_STEPS = 100
"""Steps walked in one decision; a long loop whose waits have all passed goes on in the next."""


def decide(
    enrollment: Enrollment,
    sequence: NurtureSequence,
    situation: Situation,
    project: Project,
    *,
    now: datetime,
) -> Decision:
    """Return what the enrollment does now; a stop outranks an exit, an exit outranks a step."""
    walk = _Walk(enrollment, sequence, situation, project, now)
    ended = walk.stopped()
    then: Park | End = ended if ended is not None else walk.run()
    return Decision(
        actions=tuple(walk.actions),
        then=then,
        notes=tuple(walk.notes),
        visit=walk.visit,
        jumps=walk.jumps,
    )


class _Walk:
    """One decision in the making: the state that the steps share."""

    def __init__(
        self,
        enrollment: Enrollment,
        sequence: NurtureSequence,
        situation: Situation,
        project: Project,
        now: datetime,
    ) -> None:
        self.enrollment = enrollment
        self.sequence = sequence
        self.situation = situation
        self.facts = situation.facts
        self.project = project
        self.now = now
        self.actions: list[Action] = []
        self.notes: list[Note] = []
        self.visit = enrollment.visit
        self.jumps = dict(enrollment.jumps)
        self.replaces: Sequence[WaitingMail] = ()
        self.since = enrollment.since
        # When the wait under way at the enrollment's own step is over; later steps have none yet.
        self.waiting = enrollment.wait_until
        # A tick that comes late must not stretch the sequence: waits count from the due time.
        self.clock = min(enrollment.wait_until or enrollment.due_at or now, now)

    def note(self, step: str, rule: str, outcome: str) -> None:
        self.notes.append(noted(step, rule, outcome))

    def end(self, step: str, reason: str, rule: str) -> End:
        self.note(step, rule, f"left the sequence: {reason}")
        return End(step=step, reason=reason)

    def stopped(self) -> End | None:
        """Return the end that suppression, archive, closing or an exit rule demands."""
        step, lead = self.enrollment.step, self.facts.lead
        if lead.suppressed:
            return self.end(step, f"suppressed: {lead.suppressed}", "suppression")
        if lead.standing.temperature is Temperature.CLOSED:
            return self.end(step, "closed", "temperature closed")
        for rule in self.sequence.exits:
            if holds(rule.when, self.facts, now=self.now):
                return self.end(step, rule.reason, f"exit when {rule.text}")
        if lead.standing.stage not in IN_PLAY:
            return self.end(step, f"stage {lead.standing.stage}", "stage")
        return None

    def run(self) -> Park | End:
        step_id = self.enrollment.step
        for _ in range(MAX_STEPS):
            result = self.take(self.sequence.by_id[step_id])
            if not isinstance(result, _Go):
                return result
            if result.next is None:
                return self.end(step_id, "finished", "end of the sequence")
            step_id = result.next
            # Counted from the due time too: after downtime a mail is late, not fresh.
            self.since, self.waiting = self.clock, None
        return self.rest(step_id)

    def take(self, step: Step) -> Park | End | _Go:
        match step:
            case EmailStep(others=(_, *_)):
                return self.chosen(step)
            case EmailStep() | FormStep():
                return self.mail(step)
            case WaitStep(seconds=seconds):
                return self.timed(step, Awaiting.TIME, seconds, "waited")
            case WaitForStep():
                return self.wait_for(step)
            case BranchStep():
                return self.branch(step)
            case SplitStep():
                return self.split(step)
            case SetStep(values=values):
                self.actions.append(SetFields(step=step.id, values=values))
                return self.soon(step, "set fields")
            case ScoreStep(points=points, reason=reason):
                self.actions.append(AddScore(step=step.id, points=points, reason=reason))
                return self.soon(step, f"{points:+d} points: {reason}")
            case TaskStep():
                return self.task(step)
            case HandoffStep():
                return self.handoff(step)
            case GotoStep():
                return self.goto(step)
            case ArchiveStep():
                return self.archive(step)
            case ExitStep(reason=reason):
                return self.end(step.id, reason, "exit step")
            case _ as unknown:
                assert_never(unknown)

    # -- waiting ---------------------------------------------------------------------------------

    def park(
        self, step: Step, awaiting: Awaiting, until: datetime | None, reason: str = ""
    ) -> Park:
        return Park(
            step=step.id,
            awaiting=awaiting,
            due_at=until,
            wait_until=until,
            since=self.since,
            reason=reason,
        )

    def timed(self, step: Step, awaiting: Awaiting, seconds: int, over: str) -> Park | End | _Go:
        """Park until the wait that began with this step is over, then go on."""
        until = self.waiting or self.clock + timedelta(seconds=seconds)
        if self.now < until:
            return self.park(step, awaiting, until)
        self.note(step.id, "time", over)
        self.clock = until
        return _Go(step.next)

    def soon(self, step: Step, outcome: str) -> Park | End | _Go:
        """Note what was done and go on in the next tick, which sees its effect."""
        self.note(step.id, "step", outcome)
        if step.next is None:
            return self.end(step.id, "finished", "end of the sequence")
        return self.rest(step.next)

    def rest(self, step_id: str) -> Park:
        """Park before the step until the next tick."""
        return Park(
            step=step_id,
            awaiting=Awaiting.TURN,
            due_at=self.now + SOON,
            wait_until=None,
            since=self.now,
        )

    def wait_for(self, step: WaitForStep) -> Park | End | _Go:
        if holds(step.when, self.facts, now=self.now):
            self.note(step.id, f"wait for {step.text}", "it happened")
            self.clock = self.now
            return _Go(step.next)
        return self.timed(step, Awaiting.EVENT, step.timeout_seconds, f"gave up on {step.text}")

    # -- choosing --------------------------------------------------------------------------------

    def branch(self, step: BranchStep) -> _Go:
        for arm in step.arms:
            if holds(arm.when, self.facts, now=self.now):
                self.note(step.id, "branch", f"took the path: {arm.text}")
                return _Go(arm.first if arm.first is not None else step.next)
        self.note(step.id, "branch", "no path matched")
        return _Go(step.next)

    def split(self, step: SplitStep) -> _Go:
        total = sum(arm.share for arm in step.arms)
        key = f"{self.sequence.name}/{step.id}/{self.facts.lead.uid}".encode()
        point = int.from_bytes(blake2b(key, digest_size=8).digest()) % total
        for arm in step.arms:
            if point < arm.share:
                self.note(step.id, "split", f"took the path: {arm.name}")
                return _Go(arm.first if arm.first is not None else step.next)
            point -= arm.share
        raise AssertionError("shares do not add up")

    def goto(self, step: GotoStep) -> _Go:
        taken = self.jumps.get(step.id, 0)
        if taken >= step.at_most:
            self.note(step.id, "goto", f"went back {taken} times already; going on")
            return _Go(step.next)
        self.jumps[step.id] = taken + 1
        self.visit += 1
        self.note(step.id, "goto", f"back to {step.target}")
        return _Go(step.target)

    # -- mail ------------------------------------------------------------------------------------

    def chosen(self, step: EmailStep) -> Park | End | _Go:
        choice, at = choose(step, self.facts, self.project, now=self.now), len(self.notes)
        found = self.mail(choice.step) if choice.step else _Go(step.next)
        if not isinstance(found, Park):
            self.notes.insert(at, Note(step=step.id, rule="buyer's step", outcome=choice.why))
        return found

    def mail(self, step: EmailStep | FormStep) -> Park | End | _Go:
        # With a wait under way the mail has left; on a second pass by a goto it has not.
        if isinstance(step, FormStep) and (self.waiting is not None or self._answered(step)):
            return self._answer(step)
        held = self._held(step)
        if held is not None:
            return held
        if step.late is Late.SKIP and self._expired(step):
            self.note(step.id, "late work", "too late to send; skipped")
            return _Go(step.next)
        self._plan(step)
        if isinstance(step, FormStep):
            until = self.now + timedelta(seconds=step.timeout_seconds)
            return self.park(step, Awaiting.EVENT, until)
        return _Go(step.next)

    def _answered(self, step: FormStep) -> bool:
        at = self.facts.latest.get((EventKind.FORM_SUBMITTED, step.form))
        return at is not None and at >= self.enrollment.entered_at

    def _answer(self, step: FormStep) -> Park | End | _Go:
        if self._answered(step):
            self.note(step.id, f"form {step.form}", "answered")
            self.clock = self.now
            return _Go(step.next)
        return self.timed(step, Awaiting.EVENT, step.timeout_seconds, "no answer to the form")

    def _held(self, step: EmailStep | FormStep) -> Park | _Go | None:
        """Return why the mail may not be planned now, and until when, or that it is passed over."""
        one_is = any(isinstance(action, PlanMessage) for action in self.actions)
        match may_plan(
            step, self.sequence, self.enrollment, self.situation, self.project,
            planned=one_is, now=self.now,
        ):  # fmt: skip
            case Clear(replaces=mails):
                self.replaces = mails
                return None
            case Hold(awaiting=awaiting, until=until, reason=reason):
                return self._hold(step, awaiting, until, reason)
            case Dropped():
                self.note(step.id, "sending rules", "over the caps; dropped")
                return _Go(step.next)

    def _hold(self, step: Step, awaiting: Awaiting, until: datetime | None, reason: str) -> Park:
        same = (
            step.id == self.enrollment.step
            and awaiting is self.enrollment.awaiting
            and awaiting in (Awaiting.HOLD, Awaiting.SALES)
        )
        if not same:
            self.note(step.id, "sending rules", f"held: {reason}")
        return replace(self.park(step, awaiting, until, reason), wait_until=None)

    def _expired(self, step: EmailStep | FormStep) -> bool:
        limit = step.expires_seconds
        return limit is not None and self.now > self.since + timedelta(seconds=limit)

    def _plan(self, step: EmailStep | FormStep) -> None:
        expires = None
        if step.expires_seconds is not None and step.late is not Late.SEND:
            expires = self.since + timedelta(seconds=step.expires_seconds)
        for mail in self.replaces:
            why = f"replaced by {step.template}"
            self.actions.append(TakeBack(step=step.id, message_id=mail.id, reason=why))
            self.note(step.id, "sending rules", f"took the place of the mail {mail.template}")
        topic = topic_of(step, self.sequence, self.project)
        window = step.window or self.sequence.window
        form = step.form if isinstance(step, FormStep) else ""
        self.actions.append(mail_of(step.id, step.template, topic, window, form, expires))
        self.note(step.id, "step", f"planned the mail {step.template}")
        # What follows is counted from the mail, not from when it would have been due.
        self.clock = self.now

    def archive(self, step: ArchiveStep) -> Park | End:
        """End in the inactive file; whom sales has is not archived behind its back."""
        if self.facts.lead.locked:
            return self._hold(step, Awaiting.SALES, None, "with sales")
        self.actions.append(ArchiveLead(step=step.id, reason=step.reason))
        return self.end(step.id, f"archived: {step.reason}", "archive step")

    # -- people ----------------------------------------------------------------------------------

    def task(self, step: TaskStep) -> Park | End | _Go:
        begun = self.waiting is not None
        if begun and self.situation.task_done:
            self.note(step.id, "task", "done")
            self.clock = self.now
            return _Go(step.next)
        if not begun:
            self.clock = self.now
            due_at = self.now + timedelta(seconds=step.timeout_seconds)
            self.actions.append(
                AskPerson(step=step.id, title=step.title, team=step.team, due_at=due_at)
            )
            self.note(step.id, "step", f"asked {step.team}: {step.title}")
        return self.timed(step, Awaiting.EVENT, step.timeout_seconds, "nobody did the task")

    def handoff(self, step: HandoffStep) -> Park | End | _Go:
        """Wait for sales where the lead is handed over; else say what is missing and go on."""
        state, answer = self.situation.handoff_state, self.situation.handoff_answer
        if answer is not None:
            self.note(step.id, "handoff", f"sales answered: {answer.split('.')[1]}")
            self.clock = self.now
            return _Go(step.next)
        if state:
            # Sales gets the whole time, however late this tick comes.
            self.clock = self.now
            return self.timed(step, Awaiting.SALES, step.timeout_seconds, "sales has not answered")
        self.note(step.id, "handoff", f"not handed over: {self._missing()}")
        return _Go(step.next)

    def _missing(self) -> str:
        standing = self.facts.lead.standing
        if not self.project.qualification.handoff.reached_by(standing.stage):
            return f"stage is {standing.stage}"
        if standing.verdicts[Gate.NURTURED] is not Verdict.PASS:
            return "not nurtured yet"
        if standing.readiness < (floor := self.project.qualification.handoff.floor):
            return f"readiness is {standing.readiness}, sales wants {floor}"
        return "not released yet"


@dataclass(frozen=True, slots=True)
class _Go:
    """Go on to the step; None: the sequence is finished."""

    next: str | None
