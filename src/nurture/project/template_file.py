"""Read a mail template: YAML front matter between two lines `---`, then the body."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from nurture.core.project import Template, Workspace
from nurture.project.layout import EMAILS, stem
from nurture.project.schema import TemplateModel

FENCE = "---"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateText:
    """The two parts of a template; `body_line` is the line on which the body begins.

    The head keeps its line numbers: it begins with an empty line where the fence stood.
    """

    head: str
    body: str
    body_line: int


def split(text: str) -> TemplateText | None:
    """Return the parts of a template, None if it does not begin with front matter."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != FENCE:
        return None
    for number, line in enumerate(lines[1:], start=1):
        if line.rstrip() == FENCE:
            head = "\n".join(["", *lines[1:number]])
            body = "\n".join(lines[number + 1 :])
            return TemplateText(head=head, body=body, body_line=number + 2)
    return None


def build_template(
    file: str,
    parts: tuple[TemplateModel, TemplateText],
    files: Mapping[str, str],
    workspace: Workspace,
) -> Template:
    """Return one mail as written."""
    model, text = parts
    name = stem(file)
    return Template(
        name=name,
        version=version(name, files, workspace),
        subject=model.subject,
        preheader=model.preheader or "",
        html=text.body,
        text=files.get(f"{EMAILS}/{name}.txt", ""),
        topic=model.topic or "",
        buyer_step=model.step or "",
    )


def version(name: str, files: Mapping[str, str], workspace: Workspace) -> str:
    """Return a hash of all that decides how the mail reads, apart from the lead."""
    partials = {file: text for file, text in files.items() if file.startswith(f"{EMAILS}/_")}
    own = [files.get(f"{EMAILS}/{name}{suffix}", "") for suffix in (".html", ".txt")]
    company = [f"{key}={value}" for key, value in sorted(workspace.company.items())]
    sender = [workspace.sender_name, workspace.sender_email, workspace.reply_to]
    shared = [part for file in sorted(partials) for part in (file, partials[file])]
    digest = hashlib.sha256()
    for part in (*own, *company, *sender, *shared):
        content = part.encode()
        digest.update(f"{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
