"""Turn the model of a sequence into the flat steps that the engine walks.

Steps are numbered by ids: those their authors wrote, and for the others their kind with what
they are about, made different by -2, -3 in the order of the file. So an id stays the same
while steps are added behind it, and an author who writes ids need not care.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence as Several
from dataclasses import dataclass, field
from typing import assert_never

from nurture.core import sequence as core
from nurture.core.condition import TRUE, Condition
from nurture.core.project import Workspace
from nurture.project import durations, schema_sequence as schema
from nurture.project.codes import Code
from nurture.project.names import Names
from nurture.project.reader import Parsed, Reader
from nurture.project.yaml_file import KeyPath

LONGEST_ID = 60


@dataclass(frozen=True, slots=True)
class Placed:
    """A step as written, and where."""

    path: KeyPath
    model: schema.AnyStep


def placed(steps: Several[schema.AnyStep], path: KeyPath) -> Iterator[Placed]:
    """Yield all steps with their places, each before those that stand in it."""
    for index, step in enumerate(steps):
        here = (*path, index)
        yield Placed(here, step)
        for arm_path, arm_steps in arms(step, here):
            yield from placed(arm_steps, arm_path)


def arms(step: schema.AnyStep, path: KeyPath) -> list[tuple[KeyPath, list[schema.AnyStep]]]:
    """Return the steps inside a step, arm by arm."""
    match step:
        case schema.BranchModel():
            found = [(*path, "branch", at, "steps") for at in range(len(step.branch))]
            return [(at, list(arm.steps)) for at, arm in zip(found, step.branch, strict=True)]
        case schema.SplitModel():
            found = [(*path, "split", at, "steps") for at in range(len(step.split))]
            return [(at, list(arm.steps)) for at, arm in zip(found, step.split, strict=True)]
        case _:
            return []


def step_ids(steps: Several[Placed]) -> dict[KeyPath, str]:
    """Return the id of every step by its place."""
    taken = {step.model.id for step in steps if step.model.id is not None}
    found = {}
    for step in steps:
        name = step.model.id
        if name is None:
            base = derived_id(step.model)
            name, count = base, 1
            while name in taken:
                count += 1
                name = f"{base}-{count}"
            taken.add(name)
        found[step.path] = name
    return found


def derived_id(step: schema.AnyStep) -> str:
    """Return kind and main value of a step as an id, before it is made unique."""
    slug = re.sub("[^a-z0-9]+", "-", " ".join(_words(step)).lower()).strip("-")
    return slug[:LONGEST_ID].strip("-")


def _words(step: schema.AnyStep) -> tuple[str, str]:
    match step:
        case schema.FormStepModel():
            return "form", step.form
        case schema.EmailModel():
            return "email", step.email
        case schema.WaitModel():
            return "wait", durations.to_text(step.wait)
        case schema.SetModel():
            return "set", next(iter(step.set)).partition(".")[2]
        case schema.ScoreModel():
            return "score", f"{'minus-' if step.score < 0 else ''}{abs(step.score)}"
        case schema.TaskModel():
            return "task", step.task.title
        case schema.HandoffModel():
            return "handoff", step.handoff
        case schema.GotoModel():
            return "goto", step.goto
        case schema.ArchiveModel():
            return "archive", step.archive
        case schema.ExitModel():
            return "exit", step.exit
        case schema.WaitForModel():
            return "wait-for", ""
        case schema.BranchModel():
            return "branch", ""
        case schema.SplitModel():
            return "split", ""
        case _ as unknown:
            assert_never(unknown)


@dataclass(slots=True, kw_only=True)
class SequenceBuilder:
    """Builds one sequence, reading its conditions on the way."""

    reader: Reader
    names: Names
    workspace: Workspace
    parsed: Parsed[schema.SequenceModel]
    ids: Mapping[KeyPath, str] = field(default_factory=dict)

    def build(self, name: str) -> core.Sequence:
        """Return the sequence with its steps laid out flat."""
        model = self.parsed.model
        everything = list(placed(model.steps, ("steps",)))
        self.ids = step_ids(everything)
        self._unique(everything)
        return core.Sequence(
            name=name,
            title=model.title,
            enter=self._when(model.enter.when, ("enter", "when")),
            enter_text=model.enter.when,
            reentry_seconds=model.enter.reentry,
            priority=model.enter.priority,
            exclusive=model.exclusive or "",
            exits=tuple(
                core.ExitRule(
                    when=self._when(rule.when, ("exits", index, "when")),
                    text=rule.when,
                    reason=rule.reason,
                )
                for index, rule in enumerate(model.exits)
            ),
            window=model.send.window or self.workspace.default_window,
            topic=model.send.topic or "",
            steps=tuple(self._laid_out(model.steps, ("steps",), None)),
        )

    def _when(self, text: str, path: KeyPath) -> Condition:
        return self.reader.condition(text, self.names, self.parsed.document, path)

    def _unique(self, everything: Several[Placed]) -> None:
        first: dict[str, KeyPath] = {}
        for step in everything:
            name = self.ids[step.path]
            if name in first:
                line = self.parsed.document.line(first[name])
                told = f'two steps have the id "{name}"', f"rename one; the first is on line {line}"
                where = (*step.path, "id")
                self.reader.report(self.parsed.document, where, (Code.DUPLICATE_STEP, *told))
                self.reader.damaged.add(self.parsed.document.file)
            first.setdefault(name, step.path)

    def _laid_out(
        self, steps: Several[schema.AnyStep], path: KeyPath, after: str | None
    ) -> Iterator[core.Step]:
        """Yield the steps flat; the last of them goes on to `after`."""
        for index, step in enumerate(steps):
            here = (*path, index)
            last = index == len(steps) - 1
            following = after if last else self.ids[(*path, index + 1)]
            yield self._step(step, here, following)
            for arm_path, arm_steps in arms(step, here):
                yield from self._laid_out(arm_steps, arm_path, following)

    def _step(self, step: schema.AnyStep, path: KeyPath, following: str | None) -> core.Step:
        at = _Place(self.ids[path], following, self.parsed.document.line(path))
        match step:
            case schema.FormStepModel() | schema.EmailModel():
                return _mail(step, at)
            case schema.WaitForModel():
                inner = step.wait_for
                return core.WaitForStep(
                    id=at.id,
                    next=at.next,
                    line=at.line,
                    when=self._when(inner.when, (*path, "wait_for", "when")),
                    text=inner.when,
                    timeout_seconds=inner.timeout,
                )
            case schema.BranchModel():
                found = tuple(self._arms(step, path))
                return core.BranchStep(id=at.id, next=at.next, line=at.line, arms=found)
            case schema.SplitModel():
                shares = tuple(
                    core.SplitArm(
                        name=arm.name, share=arm.share, first=self._first((*path, "split", index))
                    )
                    for index, arm in enumerate(step.split)
                )
                return core.SplitStep(id=at.id, next=at.next, line=at.line, arms=shares)
            case schema.TaskModel() | schema.HandoffModel():
                return _person(step, at)
            case _:
                return _plain(step, at)

    def _arms(self, step: schema.BranchModel, path: KeyPath) -> Iterator[core.BranchArm]:
        for index, arm in enumerate(step.branch):
            here = (*path, "branch", index)
            when = TRUE if arm.when is None else self._when(arm.when, (*here, "when"))
            yield core.BranchArm(when=when, text=arm.when or "else", first=self._first(here))

    def _first(self, arm: KeyPath) -> str | None:
        return self.ids.get((*arm, "steps", 0))


@dataclass(frozen=True, slots=True)
class _Place:
    id: str
    next: str | None
    line: int


def _mail(step: schema.FormStepModel | schema.EmailModel, at: _Place) -> core.Step:
    if isinstance(step, schema.EmailModel):
        return core.EmailStep(
            id=at.id,
            next=at.next,
            line=at.line,
            template=step.email,
            others=tuple(step.or_by_step or ()),
            window=step.window or "",
            topic=step.topic or "",
            expires_seconds=step.expires,
            late=core.Late(step.late or core.Late.SKIP),
            when_capped=core.WhenCapped(step.when_capped),
        )
    return core.FormStep(
        id=at.id,
        next=at.next,
        line=at.line,
        form=step.form,
        template=step.email,
        timeout_seconds=step.timeout,
        window=step.window or "",
        topic=step.topic or "",
        expires_seconds=step.expires,
        late=core.Late(step.late or core.Late.SKIP),
        when_capped=core.WhenCapped(step.when_capped),
    )


def _person(step: schema.TaskModel | schema.HandoffModel, at: _Place) -> core.Step:
    if isinstance(step, schema.HandoffModel):
        return core.HandoffStep(
            id=at.id,
            next=at.next,
            line=at.line,
            endpoint=step.handoff,
            timeout_seconds=step.timeout,
        )
    return core.TaskStep(
        id=at.id,
        next=at.next,
        line=at.line,
        title=step.task.title,
        team=step.task.team,
        timeout_seconds=step.task.timeout,
    )


_Plain = (
    schema.WaitModel
    | schema.SetModel
    | schema.ScoreModel
    | schema.GotoModel
    | schema.ArchiveModel
    | schema.ExitModel
)


def _plain(step: _Plain, at: _Place) -> core.Step:
    match step:
        case schema.WaitModel():
            return core.WaitStep(id=at.id, next=at.next, line=at.line, seconds=step.wait)
        case schema.SetModel():
            return core.SetStep(id=at.id, next=at.next, line=at.line, values=step.values())
        case schema.ScoreModel():
            return core.ScoreStep(
                id=at.id, next=at.next, line=at.line, points=step.score, reason=step.reason
            )
        case schema.GotoModel():
            return core.GotoStep(
                id=at.id, next=at.next, line=at.line, target=step.goto, at_most=step.at_most
            )
        case schema.ArchiveModel():
            return core.ArchiveStep(id=at.id, next=None, line=at.line, reason=step.archive)
        case schema.ExitModel():
            return core.ExitStep(id=at.id, next=None, line=at.line, reason=step.exit)
        case _ as unknown:
            assert_never(unknown)
