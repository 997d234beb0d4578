"""Tell what comes next for a lead, with exact times.

What an open sequence will do is not guessed: the same `decide` that the engine calls is asked what
it would do at the time at which it will be asked, if nothing happens until then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nurture.core.assess import assess
from nurture.core.decide import decide
from nurture.core.decision import Decision, End, Park, PlanMessage, Situation
from nurture.core.enrollment import Awaiting, Enrollment
from nurture.core.entries import entry_order, may_enter
from nurture.core.gate import Go, Later, last_gate
from nurture.core.lead import ENDED, IN_PLAY, Stage, Verdict, as_recipient
from nurture.core.message import Message, MessageState
from nurture.core.project import Project
from nurture.core.sequence import FormStep, HandoffStep, Step, TaskStep, WaitForStep, WaitStep
from nurture.engine.explain import explain_rule
from nurture.engine.moments import say_seconds
from nurture.engine.outlook import looks_ahead
from nurture.engine.person import Person
from nurture.engine.runtime import today
from nurture.engine.story_lines import NextLine
from nurture.engine.story_notes import Telling, say_held
from nurture.store.handoffs import Handoff
from nurture.store.lead_story import Mail
from nurture.store.records import Task

MOST_TURNS = 12
"""How often the same enrollment is asked again on the way to its next mail or wait."""
MOST_LOOKS = 40
"""At how many of the lead's next assessments is looked ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """What is open for a lead now, as far as its future depends on it.

    `still` is told of what hangs on a release that cannot be read any more.
    """

    still: Sequence[NextLine]
    enrollments: Sequence[tuple[Enrollment, str, Project]]
    mails: Sequence[Mail]
    ready: Sequence[tuple[Message, Project]]
    recent_sends: Sequence[datetime]
    left_recently: Sequence[datetime]
    handoffs: Sequence[tuple[Handoff, int]]
    tasks: Sequence[Task]
    check_at: datetime | None
    pause: tuple[str, datetime | None] | None
    halted: Sequence[tuple[str, str, datetime | None]]


def tell_next(person: Person, work: Open, *, now: datetime) -> list[NextLine]:
    """Return what comes next, what stands still first, then by time."""
    lines = [
        *_standing_still(person, work),
        *work.still,
        *_mails(person, work, now),
        *_sequences(person, work, now),
        *_handoffs(person, work, now),
        *_tasks(work, now),
        *_look(person, work, now),
    ]
    if not lines:
        lines = [NextLine(at=None, what="Nothing: only something new can change anything")]
    return sorted(lines, key=lambda line: (line.at is not None, line.at or now))


def _standing_still(person: Person, work: Open) -> Iterator[NextLine]:
    lead, stage = person.lead, person.lead.standing.stage
    if stage is Stage.ERASED:
        yield NextLine(at=None, what="Nothing: the lead is erased and cannot come back")
        return
    if work.pause is not None:
        reason, until = work.pause
        yield NextLine(
            at=until,
            what="Paused by hand until then" if until else "Paused by hand, without an end",
            why=reason,
        )
    if lead.suppressed:
        yield NextLine(
            at=None,
            what="No mail leaves to this address",
            why=f"{lead.suppressed}; so no sequence is entered either",
        )
    elif not lead.topics and lead.email:
        yield NextLine(
            at=None,
            what="No mail may be sent",
            why="nobody has recorded a consent; it can be given by a form or an import",
        )
    elif not lead.email:
        yield NextLine(at=None, what="No mail can be sent", why="there is no address")
    if lead.locked:
        yield NextLine(
            at=None, what="Gets no mail while sales has them", why="until sales gives them back"
        )
    for name, reason, until in work.halted:
        what = "All sending is paused" if name == "sending" else f"Sending by {name} is halted"
        yield NextLine(at=until, what=what if until is None else f"{what} until then", why=reason)
    if stage in ENDED:
        yield NextLine(
            at=None,
            what=f"Rests at the stage {person.words.stage(stage)}",
            why="one sign of life brings them back"
            if stage is Stage.INACTIVE
            else "nothing leads on from here by itself",
        )


# -- mails that are planned already --------------------------------------------------------------


def _mails(person: Person, work: Open, now: datetime) -> Iterator[NextLine]:
    for message, project in work.ready:
        named = person.words.template(message.template)
        at = max(message.not_before, now)
        answer = last_gate(message, as_recipient(person.lead), project, work.left_recently, now=at)
        match answer:
            case Go():
                waits = message.reason if message.not_before > now else ""
                why = say_held(waits) if waits else "it is planned already"
                yield NextLine(at=at, what=f"The mail {named} leaves", why=why)
            case Later(not_before=later, reason=reason):
                yield NextLine(at=later, what=f"The mail {named} leaves", why=say_held(reason))
            case _:
                yield NextLine(
                    at=at,
                    what=f"The mail {named} is stopped instead of sent",
                    why=answer.reason,
                )
    for mail in work.mails:
        if mail.message.state in (MessageState.UNCERTAIN, MessageState.PARKED):
            yield NextLine(
                at=None,
                what=f"Nobody knows whether the mail {person.words.template(mail.message.template)}"
                " left; it is not sent again by itself",
                why=f"settled by a report, if the provider sends any, or by hand: "
                f"nurture message resolve {mail.message.uid[:12]} --sent or --again, with --reason",
            )


# -- sequences -----------------------------------------------------------------------------------


def _sequences(person: Person, work: Open, now: datetime) -> Iterator[NextLine]:
    looks = [look.at for look in looks_ahead(person, now=now)][:MOST_LOOKS]
    for enrollment, reason, project in work.enrollments:
        sequence = project.sequences[enrollment.sequence]
        words = replace(person.words, project=project)
        telling = Telling(words=words, sequence=enrollment.sequence)
        step = sequence.by_id[enrollment.step]
        yield _wait(enrollment, reason, step, telling, now)
        situation = _situation(person, work, enrollment)
        future = _Future(person=person, project=project, telling=telling, looks=looks)
        yield from future.unfold(enrollment, situation, now)
    if not work.enrollments and not work.still and _may_enter_some(person):
        yield _no_sequence(person, now)


def _may_enter_some(person: Person) -> bool:
    """Say whether sequences are open to the lead at all: why not is told elsewhere."""
    kept_out = person.lead.suppressed or person.lead.locked
    return not kept_out and person.found.standing.stage in IN_PLAY


def _situation(person: Person, work: Open, enrollment: Enrollment) -> Situation:
    view = person.history.handoff
    lead = replace(person.lead, standing=person.found.standing, locked=person.found.locked)
    # A mail of this enrollment that waits to leave does so before the next one is planned.
    planned = [message for message, _ in work.ready if message.enrollment_id == enrollment.id]
    return Situation(
        facts=replace(person.facts, lead=lead),
        recent_sends=[*work.recent_sends, *(max(m.not_before, m.planned_at) for m in planned)],
        handoff_state=view.state if view else "",
        handoff_answer=view.answer if view else None,
    )


def _wait(
    enrollment: Enrollment, reason: str, step: Step, telling: Telling, now: datetime
) -> NextLine:
    """Say what the sequence waits for now."""
    where = f"{telling.title}, step '{step.id}'"
    after = f"{where}; then it goes on with {telling.comes(step.next)}"
    until = enrollment.wait_until or enrollment.due_at
    match enrollment.awaiting, step:
        case Awaiting.HOLD, _:
            return NextLine(at=None, what=f"Held: {reason}", why=where)
        case Awaiting.SALES, HandoffStep():
            return NextLine(at=until, what="Waits for sales to answer, until then", why=after)
        case Awaiting.SALES, _:
            return NextLine(at=None, what="Waits until sales gives them back", why=where)
        case Awaiting.EVENT, FormStep(form=form):
            said = telling.words.form(form)
            return NextLine(
                at=until, what=f"Waits for the answer to the form {said}, until then", why=after
            )
        case Awaiting.EVENT, TaskStep(title=title, team=team):
            return NextLine(
                at=until, what=f"Waits for {team} to do the task '{title}', until then", why=after
            )
        case Awaiting.EVENT, WaitForStep(text=text):
            said = telling.words.rule(text)
            return NextLine(at=until, what=f"Waits until {said}, at most until then", why=after)
        case Awaiting.TIME, WaitStep(seconds=seconds):
            return NextLine(at=until, what=f"Waits {say_seconds(seconds)}, until then", why=after)
        case _ if until is not None and until <= now:
            return NextLine(at=until, what="Is due now and goes on in the next tick", why=where)
        case _:
            said = say_held(reason) if reason else "the next tick goes on here"
            return NextLine(
                at=until, what=f"Comes to {telling.comes(step.id)}", why=f"{said}; {where}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Future:
    """What one enrollment would do if nothing happened. `looks`: when the lead is assessed."""

    person: Person
    project: Project
    telling: Telling
    looks: Sequence[datetime]

    def unfold(
        self, enrollment: Enrollment, situation: Situation, now: datetime
    ) -> Iterator[NextLine]:
        """Yield what it does when its time comes, up to the next mail, wait or end."""
        at, reasons = now, list[str]()
        for _ in range(MOST_TURNS):
            change = self._next_change(enrollment, situation, at)
            if change is None:
                return
            at, decision = change
            told = list(self.telling.results(decision.notes))
            reasons += [one.why for one in told if one.why]
            for result in told:
                if not result.quiet:
                    yield self._line(at, result.future, reasons)
                    reasons = []
            then = decision.then
            mails = any(isinstance(action, PlanMessage) for action in decision.actions)
            if isinstance(then, End) or mails:
                return
            if then.awaiting is not Awaiting.TURN:
                if reasons:
                    yield self._line(at, self._rests(then), reasons)
                return
            enrollment = self._parked(enrollment, decision, then)

    def _next_change(
        self, enrollment: Enrollment, situation: Situation, now: datetime
    ) -> tuple[datetime, Decision] | None:
        """Return the first decision that is more than to go on waiting, and its time."""
        due_at = enrollment.due_at
        moments = [at for at in self.looks if at > now and (due_at is None or at < due_at)]
        if due_at is not None:
            moments.append(max(due_at, now))
        for at in moments:
            decision = self._decide(enrollment, situation, at)
            then = decision.then
            waits_on = isinstance(then, Park) and (
                (then.step, then.awaiting, then.due_at)
                == (enrollment.step, enrollment.awaiting, due_at)
            )
            if not waits_on:
                return at, decision
        return None

    def _decide(self, enrollment: Enrollment, situation: Situation, at: datetime) -> Decision:
        facts = replace(situation.facts, today=today(self.project, at))
        found = assess(facts, self.person.history, self.person.project, now=at)
        facts = replace(facts, lead=replace(facts.lead, standing=found.standing))
        sequence = self.project.sequences[enrollment.sequence]
        return decide(enrollment, sequence, replace(situation, facts=facts), self.project, now=at)

    @staticmethod
    def _parked(enrollment: Enrollment, decision: Decision, then: Park) -> Enrollment:
        return replace(
            enrollment,
            step=then.step,
            awaiting=then.awaiting,
            due_at=then.due_at,
            wait_until=then.wait_until,
            since=then.since,
            visit=decision.visit,
            jumps=decision.jumps,
        )

    def _rests(self, then: Park) -> str:
        return f"goes on in {self.telling.title} to {self.telling.comes(then.step)}"

    @staticmethod
    def _line(at: datetime, what: str, reasons: Sequence[str]) -> NextLine:
        said = "; ".join(dict.fromkeys(reasons))
        return NextLine(at=at, what=f"If nothing happens until then: {what}", why=said)


def _no_sequence(person: Person, now: datetime) -> NextLine:
    """Say why the lead is in no sequence: what each one wants that is not so."""
    reasons = []
    for sequence in entry_order(person.project):
        title = person.words.sequence(sequence.name)
        if not may_enter(sequence, person.history.left_at, now=now):
            again = sequence.reentry_seconds
            left = person.history.left_at[sequence.name]
            since = f"left {person.zones.day(left)}"
            reasons.append(
                f"{title}: {since}, and nobody enters it twice"
                if again is None
                else f"{title}: {since}, and not open again for {say_seconds(again)}"
            )
            continue
        node = explain_rule(person, sequence.enter_text, sequence.enter, now=now)
        failing = [part.text for part in node.parts or (node,) if part.answer is not Verdict.PASS]
        reasons.append(f"{title}: it wants that {failing[0]}" if failing else f"{title}: may enter")
    return NextLine(at=None, what="Is in no sequence", why="; ".join(reasons))


# -- people --------------------------------------------------------------------------------------


def _handoffs(person: Person, work: Open, now: datetime) -> Iterator[NextLine]:
    rule = person.project.qualification.handoff
    standing = person.found.standing
    far_enough = rule.reached_by(standing.stage) and person.history.handoff is None
    if far_enough and standing.readiness < rule.floor:
        why = f"readiness is {standing.readiness}, and sales takes nobody below {rule.floor}"
        yield NextLine(at=None, what=f"Is not handed to sales ({rule.endpoint}) yet", why=why)
    for handoff, ahead in work.handoffs:
        match handoff.state:
            case "waiting":
                held = f"; {handoff.reason}" if handoff.reason else ""
                yield NextLine(
                    at=None,
                    what=f"Waits to be handed to sales ({handoff.endpoint})",
                    why=f"sales takes {rule.capacity_per_week} a week, the readiest first; "
                    f"{ahead} are in front{held}",
                )
            case "ready":
                yield NextLine(
                    at=handoff.next_attempt_at,
                    what=f"The handoff {handoff.uid} is delivered to {handoff.endpoint}",
                    why=handoff.reason or "it is the first try",
                )
            case "delivered" if not handoff.answer and handoff.accept_by is not None:
                yield NextLine(
                    at=handoff.accept_by,
                    what=f"Sales ({handoff.endpoint}) should have answered by then"
                    if handoff.accept_by < now
                    else f"Sales ({handoff.endpoint}) has until then to answer",
                    why="that is the promise; without an answer it becomes a task",
                )
            case "dead":
                yield NextLine(
                    at=None,
                    what=f"The handoff {handoff.uid} never reached {handoff.endpoint}",
                    why=f"{handoff.reason}; send it again: nurture handoff replay {handoff.uid}",
                )


def _tasks(work: Open, now: datetime) -> Iterator[NextLine]:
    for task in work.tasks:
        if task.done_at is None:
            team = f"{task.team[:1].upper()}{task.team[1:]}"
            yield NextLine(
                at=task.due_at,
                what=f"{team} should have done the task '{task.title}' by then"
                if task.due_at < now
                else f"{team} has until then for the task '{task.title}'",
                why=f"done? nurture task done {task.id} --outcome TEXT",
            )


def _look(person: Person, work: Open, now: datetime) -> Iterator[NextLine]:
    at = work.check_at
    if at is None:
        return
    if at <= now:
        yield NextLine(at=at, what="Is due to be assessed", why="something happened; see the tick")
        return
    looks = [look.why for look in looks_ahead(person, now=now) if abs(look.at - at) < _SAME]
    yield NextLine(
        at=at,
        what="Is looked at again, if nothing happens before",
        why="; ".join(dict.fromkeys(looks)) or "to see whether anything has changed by then",
    )


_SAME = timedelta(minutes=1)
