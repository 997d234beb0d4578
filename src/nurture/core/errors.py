"""The tree of deliberate errors.

NurtureError
├── ProjectError      the project's files are wrong: every finding at once, with file and line
├── DamagedRelease    what a release holds is not what was applied; applying again mends it
├── StaleRow          somebody else moved the row first; expected and counted
├── TokenError        a link's token is malformed, forged, foreign or expired
├── RefusedInput      a request, CSV row or webhook cannot be used; the text says why
├── RenderError       a mail cannot be rendered; names template and line
└── MisuseError       a command was asked for something it cannot do
"""

from __future__ import annotations

from dataclasses import dataclass


class NurtureError(Exception):
    """Any error that this package raises on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One thing wrong in a project, where it stands and what to do about it."""

    file: str
    line: int
    code: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.file}:{self.line}: {self.code} {self.message}"
        return f"{text}; {self.remedy}" if self.remedy else text


class ProjectError(NurtureError):
    """The project's files are wrong; `findings` lists all of it."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = sorted(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class DamagedRelease(NurtureError):
    """The database holds a release's files no more as they were applied."""


class StaleRow(NurtureError):
    """The row is no longer at the version that was read."""


class TokenError(NurtureError):
    """The token cannot be trusted."""


class RefusedInput(NurtureError):
    """Input from outside cannot be used."""


class RenderError(NurtureError):
    """A template cannot be rendered."""


class MisuseError(NurtureError):
    """A command or call does not make sense as asked."""
