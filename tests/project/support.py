"""A small project that is right, and ways to spoil it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from nurture.core.condition import Condition
from nurture.core.errors import ProjectError
from nurture.core.project import Project
from nurture.project.expressions import parse
from nurture.project.load import load_files
from nurture.project.names import Names, names_of

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


def read_tree(folder: Path) -> dict[str, str]:
    """Return every file below the folder as text by relative posix path."""
    return {
        found.relative_to(folder).as_posix(): found.read_bytes().decode()
        for found in sorted(folder.rglob("*"))
        if found.is_file()
    }


BASE: Mapping[str, str] = read_tree(HERE / "base")


@cache
def base_project() -> Project:
    return load_files(BASE, {})


def edited(file: str, old: str, new: str) -> dict[str, str]:
    """Return the base with one piece of one file replaced."""
    assert old in BASE[file], f"{file} does not hold {old!r}"
    return {**BASE, file: BASE[file].replace(old, new, 1)}


def with_file(file: str, text: str) -> dict[str, str]:
    return {**BASE, file: text}


@cache
def names() -> Names:
    return names_of(base_project())


def condition(text: str) -> Condition:
    return parse(text, names())


def findings(files: Mapping[str, str]) -> list[str]:
    """Return what loading the files tells, each as `file:line: CODE`."""
    try:
        load_files(files, {})
    except ProjectError as error:
        return [f"{f.file}:{f.line}: {f.code}" for f in error.findings]
    return []
