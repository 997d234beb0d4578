"""Read the files of a project one by one, gathering everything that is wrong on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from nurture.core.condition import Condition
from nurture.core.errors import Finding, ProjectError
from nurture.project.codes import Code
from nurture.project.environment import expand, is_expanded
from nurture.project.expressions import UNREADABLE, Origin, parse
from nurture.project.layout import ROOT_FILES, kind_of, of_kind, stem
from nurture.project.names import Names
from nurture.project.schema_base import Strict
from nurture.project.stand_ins import stand_in
from nurture.project.validation import validate
from nurture.project.yaml_file import Document, KeyPath, scan

M = TypeVar("M", bound=Strict)

_VARIABLES = frozenset({Code.ENVIRONMENT_UNSET, Code.ENVIRONMENT_SYNTAX})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed(Generic[M]):
    """A model and the document it was made of."""

    model: M
    document: Document


@dataclass(slots=True, kw_only=True)
class Reader:
    """The files of one project, and what was found wrong in them so far.

    `damaged` names the files from which something was cut out, `unreadable` those that are no
    text at all.
    """

    files: Mapping[str, str]
    env: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    unreadable: frozenset[str] = frozenset()

    def readable(self, kind: str) -> list[str]:
        """Return the files of a kind, without those that are no text."""
        return [file for file in of_kind(self.files, kind) if file not in self.unreadable]

    def report(self, document: Document, path: KeyPath, told: tuple[Code, str, str]) -> None:
        """Note a finding at a place of a document: code, message, remedy."""
        code, message, remedy = told
        line = document.line(path)
        self.findings.append(
            Finding(file=document.file, line=line, code=code, message=message, remedy=remedy)
        )

    def parsed(self, file: str, model: type[M]) -> Parsed[M] | None:
        """Return the file's model, None if nothing can be made of the file.

        For the files at the top of a project there always is one, made of stand-ins if need be.
        """
        document = self._document(file)
        if document is None:
            return None
        return self.held(document, model)

    def held(self, document: Document, model: type[M]) -> Parsed[M] | None:
        """Return the model of a document that was read already."""
        file = document.file
        lent = stand_in(file) if file in ROOT_FILES else None
        made, document, findings = validate(model, document, stand_in=lent)
        # A variable that is not set explains whatever is wrong with the value.
        unset = {f.line for f in self.findings if f.file == file and f.code in _VARIABLES}
        self.found(file, [finding for finding in findings if finding.line not in unset])
        if made is None and lent is not None:
            made, document, _ = validate(model, lent)
        return None if made is None else Parsed(model=made, document=document)

    def _document(self, file: str) -> Document | None:
        if file not in self.files:
            message, remedy = "this file is missing", "`nurture init` writes an example"
            self.note(file, Code.FILE_MISSING, message, remedy)
            return stand_in(file)
        if file in self.unreadable:
            return stand_in(file)
        document, findings = scan(self.files[file], file=file)
        if document is not None and is_expanded(file):
            document, unset = expand(document, self.env)
            findings += unset
        self.found(file, findings)
        if document is None and file in ROOT_FILES:
            return stand_in(file)
        return document

    def note(self, file: str, code: Code, message: str, remedy: str) -> None:
        """Note a finding about a whole file."""
        finding = Finding(file=file, line=1, code=code, message=message, remedy=remedy)
        self.found(file, [finding])

    def found(self, file: str, findings: list[Finding]) -> None:
        """Note findings because of which something of the file is missing."""
        self.findings.extend(findings)
        if any(not _harmless(finding) for finding in findings):
            self.damaged.add(file)

    def condition(self, text: str, names: Names, document: Document, path: KeyPath) -> Condition:
        """Return the condition that stands at the place, noting what is wrong with it."""
        file = document.file
        segment = stem(file) if kind_of(file) == "segment" else ""
        try:
            origin = Origin(file=file, line=document.line(path), segment=segment)
            return parse(text, names, origin)
        except ProjectError as error:
            self.findings.extend(error.findings)
            return UNREADABLE


def _harmless(finding: Finding) -> bool:
    """Say whether nothing is missing without it: a key that nobody knows, and no misspelt one."""
    return finding.code == Code.UNKNOWN_KEY and "did you mean" not in finding.remedy
