"""Load a project from a folder, or from files as a release holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from nurture.core.errors import Finding, ProjectError
from nurture.core.project import Project
from nurture.project.codes import Code
from nurture.project.draft import Draft, draft
from nurture.project.layout import EMAILS, FOLDERS, ROOT_FILES
from nurture.project.yaml_file import MAX_BYTES


def load_folder(path: Path, env: Mapping[str, str]) -> Project:
    """Return the project in the folder; raise ProjectError with every finding."""
    return _finished(draft_folder(path, env))


def load_files(files: Mapping[str, str], env: Mapping[str, str]) -> Project:
    """Return the project made of the files (relative posix path to text), as load_folder does."""
    return _finished(draft(files, env))


def draft_folder(path: Path, env: Mapping[str, str]) -> Draft:
    """Return what can be made of the files in the folder."""
    files, findings = read_folder(path)
    return draft(files, env, findings=findings)


def read_folder(path: Path) -> tuple[dict[str, str], list[Finding]]:
    """Return the texts of all files that may belong to the project, and which cannot be read."""
    files: dict[str, str] = {}
    findings: list[Finding] = []
    root = path.resolve()
    for found in _candidates(path):
        file = found.relative_to(path).as_posix()
        try:
            files[file] = _text(found, root)
        except _Unreadable as error:
            finding = Finding(
                file=file, line=1, code=error.code, message=str(error), remedy=error.remedy
            )
            findings.append(finding)
    return files, findings


def _finished(made: Draft) -> Project:
    if made.findings:
        raise ProjectError(list(made.findings))
    return made.project


class _Unreadable(Exception):
    def __init__(self, code: Code, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy


def _candidates(path: Path) -> Iterator[Path]:
    """Yield what may be a file of the project, in a fixed order."""
    for file in ROOT_FILES:
        if (path / file).is_symlink() or (path / file).exists():
            yield path / file
    for folder in (*FOLDERS, EMAILS):
        if (path / folder).is_dir():
            yield from sorted(
                found
                for found in (path / folder).rglob("*")
                if found.is_symlink() or not found.is_dir()
            )


def _text(found: Path, root: Path) -> str:
    try:
        inside, ordinary = found.resolve().is_relative_to(root), found.is_file()
    except (OSError, RuntimeError):
        # A link that leads round to itself; which of the two depends on Python's version.
        inside, ordinary = True, False
    if not inside:
        message = "this is a link out of the project's folder"
        raise _Unreadable(Code.FILE_OUTSIDE, message, "put the file itself here")
    if not ordinary:
        message = "this is not a file that can be read"
        raise _Unreadable(Code.FILE_OUTSIDE, message, "put an ordinary file here")
    if found.stat().st_size > MAX_BYTES:
        raise _Unreadable(Code.YAML_TOO_LARGE, "the file is larger than 1 MiB", "split it")
    try:
        return found.read_bytes().decode()
    except UnicodeDecodeError as error:
        message = f"byte {error.start} is not UTF-8"
        raise _Unreadable(Code.FILE_ENCODING, message, "save the file as UTF-8") from error
