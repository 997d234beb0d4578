"""Which files make a project, and what each of them is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable, Mapping
from pathlib import PurePosixPath

from nurture.core.errors import Finding
from nurture.project.codes import Code
from nurture.project.schema_base import SLUG

ROOT_FILES = {
    "nurture.yaml": "nurture",
    "fields.yaml": "fields",
    "qualification.yaml": "qualification",
}
FOLDERS = {
    "segments": "segment",
    "sequences": "sequence",
    "forms": "form",
    "handoffs": "handoff",
    "personas": "persona",
}
EMAILS = "templates/emails"
MJML = ".mjml"

_MEANT = frozenset({".yaml", ".yml", ".html", ".htm", ".mjml", ".txt", ".j2", ".jinja", ".jinja2"})
"""Suffixes by which somebody expects a file to be read."""


def kind_of(file: str) -> str | None:
    """Return what the file is: a kind of schema.MODELS, partial or text; None: not of the project.

    Names are not looked at here; `misnamed` does.
    """
    path = PurePosixPath(file)
    folder = str(path.parent)
    if path.name.startswith("."):
        # An editor's own, mostly.
        return None
    if file in ROOT_FILES:
        return ROOT_FILES[file]
    if folder in FOLDERS and path.suffix == ".yaml":
        return FOLDERS[folder]
    if folder == EMAILS and path.suffix in (".html", ".txt"):
        if path.name.startswith("_"):
            return "partial"
        return "template" if path.suffix == ".html" else "text"
    if folder == EMAILS and path.suffix == MJML and not path.name.startswith("_"):
        return "template"
    return None


def stem(file: str) -> str:
    """Return the name that a file gives to what is in it."""
    return PurePosixPath(file).stem


def mail_file(files: Container[str], name: str) -> str:
    """Return the file in which the mail of the name is written."""
    html, mjml = f"{EMAILS}/{name}.html", f"{EMAILS}/{name}{MJML}"
    return mjml if mjml in files and html not in files else html


def of_kind(files: Iterable[str], kind: str) -> list[str]:
    """Return the files of the kind, sorted."""
    return sorted(file for file in files if kind_of(file) == kind)


def names_of_kind(files: Iterable[str], kind: str) -> frozenset[str]:
    """Return the names that files of the kind define, whether or not they can be read."""
    return frozenset(stem(file) for file in of_kind(files, kind))


def misplaced(files: Iterable[str]) -> list[Finding]:
    """Return a finding for each file that somebody expects to be read and that is not."""
    findings = []
    for file in sorted(files):
        kind = kind_of(file)
        if kind is None:
            finding = _not_read(file)
        elif kind == "partial":
            plain = re.fullmatch(r"_[a-z0-9][a-z0-9-]{0,62}", stem(file))
            finding = None if plain else _misnamed(file)
        else:
            finding = None if re.fullmatch(SLUG, stem(file)) else _misnamed(file)
        if finding:
            findings.append(finding)
    return findings


def not_text(files: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each file that holds what no file can hold, half a character."""
    return [
        Finding(
            file=file,
            line=1,
            code=Code.FILE_ENCODING,
            message="this is not text: half a character stands alone",
            remedy="save the file as UTF-8",
        )
        for file in sorted(files)
        if re.search("[\ud800-\udfff]", files[file])
    ]


def _not_read(file: str) -> Finding | None:
    path = PurePosixPath(file)
    top = next((top for top in (*FOLDERS, EMAILS) if file.startswith(f"{top}/")), None)
    if top is None or path.suffix.lower() not in _MEANT or path.name.startswith("."):
        return None
    suffix = ".html or .txt" if top == EMAILS else ".yaml"
    return Finding(
        file=file,
        line=1,
        code=Code.FILE_NOT_READ,
        message="this file is not read",
        remedy=f"put it directly into {top}/ and let its name end in {suffix}",
    )


def _misnamed(file: str) -> Finding:
    return Finding(
        file=file,
        line=1,
        code=Code.FILE_NAME,
        message="the name of this file cannot be used",
        remedy="use small letters, digits and hyphens: my-name",
    )


def content_hash(files: Mapping[str, str]) -> str:
    """Return the hash that names exactly these files."""
    digest = hashlib.sha256()
    for file in sorted(files):
        content = files[file].encode()
        # Lengths in front: no other set of files can give the same bytes.
        digest.update(f"{len(file.encode())}:{file}{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()
