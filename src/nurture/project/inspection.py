"""What the cross-file checks share: the project, where things stand in it, and the findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from nurture.core.condition import Condition
from nurture.core.errors import Finding
from nurture.core.project import Project
from nurture.core.sequence import BranchStep, Sequence, WaitForStep
from nurture.project.codes import Code
from nurture.project.layout import MJML, names_of_kind
from nurture.project.nearest import did_you_mean
from nurture.project.template_file import split
from nurture.project.yaml_file import Document, KeyPath, Node, scan

RULES = "qualification.yaml"

Told = tuple[Code, str, str]
"""Code, message and remedy."""

Place = tuple[str, KeyPath]
"""File and path in it."""


class Role(Enum):
    """What a condition decides."""

    SEGMENT = auto()
    ENTRY = auto()
    EXIT = auto()
    STEP = auto()
    GATE = auto()
    TRAIT = auto()
    TEMPERATURE = auto()
    FIT = auto()
    EXCLUSION = auto()
    PERSONA = auto()


QUALIFYING = frozenset({Role.GATE, Role.TRAIT, Role.TEMPERATURE, Role.FIT, Role.EXCLUSION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A condition and where it is written; `owner` is a sequence's step, gate, trait or rule."""

    file: str
    path: KeyPath
    role: Role
    condition: Condition
    owner: str = ""


@dataclass(slots=True, kw_only=True)
class Inspection:
    """One round of checks. `damaged` files are there only in part: see draft.py."""

    project: Project
    damaged: frozenset[str] = frozenset()
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    documents: dict[str, Document] = field(default_factory=dict)

    def error(self, file: str, path: KeyPath, told: Told) -> None:
        """Note what must be put right."""
        self.errors.append(self._finding(file, self.line(file, path), told))

    def error_at(self, file: str, line: int, told: Told) -> None:
        """Note what must be put right on a line that is known already."""
        self.errors.append(self._finding(file, line, told))

    def warn(self, file: str, path: KeyPath, told: Told) -> None:
        """Note what may be meant so."""
        self.warnings.append(self._finding(file, self.line(file, path), told))

    def warn_at(self, file: str, line: int, told: Told) -> None:
        """Note what may be meant so, on a line that is known already."""
        self.warnings.append(self._finding(file, line, told))

    def _finding(self, file: str, line: int, told: Told) -> Finding:
        code, message, remedy = told
        return Finding(file=file, line=line, code=code, message=message, remedy=remedy)

    def whole(self, file: str) -> bool:
        """Say whether the file is all there."""
        return file not in self.damaged

    def names(self, kind: str) -> frozenset[str]:
        """Return the names of everything of a kind, also of what cannot be read."""
        return names_of_kind(self.project.files, kind)

    def known(self, name: str, known: Iterable[str], place: Place, told: tuple[Code, str]) -> None:
        """Note an error, code and message, if the name is not known; the remedy is the nearest."""
        names = list(known)
        if name not in names:
            self.error(*place, (*told, did_you_mean(name, names)))

    def line(self, file: str, path: KeyPath) -> int:
        """Return the line on which the path stands."""
        return self.document(file).line(path)

    def document(self, file: str) -> Document:
        """Return the file as it is written, with nothing taken from the environment."""
        if file not in self.documents:
            text = self.project.files.get(file, "")
            parts = split(text) if file.endswith((".html", MJML)) else None
            document, _ = scan(parts.head if parts else text, file=file)
            empty = Document(file=file, root=Node(1, {}))
            self.documents[file] = empty if document is None else document
        return self.documents[file]

    # --- conditions ----------------------------------------------------------------------

    def sites(self) -> Iterator[Site]:
        """Yield every condition of the project with its place."""
        for name, segment in self.project.segments.items():
            file = f"segments/{name}.yaml"
            yield Site(file=file, path=("when",), role=Role.SEGMENT, condition=segment.when)
        for sequence in self.project.sequences.values():
            yield from self._sequence_sites(sequence)
        for name, persona in self.project.personas.items():
            file = f"personas/{name}.yaml"
            yield Site(file=file, path=("when",), role=Role.PERSONA, condition=persona.when)
        yield from self._rule_sites()

    def _sequence_sites(self, sequence: Sequence) -> Iterator[Site]:
        file = sequence_file(sequence)
        entry = ("enter", "when")
        yield Site(file=file, path=entry, role=Role.ENTRY, condition=sequence.enter)
        for index, rule in enumerate(sequence.exits):
            path = ("exits", index, "when")
            yield Site(file=file, path=path, role=Role.EXIT, condition=rule.when)
        paths = self.step_paths(sequence)
        for step in sequence.steps:
            here = paths[step.id]
            if isinstance(step, WaitForStep):
                yield self._step_site(file, (*here, "wait_for", "when"), step.id, step.when)
            elif isinstance(step, BranchStep):
                for index, arm in enumerate(step.arms):
                    at = (*here, "branch", index, "when")
                    yield self._step_site(file, at, step.id, arm.when)

    def _step_site(self, file: str, path: KeyPath, step: str, condition: Condition) -> Site:
        return Site(file=file, path=path, role=Role.STEP, condition=condition, owner=step)

    def step_paths(self, sequence: Sequence) -> dict[str, KeyPath]:
        """Return where each step is written; for one that cannot be found, where steps are.

        In a damaged file steps are missing from the sequence: the lines tell which are left.
        """
        document = self.document(sequence_file(sequence))
        paths = _step_paths(document.at(("steps",)), ("steps",))
        return {
            step.id: next((path for path in paths if document.line(path) == step.line), ("steps",))
            for step in sequence.steps
        }

    def _rule_sites(self) -> Iterator[Site]:
        rules = self.project.qualification
        for gate in rules.gates:
            path: KeyPath = ("gates", gate.gate.value, "when")
            yield self._rule(Role.GATE, path, gate.when, gate.gate.value)
        for trait in rules.traits:
            for index, row in enumerate(trait.rows):
                path = ("traits", trait.trait.value, "rows", index, "when")
                yield self._rule(Role.TRAIT, path, row.when, trait.trait.value)
        for index, warmth in enumerate(rules.temperatures):
            path = ("temperature", index, "when")
            yield self._rule(Role.TEMPERATURE, path, warmth.when, warmth.temperature.value)
        for index, rule in enumerate(rules.fit.rules):
            # A persona's condition is looked at in the persona's own file.
            if rule.when is not None and not rule.personas:
                path = ("fit", "rules", index, "when")
                yield self._rule(Role.FIT, path, rule.when, rule.id)
        for index, required in enumerate(rules.fit.required):
            path = ("fit", "required", index, "when")
            yield self._rule(Role.FIT, path, required.when, required.id)
        for index, exclusion in enumerate(rules.fit.exclusions):
            path = ("fit", "exclusions", index, "when")
            yield self._rule(Role.EXCLUSION, path, exclusion.when, exclusion.id)

    def _rule(self, role: Role, path: KeyPath, condition: Condition, owner: str) -> Site:
        return Site(file=RULES, path=path, role=role, condition=condition, owner=owner)


def sequence_file(sequence: Sequence) -> str:
    """Return the file that the sequence is written in."""
    return f"sequences/{sequence.name}.yaml"


def _step_paths(steps: object, path: KeyPath) -> Iterator[KeyPath]:
    """Yield the place of every step, each before those that stand in it."""
    if not isinstance(steps, list):
        return
    for index, step in enumerate(steps):
        here = (*path, index)
        yield here
        if isinstance(step, dict):
            for key in ("branch", "split"):
                arms = step.get(key)
                for at, arm in enumerate(arms if isinstance(arms, list) else ()):
                    inner = arm.get("steps") if isinstance(arm, dict) else None
                    yield from _step_paths(inner, (*here, key, at, "steps"))
