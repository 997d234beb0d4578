"""Fields that mails show and leads lack: how many, asked of a database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from nurture.core.condition import And, Condition, Known, Not, OneOf, Ref, ValueType
from nurture.core.errors import Finding
from nurture.core.lead import IN_PLAY
from nurture.core.project import Project
from nurture.engine.runtime import Runtime, today
from nurture.engine.template_place import head_line
from nurture.project.codes import Code
from nurture.project.layout import EMAILS, mail_file
from nurture.project.template_file import source_line
from nurture.render.bare import bare_names
from nurture.render.grammar import Path
from nurture.store import segment_sql
from nurture.store.db import Connection

_OWNERS = ("lead", "account")
_ALIVE = OneOf(Ref("", "stage", ValueType.CHOICE), tuple(sorted(map(str, IN_PLAY))))
_UNDECLARED = re.compile(r"unknown name '(lead|account)\.(\w+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counter:
    """Counts leads in play, each question once."""

    connection: Connection
    now: datetime
    day: date

    def __call__(self, *conditions: Condition) -> int:
        condition = And((_ALIVE, *conditions))
        return segment_sql.count(self.connection, condition, now=self.now, today=self.day)


def unanswered(runtime: Runtime, project: Project, *, now: datetime) -> list[Finding]:
    """Return every place of a mail that shows a field which leads in play lack, with how many."""
    shown: dict[Ref, list[tuple[str, int]]] = {}
    for file, line, path in _shown(project):
        field = project.fields.get(".".join(path))
        if field is not None:
            shown.setdefault(Ref(path[0], path[1], field.type), []).append((file, line))
    found: list[Finding] = []
    with runtime.database.read() as connection:
        count = _Counter(connection=connection, now=now, day=today(project, now))
        everybody = count()
        for ref, places in shown.items():
            lacking = count(Not(Known(ref)))
            if lacking:
                found += [
                    _finding(ref, place, f"{lacking} of {everybody} leads") for place in places
                ]
    return found


def with_counts(
    runtime: Runtime, project: Project, errors: Iterable[Finding], *, now: datetime
) -> list[Finding]:
    """Return the errors; those about a field that nobody declared say how many leads lack it."""
    told = []
    with runtime.database.read() as connection:
        count = _Counter(connection=connection, now=now, day=today(project, now))
        for error in errors:
            named = _UNDECLARED.search(error.message) if error.code == Code.TEMPLATE_FLAW else None
            if named is None:
                told.append(error)
                continue
            lacking = count(Not(Known(Ref(named[1], named[2], ValueType.TEXT))))
            said = f"{error.message}, which {lacking} of {count()} leads lack"
            told.append(replace(error, message=said))
    return told


def _finding(ref: Ref, place: tuple[str, int], lacking: str) -> Finding:
    file, line = place
    return Finding(
        file=file,
        line=line,
        code=Code.FIELD_LACKING,
        message=f"{lacking} lack {ref.text}, and nothing stands in for it",
        remedy=f'write {{{{ {ref.text} or "something else" }}}}, or put it into an if',
    )


def _shown(project: Project) -> Iterator[tuple[str, int, Path]]:
    """Yield file, line and name of every field that becomes part of a mail."""
    for name, source in project.partials.items():
        for line, path in _fields(source, name):
            yield f"{EMAILS}/{name}", line, path
    for name, template in project.templates.items():
        own = mail_file(project.files, name)
        for line, path in _fields(template.html, name):
            yield own, source_line(project.files, name, line), path
        for line, path in _fields(template.subject, name):
            yield own, head_line(project, name, "subject") + line - 1, path
        for line, path in _fields(template.text, name):
            yield f"{EMAILS}/{name}.txt", line, path


def _fields(source: str, name: str) -> Iterator[tuple[int, Path]]:
    return ((line, path) for path, line in bare_names(source, name).items() if path[0] in _OWNERS)
