"""Make as much of a project as its files allow, and tell everything that is wrong with them.

A draft with findings is no project: its parts serve only to let the other checks run as well, so
that an author sees everything at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from nurture.core.errors import Finding
from nurture.core.persona import Persona
from nurture.core.project import Project, Segment, Template, Workspace
from nurture.core.sequence import Sequence
from nurture.project.build_qualification import QualificationBuilder
from nurture.project.build_sequence import SequenceBuilder
from nurture.project.build_workspace import (
    build_endpoint,
    build_fields,
    build_form,
    build_workspace,
)
from nurture.project.codes import Code
from nurture.project.layout import (
    EMAILS,
    content_hash,
    kind_of,
    mail_file,
    misplaced,
    names_of_kind,
    not_text,
    of_kind,
    stem,
)
from nurture.project.mjml import MjmlMissingError
from nurture.project.mjml_source import MjmlError
from nurture.project.names import Names
from nurture.project.reader import Parsed, Reader
from nurture.project.schema import FormModel, SegmentModel, TemplateModel
from nurture.project.schema_base import Strict
from nurture.project.schema_persona import PersonaModel
from nurture.project.schema_qualification import QualificationModel
from nurture.project.schema_sequence import SequenceModel
from nurture.project.schema_workspace import EndpointModel, FieldsModel, WorkspaceModel
from nurture.project.template_file import FENCE, TemplateText, build_template, split
from nurture.project.yaml_file import scan

M = TypeVar("M", bound=Strict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A project as far as it could be made. `damaged` names files that are only there in part."""

    project: Project
    findings: tuple[Finding, ...]
    damaged: frozenset[str]


def draft(
    files: Mapping[str, str], env: Mapping[str, str], *, findings: Iterable[Finding] = ()
) -> Draft:
    """Return what can be made of the files. `findings` name those that could not be read."""
    told = [*findings, *not_text(files)]
    unreadable = {finding.file for finding in told}
    readable = {file: text for file, text in files.items() if file not in unreadable}
    # What cannot be read has a name all the same, so that others may refer to it.
    kept = {**readable, **dict.fromkeys(unreadable, "")}
    reader = Reader(
        files={file: text for file, text in kept.items() if kind_of(file)},
        env=env,
        findings=[*told, *misplaced(kept)],
        damaged=set(unreadable),
        unreadable=frozenset(unreadable),
    )
    project = _project(reader)
    return Draft(
        project=project,
        findings=tuple(sorted(_first_causes(reader.findings))),
        damaged=frozenset(reader.damaged),
    )


def _first_causes(findings: Iterable[Finding]) -> list[Finding]:
    """Leave out what only follows from a finding somewhere else."""
    return [finding for finding in findings if finding.code != Code.CONDITION_SEGMENT]


def _project(reader: Reader) -> Project:
    files = reader.files
    workspace = build_workspace(_top(reader.parsed("nurture.yaml", WorkspaceModel)).model)
    fields = build_fields(_top(reader.parsed("fields.yaml", FieldsModel)).model)
    rules = _top(reader.parsed("qualification.yaml", QualificationModel))
    segments = _parsed(reader, "segment", SegmentModel)
    texts = {name: parsed.model.when for name, parsed in segments.items()}
    limits = rules.model.engagement.bands
    names = Names(
        bands=(limits.one, limits.two),
        fields=fields,
        fields_complete="fields.yaml" not in reader.damaged,
        templates=names_of_kind(files, "template"),
        forms=names_of_kind(files, "form"),
        sequences=names_of_kind(files, "sequence"),
        topics=None if "nurture.yaml" in reader.damaged else frozenset(workspace.topics),
        # A segment that cannot be read has a name all the same.
        segments={name: texts.get(name, "") for name in names_of_kind(files, "segment")},
    )
    forms = _parsed(reader, "form", FormModel)
    endpoints = _parsed(reader, "handoff", EndpointModel)
    personas = _personas(reader, names)
    return Project(
        content_hash=content_hash(files),
        workspace=workspace,
        fields=fields,
        qualification=QualificationBuilder(reader, names, rules, personas).build(),
        segments=_segments(reader, names, segments),
        sequences=_sequences(reader, names, workspace),
        forms={name: build_form(name, parsed.model) for name, parsed in forms.items()},
        templates=_templates(reader, workspace),
        partials={
            file.removeprefix(f"{EMAILS}/"): files[file] for file in of_kind(files, "partial")
        },
        endpoints={name: build_endpoint(name, p.model) for name, p in endpoints.items()},
        personas=personas,
        files=dict(sorted(files.items())),
    )


def _top(parsed: Parsed[M] | None) -> Parsed[M]:
    assert parsed is not None, "a stand-in takes the place of a missing file"
    return parsed


def _parsed(reader: Reader, kind: str, model: type[M]) -> dict[str, Parsed[M]]:
    found = ((stem(file), reader.parsed(file, model)) for file in reader.readable(kind))
    return {name: parsed for name, parsed in found if parsed is not None}


def _segments(
    reader: Reader, names: Names, parsed: Mapping[str, Parsed[SegmentModel]]
) -> dict[str, Segment]:
    return {
        name: Segment(
            name=name,
            title=item.model.title,
            description=item.model.description or "",
            when=reader.condition(item.model.when, names, item.document, ("when",)),
            text=item.model.when,
        )
        for name, item in parsed.items()
    }


def _personas(reader: Reader, names: Names) -> dict[str, Persona]:
    return {
        name: Persona(
            name=name,
            title=item.model.title,
            when=reader.condition(item.model.when, names, item.document, ("when",)),
            text=item.model.when,
            seniority=item.model.seniority or "",
            weight=item.model.weight,
            pains=tuple(item.model.pains),
            objections=tuple(item.model.objections),
            talking_points=tuple(item.model.talking_points),
            questions=tuple(item.model.questions),
            proof=tuple(item.model.proof),
            channels=tuple(item.model.channels),
        )
        for name, item in _parsed(reader, "persona", PersonaModel).items()
    }


def _sequences(reader: Reader, names: Names, workspace: Workspace) -> dict[str, Sequence]:
    found = {}
    for name, parsed in _parsed(reader, "sequence", SequenceModel).items():
        builder = SequenceBuilder(reader=reader, names=names, workspace=workspace, parsed=parsed)
        found[name] = builder.build(name)
    return found


def _templates(reader: Reader, workspace: Workspace) -> dict[str, Template]:
    found = {}
    for file in reader.readable("template"):
        if file != mail_file(reader.files, stem(file)):
            message = f"this mail is written in {stem(file)}.html already"
            reader.note(file, Code.FILE_TWIN, message, "keep one of the two")
            continue
        parts = split(reader.files[file])
        if parts is None:
            message = "a template begins with its subject between two lines ---"
            remedy = f"begin it with {FENCE}, subject: ..., {FENCE}"
            reader.note(file, Code.FRONT_MATTER, message, remedy)
            continue
        head, findings = scan(parts.head, file=file)
        reader.found(file, findings)
        parsed = reader.held(head, TemplateModel) if head else None
        made = _template(reader, file, (parsed, parts), workspace) if parsed else None
        if made is not None:
            found[made.name] = made
    html = names_of_kind(reader.files, "template")
    for file in of_kind(reader.files, "text"):
        if stem(file) not in html:
            message = "this text part belongs to no template"
            remedy = f"add {stem(file)}.html, or remove this file"
            reader.note(file, Code.FILE_TWIN, message, remedy)
    return found


def _template(
    reader: Reader,
    file: str,
    made: tuple[Parsed[TemplateModel], TemplateText],
    workspace: Workspace,
) -> Template | None:
    parsed, parts = made
    try:
        return build_template(file, (parsed.model, parts), reader.files, workspace)
    except MjmlMissingError:
        message = "this mail is written in MJML, and what compiles it is not installed"
        reader.note(file, Code.MJML_MISSING, message, "pip install 'nurture[mjml]'")
    except MjmlError as error:
        finding = Finding(
            file=file,
            line=parts.body_line + error.line - 1,
            code=Code.MJML,
            message=error.message,
            remedy=error.remedy,
        )
        reader.found(file, [finding])
    return None
