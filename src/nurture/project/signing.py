"""Sign qualification.yaml, and tell whether what stands there is what was signed.

A signature holds a hash of everything in the file but the signatures. Comments and layout are
not part of it; every value is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from nurture.core.errors import Finding, MisuseError
from nurture.project.codes import Code
from nurture.project.inspection import RULES
from nurture.project.yaml_file import Document, read, scan

TEAMS = ("marketing", "sales")
_HASH_LETTERS = 16
_KEY = "signatures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Who signs, for which team, on which day."""

    team: str
    name: str
    on: date


def content_of(document: Document) -> str:
    """Return the hash of what a signature agrees to."""
    content = document.content
    assert isinstance(content, dict)
    agreed = {key: value for key, value in content.items() if key != _KEY}
    # The order of bands and grades means something, so keys are not sorted.
    text = json.dumps(agreed, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:_HASH_LETTERS]


def unsigned(files: Mapping[str, str]) -> list[Finding]:
    """Return, for each team, that it has not signed what stands in the file.

    A file that cannot be read has nothing to be signed; the checker tells why.
    """
    document = _readable(files.get(RULES, ""))
    if document is None:
        return []
    content = content_of(document)
    told = [_told(document, team, content) for team in TEAMS]
    return [finding for finding in told if finding is not None]


def _readable(text: str) -> Document | None:
    document, findings = scan(text, file=RULES)
    good = document is not None and not findings and isinstance(document.content, dict)
    return document if good else None


def open_teams(text: str) -> list[str]:
    """Return the teams that have not signed this text."""
    document = read(text, file=RULES)
    content = content_of(document)
    signed = {one.get("team") for _, one in _signatures(document) if one.get("content") == content}
    return [team for team in TEAMS if team not in signed]


def _told(document: Document, team: str, content: str) -> Finding | None:
    signed = [(index, one) for index, one in _signatures(document) if one.get("team") == team]
    if not signed or any(one.get("content") == content for _, one in signed):
        # That nobody signed at all is told by the checker.
        return None
    index, last = signed[-1]
    name, version = last.get("name"), last.get("version")
    remedy = f'read it together, then run: nurture sign --team {team} --name "..."'
    if last.get("content") is None:
        message = f"the signature of {name} does not say what was signed"
    elif version == document.at(("version",)):
        message = f"this has changed since {name} signed version {version} for {team}"
        remedy = f"raise version; {remedy}"
    else:
        message = f"{name} signed version {version} for {team}, not this one"
    return Finding(
        file=RULES,
        line=document.line((_KEY, index)),
        code=Code.CHANGED_SINCE,
        message=message,
        remedy=remedy,
    )


def _signatures(document: Document) -> list[tuple[int, dict[str, object]]]:
    found = document.at((_KEY,))
    rows = found if isinstance(found, list) else []
    return [(index, row) for index, row in enumerate(rows) if isinstance(row, dict)]


def in_force_otherwise(files: Mapping[str, str], before: Iterable[str]) -> list[Finding]:
    """Return that a text in force before holds other content under the same version.

    A version names one text for ever: signatures, explanations and handoffs refer to it.
    """
    document = _readable(files.get(RULES, ""))
    if document is None:
        return []
    version, content = document.at(("version",)), content_of(document)
    for other in map(_readable, before):
        if other is None:
            continue
        if other.at(("version",)) == version and content_of(other) != content:
            line = document.line(("version",))
            message = f"version {version} was in force with other content"
            remedy = "raise version, and let both teams sign again: nurture sign"
            return [
                Finding(
                    file=RULES, line=line, code=Code.CHANGED_SINCE, message=message, remedy=remedy
                )
            ]
    return []


def signs_for_both(text: str, by: Signing) -> bool:
    """Say whether the same person has signed this content for another team."""
    document = read(text, file=RULES)
    content = content_of(document)
    return any(
        one.get("content") == content
        and one.get("team") != by.team
        and _folded(str(one.get("name"))) == _folded(by.name)
        for _, one in _signatures(document)
    )


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


# -- signing -------------------------------------------------------------------------------------


def signed_text(text: str, by: Signing) -> str:
    """Return the file's text with the signature in it; comments and layout stay as they are."""
    document = read(text, file=RULES)
    content, version = content_of(document), document.at(("version",))
    _refuse_same_version(document, content, version)
    row = (
        f"  - {{team: {by.team}, name: {_quoted(by.name)}, on: {by.on}, "
        f'version: {version}, content: "{content}"}}'
    )
    lines = text.splitlines(keepends=True)
    end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    made = "".join(_placed(lines, document, by, row + end, content))
    after, findings = scan(made, file=RULES)
    if after is None or findings or not _holds(after, document, by, content):
        raise MisuseError(
            f"{RULES}: the signatures are laid out in a way that cannot be edited safely; "
            f"write this line under {_KEY} yourself: {row.strip()}"
        )
    return made


def _refuse_same_version(document: Document, content: str, version: object) -> None:
    for _, one in _signatures(document):
        if one.get("version") == version and one.get("content") not in (None, content):
            raise MisuseError(
                f"{RULES}: {one.get('name')} signed version {version} with other content; "
                f"raise version on line {document.line(('version',))}, then sign again"
            )


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Z][\w.' -]*", name) else json.dumps(name, ensure_ascii=False)


def _holds(after: Document, before: Document, by: Signing, content: str) -> bool:
    """Say whether the edit added the signature and changed nothing that was agreed."""
    return content_of(after) == content_of(before) and any(
        (one.get("team"), one.get("name"), one.get("content")) == (by.team, by.name, content)
        for _, one in _signatures(after)
    )


def _placed(lines: list[str], document: Document, by: Signing, row: str, content: str) -> list[str]:
    rows = _signatures(document)
    if not rows:
        return _first(lines, document, row)
    mine = [
        index
        for index, one in rows
        if one.get("team") == by.team
        and (one.get("name") == by.name or one.get("content") != content)
    ]
    if mine:
        at = document.line((_KEY, mine[0])) - 1
        return [*lines[:at], row, *lines[at + _height(lines, at) :]]
    at = document.line((_KEY, rows[-1][0])) - 1
    after = at + _height(lines, at)
    return [*lines[:after], row, *lines[after:]]


def _first(lines: list[str], document: Document, row: str) -> list[str]:
    """Put the first signature where an empty list stands, else below the version."""
    heading = f"{_KEY}:{row[len(row.rstrip()) :]}"
    if (_KEY,) in document.lines:
        at = document.line((_KEY,)) - 1
        return [*lines[:at], heading, row, *lines[at + 1 :]]
    at = document.line(("version",))
    return [*lines[:at], heading, row, *lines[at:]]


def _height(lines: list[str], at: int) -> int:
    """Return how many lines the list's entry takes that begins on this one."""
    inner = re.compile(r"^\s{3,}\S")
    height = 1
    while at + height < len(lines):
        line = lines[at + height]
        if not inner.match(line) or line.lstrip().startswith(("- ", "#")):
            break
        height += 1
    return height
