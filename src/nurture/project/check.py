"""Check a project as a whole: rules that no single file can break alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nurture.core.errors import Finding
from nurture.core.project import Project
from nurture.project.check_bant import check_bant
from nurture.project.check_mails import Lint, check_mails
from nurture.project.check_personas import check_personas
from nurture.project.check_qualification import check_qualification
from nurture.project.check_scores import check_scores
from nurture.project.check_sequences import check_sequences
from nurture.project.check_transport import check_transport
from nurture.project.check_workspace import check_workspace
from nurture.project.draft import Draft, draft
from nurture.project.inspection import Inspection
from nurture.project.load import draft_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What is wrong, and what may be: both sorted by file and line.

    A project with errors must not be used. `project` is None if it could not be loaded.
    """

    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    project: Project | None = None


def check_project(project: Project, lint_template: Lint | None = None) -> CheckResult:
    """Return everything wrong with a loaded project.

    `lint_template` says what the renderer will not render; without it, only the syntax of
    templates is looked at.
    """
    whole = Draft(project=project, findings=(), damaged=frozenset())
    return _check(whole, lint_template)


def check_folder(
    path: Path, env: Mapping[str, str], lint_template: Lint | None = None
) -> CheckResult:
    """Return everything wrong with the project in a folder, whether or not it can be loaded."""
    return _check(draft_folder(path, env), lint_template)


def check_files(
    files: Mapping[str, str], env: Mapping[str, str], lint_template: Lint | None = None
) -> CheckResult:
    """Return everything wrong with the project made of the files, as check_folder does."""
    return _check(draft(files, env), lint_template)


def _check(made: Draft, lint_template: Lint | None) -> CheckResult:
    inspection = Inspection(project=made.project, damaged=made.damaged)
    check_workspace(inspection)
    check_transport(inspection)
    check_qualification(inspection)
    check_scores(inspection)
    check_bant(inspection)
    check_personas(inspection)
    check_sequences(inspection)
    check_mails(inspection, lint_template)
    return CheckResult(
        errors=tuple(sorted({*made.findings, *inspection.errors})),
        warnings=tuple(sorted(set(inspection.warnings))),
        project=None if made.findings else made.project,
    )
