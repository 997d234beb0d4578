"""Rules about sequences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from nurture.core.condition import ValueType, leaves
from nurture.core.lead import Value
from nurture.core.project import Field
from nurture.core.sequence import (
    BranchStep,
    EmailStep,
    FormStep,
    GotoStep,
    HandoffStep,
    Sequence,
    SetStep,
    Step,
)
from nurture.project.codes import Code
from nurture.project.expressions import UNREADABLE
from nurture.project.graph import restless_loops, unreachable
from nurture.project.inspection import Inspection, sequence_file
from nurture.project.layout import mail_file
from nurture.project.logic import always, implies, never
from nurture.project.nearest import did_you_mean, nearest_field
from nurture.project.schema_base import is_date
from nurture.project.yaml_file import KeyPath


def check_sequences(inspection: Inspection) -> None:
    """Look at every sequence by itself, and at those that share a group."""
    for sequence in inspection.project.sequences.values():
        check = _SequenceCheck(inspection, sequence)
        check.names()
        check.entry_and_exits()
        if inspection.whole(sequence_file(sequence)):
            check.ways()
    _priorities(inspection)


def _priorities(inspection: Inspection) -> None:
    groups: dict[tuple[str, int], list[Sequence]] = defaultdict(list)
    for sequence in inspection.project.sequences.values():
        if sequence.exclusive:
            groups[sequence.exclusive, sequence.priority].append(sequence)
    for (group, priority), members in groups.items():
        for sequence in sorted(members, key=lambda s: s.name)[1:]:
            others = ", ".join(sorted(s.name for s in members if s is not sequence))
            message = f'in the group "{group}" priority {priority} is also that of {others}'
            remedy = "give each its own, so that you decide who goes first"
            path = ("enter", "priority")
            told = (Code.SAME_PRIORITY, message, remedy)
            inspection.warn(sequence_file(sequence), path, told)


class _SequenceCheck:
    def __init__(self, inspection: Inspection, sequence: Sequence) -> None:
        self.inspection = inspection
        self.project = inspection.project
        self.sequence = sequence
        self.file = sequence_file(sequence)
        self.paths = inspection.step_paths(sequence)

    # --- names ---------------------------------------------------------------------------

    def names(self) -> None:
        """Look up everything that steps name."""
        sent_by_default = self.inspection.document(self.file).at(("send", "window"))
        if isinstance(sent_by_default, str):
            self._window(sent_by_default, ("send", "window"))
        self._topic(self.sequence.topic, ("send", "topic"))
        for step in self.sequence.steps:
            here = self.paths[step.id]
            match step:
                case EmailStep() | FormStep():
                    self._mail(step, here)
                case HandoffStep():
                    told = (Code.UNKNOWN_ENDPOINT, f'unknown handoff "{step.endpoint}"')
                    self._known(step.endpoint, "handoff", (*here, "handoff"), told)
                case GotoStep() if self.inspection.whole(self.file):
                    self._goto(step, here)
                case SetStep():
                    self._set(step, here)
                case _:
                    pass

    def _mail(self, step: EmailStep | FormStep, here: KeyPath) -> None:
        several = len(step.templates) > 1
        for index, name in enumerate(step.templates):
            path = (*here, "or_by_step", index - 1) if index else (*here, "email")
            told = (Code.UNKNOWN_TEMPLATE, f'unknown template "{name}"')
            self._known(name, "template", path, told)
            self._template(step, name, path, several=several)
        if isinstance(step, FormStep):
            told = (Code.UNKNOWN_FORM, f'unknown form "{step.form}"')
            self._known(step.form, "form", (*here, "form"), told)
        self._window(step.window, (*here, "window"))
        self._topic(step.topic, (*here, "topic"))

    def _template(
        self, step: EmailStep | FormStep, name: str, path: KeyPath, *, several: bool
    ) -> None:
        template = self.project.templates.get(name)
        if template and not (step.topic or template.topic or self.sequence.topic):
            message = f'no topic says which consent the mail "{name}" rests on'
            remedy = "write send: {topic: ...}, or topic in the step or the template"
            self.inspection.error(self.file, path, (Code.MAIL_WITHOUT_TOPIC, message, remedy))
        if template and several and not template.buyer_step:
            message = f'the mail "{name}" is for no step of the buyer, so it is never the right one'
            file = mail_file(self.project.files, name).rpartition("/")[2]
            remedy = f"write step: problem, exploring, comparing or deciding into {file}"
            self.inspection.error(self.file, path, (Code.MAIL_WITHOUT_STEP, message, remedy))

    def _known(self, name: str, kind: str, path: KeyPath, told: tuple[Code, str]) -> None:
        self.inspection.known(name, self.inspection.names(kind), (self.file, path), told)

    def _window(self, name: str, path: KeyPath) -> None:
        if name and self.inspection.whole("nurture.yaml"):
            told = (Code.UNKNOWN_WINDOW, f'unknown window "{name}"')
            windows = self.project.workspace.windows
            self.inspection.known(name, windows, (self.file, path), told)

    def _topic(self, name: str, path: KeyPath) -> None:
        if name and self.inspection.whole("nurture.yaml"):
            told = (Code.UNKNOWN_TOPIC, f'unknown topic "{name}"')
            topics = self.project.workspace.topics
            self.inspection.known(name, topics, (self.file, path), told)

    def _goto(self, step: GotoStep, here: KeyPath) -> None:
        if step.target in self.sequence.by_id:
            return
        # Ids that we derived are nobody's words: one of them may be made of this very goto.
        document = self.inspection.document(self.file)
        written = [key for key, path in self.paths.items() if document.at((*path, "id"))]
        remedy = f"write id: {step.target} into the step that is meant"
        if written:
            remedy = did_you_mean(step.target, written)
        told = (Code.UNKNOWN_STEP, f'there is no step "{step.target}"', remedy)
        self.inspection.error(self.file, (*here, "goto"), told)

    def _set(self, step: SetStep, here: KeyPath) -> None:
        if not self.inspection.whole("fields.yaml"):
            return
        for key, value in step.values.items():
            path = (*here, "set", key)
            field = self.project.fields.get(key)
            if field is None:
                remedy = nearest_field(key, self.project.fields)
                told = (Code.SET_FIELD, f'unknown field "{key}"', remedy)
                self.inspection.error(self.file, path, told)
            elif problem := _unfit(field, value):
                message, remedy = problem
                told = (Code.SET_FIELD, f"{key} {message}", remedy)
                self.inspection.error(self.file, path, told)

    # --- entry and exits -----------------------------------------------------------------

    def entry_and_exits(self) -> None:
        """Expect that somebody can enter, and does not leave at once."""
        enter = self.sequence.enter
        if UNREADABLE in leaves(enter):
            return
        if never(enter):
            message = "nobody can ever enter: the condition holds for no lead"
            remedy = "correct it, or remove the sequence"
            told = (Code.ENTRY_NEVER, message, remedy)
            self.inspection.error(self.file, ("enter", "when"), told)
            return
        for index, rule in enumerate(self.sequence.exits):
            if UNREADABLE not in leaves(rule.when) and implies(enter, rule.when):
                message = "whoever enters leaves at once: this holds at entry already"
                told = (Code.EXIT_AT_ENTRY, message, "narrow this condition or the entry")
                self.inspection.error(self.file, ("exits", index, "when"), told)

    # --- ways through --------------------------------------------------------------------

    def ways(self) -> None:
        """Expect that every step can be reached, and that no loop spins."""
        for step in unreachable(self.sequence):
            message = f'nobody can come to the step "{step.id}"'
            remedy = "remove it, or the step before it that ends every way"
            told = (Code.UNREACHABLE_STEP, message, remedy)
            self.inspection.error(self.file, self.paths[step.id], told)
        for goto in restless_loops(self.sequence):
            message = f'from "{goto.target}" back to "{goto.id}" there is a way without waiting'
            remedy = "put a wait between them"
            told = (Code.LOOP_WITHOUT_WAIT, message, remedy)
            self.inspection.error(self.file, (*self.paths[goto.id], "goto"), told)
        for step in self._without_else():
            message = f'the branch "{step.id}" has no else'
            remedy = "add {else: true, steps: [...]}; without one, all others just go on"
            told = (Code.BRANCH_WITHOUT_ELSE, message, remedy)
            self.inspection.warn(self.file, (*self.paths[step.id], "branch"), told)

    def _without_else(self) -> Iterator[Step]:
        for step in self.sequence.steps:
            if isinstance(step, BranchStep) and not any(always(arm.when) for arm in step.arms):
                yield step


def _unfit(field: Field, value: Value) -> tuple[str, str] | None:
    """Return why the field cannot hold the value, and the remedy."""
    match field.type, value:
        case ValueType.NUMBER, int() if not isinstance(value, bool):
            low, high = field.minimum, field.maximum
            if (low is None or value >= low) and (high is None or value <= high):
                return None
            return "is out of range", f"stay between {low} and {high}"
        case ValueType.BOOL, bool():
            return None
        case ValueType.TEXT, str():
            return None
        case ValueType.DATE, str() if is_date(value):
            return None
        case ValueType.CHOICE, str():
            return _choice(field, (value,))
        case ValueType.CHOICES, tuple():
            return _choice(field, value)
    return f"is a {field.type.value} field", _WRITE[field.type]


def _choice(field: Field, values: tuple[str, ...]) -> tuple[str, str] | None:
    wrong = next((value for value in values if value not in field.choices), None)
    if wrong is None:
        return None
    return f'has no choice "{wrong}"', did_you_mean(wrong, field.choices)


_WRITE = {
    ValueType.NUMBER: "write a whole number without quotes",
    ValueType.BOOL: "write true or false",
    ValueType.TEXT: "write text in quotes",
    ValueType.DATE: 'write a date, for example "2026-12-24"',
    ValueType.CHOICE: "write the key of one choice",
    ValueType.CHOICES: "write a list of choices",
}
