"""Where the author of a mail finds what is wrong with it: the file and line that they wrote.

The renderer names bodies: without front matter, and of a mail in MJML the page made of it.
"""

from __future__ import annotations

import re

from nurture.core.errors import RenderError
from nurture.core.project import Project
from nurture.project.layout import EMAILS, mail_file
from nurture.project.template_file import source_line, split
from nurture.project.yaml_file import scan

_WHERE = re.compile(r"(?P<name>[^:\n]+?)(?::(?P<line>[0-9]+))?: (?P<said>.*)", re.DOTALL)


def place_of(project: Project, template: str, error: str) -> tuple[str, int, str]:
    """Return file and line of what the renderer says of a mail, and what is wrong there."""
    said = _WHERE.fullmatch(error)
    name, line, told = said.group("name", "line", "said") if said else ("", None, error)
    file, at = _place(project, template, name, int(line or 1))
    return file, at, told


def _place(project: Project, template: str, name: str, line: int) -> tuple[str, int]:
    """Return the file of what the renderer calls `name`, and the line in that file."""
    if name in project.partials or name == f"{template}.txt":
        return f"{EMAILS}/{name}", line
    own = mail_file(project.files, template)
    if name == f"{template}.html":
        return own, source_line(project.files, template, line)
    # What is left stands in the front matter.
    key = "preheader" if name == f"{template} preheader" else "subject"
    return own, head_line(project, template, key)


def head_line(project: Project, template: str, key: str) -> int:
    """Return the line on which a key of a mail's front matter stands."""
    parts = split(project.files[mail_file(project.files, template)])
    document = scan(parts.head, file=template)[0] if parts else None
    return document.line((key,)) if document else 1


def as_written(project: Project, template: str, error: RenderError) -> RenderError:
    """Return the error with the file and line of its author, if it names a line at all.

    What is made of MJML may be made otherwise by now: its file is named then without a line.
    """
    said = _WHERE.fullmatch(str(error))
    if said is None or said["line"] is None:
        return error
    try:
        file, line, told = place_of(project, template, str(error))
    except Exception:  # noqa: BLE001 (a mail that fails is to be told in any case)
        return RenderError(f"{mail_file(project.files, template)}: {said['said']}")
    return RenderError(f"{file}:{line}: {told}")
