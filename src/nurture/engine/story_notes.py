"""Put the notes of decisions into words: for what was decided, and for what would be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from nurture.core.sequence import (
    ArchiveStep,
    BranchStep,
    EmailStep,
    ExitStep,
    FormStep,
    GotoStep,
    HandoffStep,
    ScoreStep,
    SetStep,
    SplitStep,
    Step,
    TaskStep,
    WaitForStep,
    WaitStep,
)
from nurture.engine.moments import say_seconds
from nurture.engine.words import Words

LEFT = "left the sequence: "
PLANNED = "planned the mail "
HELD = "held: "
BY_HAND = "by hand"
"""The rule of what a person did to an enrollment."""


class Noted(Protocol):
    """A note of a decision, stored or not."""

    @property
    def step(self) -> str: ...  # noqa: D102 (the names say it)
    @property
    def rule(self) -> str: ...  # noqa: D102
    @property
    def outcome(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One result of a decision with what led to it. `mail` names the template it planned."""

    what: str
    why: str
    mail: str = ""
    task: str = ""
    quiet: bool = False
    held: bool = False

    @property
    def future(self) -> str:
        """What would be done, as the rest of a sentence."""
        if self.mail:
            return f"the mail '{self.mail}' leaves"
        for past, present in _PRESENT.items():
            if self.what.startswith(past):
                return present + self.what.removeprefix(past)
        return self.what[:1].lower() + self.what[1:]


_PRESENT = {
    "Left ": "leaves ",
    "Came to ": "comes to ",
    "Asked ": "asks ",
    "Held back ": "holds back ",
    "Skipped ": "skips ",
    "Went on ": "goes on ",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Words for the notes of one sequence."""

    words: Words
    sequence: str

    def results(self, notes: Iterable[Noted], *, before: Sequence[str] = ()) -> Iterator[Told]:
        """Yield what came of one decision, each result with the choices that led to it.

        `before` are choices of earlier decisions on the way to the same result.
        """
        reasons = list(before)
        last: Noted | None = None
        for note in notes:
            result = self._result(note, reasons)
            if result is not None:
                yield result
                reasons, last = [], None
            else:
                reasons.append(self.reason(note))
                last = note
        if last is not None:
            going_on = f"Went on in {self.title}: {reasons[-1]}"
            yield Told(what=going_on, why="; ".join(reasons[:-1]), quiet=True)

    @property
    def title(self) -> str:
        """How the sequence is called."""
        return self.words.sequence(self.sequence)

    def step(self, step_id: str) -> Step | None:
        """Return the step, None where the release in force has it no more."""
        sequence = self.words.project.sequences.get(self.sequence)
        return sequence.by_id.get(step_id) if sequence else None

    # -- results ---------------------------------------------------------------------------------

    def _result(self, note: Noted, reasons: list[str]) -> Told | None:
        outcome, why = note.outcome, "; ".join(reasons)
        where = f"step '{note.step}' of {self.title}"
        because = f"{why}; {where}" if why else where
        if outcome.startswith(LEFT):
            return self._left(note, reasons)
        if outcome.startswith(PLANNED):
            mail = outcome.removeprefix(PLANNED)
            what = f"Planned the mail {self.words.template(mail)}"
            return Told(what=what, why=because, mail=mail)
        if outcome.startswith(HELD):
            what = f"Held back the next mail of {self.title}: {say_held(outcome)}"
            return Told(what=what, why=why, quiet=outcome.startswith(_WINDOW), held=True)
        if outcome.startswith("asked "):
            team, _, title = outcome.removeprefix("asked ").partition(": ")
            return Told(what=f"Asked {team}: {title}", why=because, task=title)
        if outcome == "too late to send; skipped":
            return Told(what=f"Skipped a mail, too late to send: {where}", why=why)
        if outcome == "over the caps; dropped":
            return Told(what=f"Dropped a mail, no room under the caps: {where}", why=why)
        if outcome == "set fields" or outcome.partition(" points: ")[1]:
            # The values and the points have lines of their own.
            return Told(what=f"Went on in {self.title}: {outcome}", why=why, quiet=True)
        return None

    def _left(self, note: Noted, reasons: list[str]) -> Told:
        reason = note.outcome.removeprefix(LEFT)
        match note.rule:
            case "end of the sequence":
                return Told(
                    what=f"Came to the end of {self.title}",
                    why="; ".join(reasons) or "it was the last step",
                )
            case "suppression":
                because = "nothing may be mailed to this address"
            case "stage":
                because = "only who is on the way stays in a sequence"
            case "temperature closed":
                because = "they want to hear no more from us"
            case str(rule) if rule.startswith("exit when "):
                said = self.words.rule(rule.removeprefix("exit when "))
                because = f"the sequence ends as soon as {said}"
            case str(rule) if rule.startswith(BY_HAND):
                because = rule
            case _:
                because = ""
        return Told(
            what=f"Left {self.title}: {reason}",
            why="; ".join([*reasons, *([because] if because else [])]),
        )

    # -- reasons ---------------------------------------------------------------------------------

    def reason(self, note: Noted) -> str:
        """Return the choice as a clause."""
        rule, outcome, step = note.rule, note.outcome, self.step(note.step)
        match rule:
            case "time":
                return self._time(outcome, step)
            case "branch":
                path = outcome.removeprefix("took the path: ")
                if path in ("else", "true"):
                    return "no other path fitted"
                return "no path fitted" if path == outcome else f"as {self.words.rule(path)}"
            case "split":
                return f"by lot the path '{outcome.removeprefix('took the path: ')}'"
            case "goto":
                target = outcome.removeprefix("back to ")
                return outcome if target == outcome else f"a new round from the step '{target}'"
            case "task":
                return "the task was done"
            case "handoff":
                return outcome
            case _ if rule.startswith("wait for "):
                said = self.words.rule(rule.removeprefix("wait for "))
                return f"what it waited for came true: {said}"
            case _ if rule.startswith("form "):
                return f"they answered the form {self.words.form(rule.removeprefix('form '))}"
            case _:
                return outcome

    def _time(self, outcome: str, step: Step | None) -> str:
        match outcome, step:
            case "waited", WaitStep(seconds=seconds):
                return f"the wait of {say_seconds(seconds)} was over"
            case "waited", _:
                return "the wait was over"
            case "no answer to the form", FormStep(form=form, timeout_seconds=seconds):
                answer = f"no answer to the form {self.words.form(form)}"
                return f"{answer} in {say_seconds(seconds)}"
            case "nobody did the task", TaskStep(title=title, timeout_seconds=seconds):
                return f"nobody did the task '{title}' in {say_seconds(seconds)}"
            case "sales has not answered", _:
                return "sales had not answered in time"
            case str(gave_up), _ if gave_up.startswith("gave up on "):
                said = self.words.rule(gave_up.removeprefix("gave up on "))
                return f"it did not come true in time that {said}"
            case _:
                return outcome

    # -- steps -----------------------------------------------------------------------------------

    def comes(self, step_id: str | None) -> str:
        """Return what comes with the step, as the rest of `goes on with …`."""
        step = self.step(step_id) if step_id is not None else None
        match step:
            case None:
                return "the end of the sequence"
            case EmailStep(template=template, others=others):
                named = [self.words.template(name) for name in (template, *others)]
                return f"the mail {' or '.join(named)}"
            case FormStep(template=template, form=form):
                return f"the mail {self.words.template(template)} with the form '{form}'"
            case WaitStep(seconds=seconds):
                return f"a wait of {say_seconds(seconds)}"
            case WaitForStep(text=text):
                return f"a wait until {self.words.rule(text)}"
            case BranchStep() | SplitStep():
                return f"a choice between {len(step.arms)} paths (step '{step.id}')"
            case TaskStep(title=title, team=team):
                return f"a task for {team}: {title}"
            case HandoffStep(endpoint=endpoint):
                return f"a look whether sales ({endpoint}) gets them"
            case GotoStep(target=target):
                return f"a new round from the step '{target}'"
            case ArchiveStep():
                return "the inactive file"
            case ExitStep(reason=reason):
                return f"the end of the sequence ({reason})"
            case SetStep():
                return "noting fields"
            case ScoreStep():
                return "a change of the engagement score"


_WINDOW = f"{HELD}window "


def say_held(reason: str) -> str:
    """Return in plain words why a mail is held back."""
    reason = reason.removeprefix(HELD)
    if reason == "with sales":
        return "sales has them"
    if reason.startswith("window "):
        window = reason.removeprefix("window ").removesuffix(" and caps")
        return f"until the window '{window}' is open and no cap is reached"
    return reason
