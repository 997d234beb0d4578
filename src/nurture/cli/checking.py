"""Check a project's folder with everything that can be checked, and say what was found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from nurture.cli.place import MARK
from nurture.cli.show import say, shown
from nurture.core.errors import Finding, MisuseError

if TYPE_CHECKING:
    from nurture.bootstrap import App
    from nurture.project.check import CheckResult


def checked(folder: Path) -> CheckResult:
    """Return everything wrong with the project in the folder."""
    from nurture.engine.rehearsal import rehearse
    from nurture.project.check import check_folder
    from nurture.project.load import read_folder
    from nurture.project.signing import unsigned
    from nurture.render.environment import lint

    if not folder.is_dir() or not (folder / MARK).is_file():
        raise MisuseError(
            f"{folder}: there is no {MARK} here; make a project with `nurture init FOLDER`"
        )
    found = check_folder(folder, os.environ, lint)
    # Apart from the other rules: a draft is right or wrong whoever has agreed to it yet.
    told = unsigned(read_folder(folder)[0])
    if found.project is not None:
        broken = {finding.file for finding in found.errors}
        told += rehearse(found.project, broken=broken)
    return replace(found, errors=tuple(sorted({*found.errors, *told})))


def with_costs(app: App, found: CheckResult) -> CheckResult:
    """Add what only the database can tell: slow segments, and fields that leads lack."""
    from nurture.engine.segments import too_slow
    from nurture.engine.unanswered import unanswered, with_counts

    if found.project is None:
        return found
    now = app.now()
    slow = too_slow(app.runtime, found.project, now=now)
    errors = with_counts(app.runtime, found.project, found.errors, now=now)
    lacking = [] if found.errors else unanswered(app.runtime, found.project, now=now)
    return replace(
        found,
        errors=tuple(sorted({*errors, *slow})),
        warnings=tuple(sorted({*found.warnings, *lacking})),
    )


def say_findings(found: CheckResult, *, echo: Callable[[Text], None] = say) -> None:
    """Print errors, then warnings, each as `file:line: CODE what is wrong; what to do`."""
    _say_all(found.errors, "red", echo)
    if found.warnings:
        _say_all(found.warnings, "yellow", echo, prefix="warning: ")


def _say_all(
    findings: Iterable[Finding], style: str, echo: Callable[[Text], None], *, prefix: str = ""
) -> None:
    for one in findings:
        line = Text(overflow="fold")
        line.append(f"{one.file}:{one.line}: ", style="bold")
        line.append(f"{prefix}{one.code} ", style=style)
        line.append(shown(one.message))
        if one.remedy:
            line.append(f"; {shown(one.remedy)}", style="dim")
        echo(line)


def counted(found: CheckResult) -> str:
    """Return how much was found, in words."""
    errors, warnings = len(found.errors), len(found.warnings)
    return f"{number(errors, 'error')}, {number(warnings, 'warning')}"


def number(count: int, what: str) -> str:
    """Return so many of what, in words."""
    return f"{count or 'no'} {what}{'' if count == 1 else 's'}"
