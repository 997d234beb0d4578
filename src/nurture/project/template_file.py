"""Read a mail template: YAML front matter between two lines `---`, then HTML or MJML."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from nurture.core.message import OnUncertain
from nurture.core.project import Template, Workspace
from nurture.project.layout import EMAILS, MJML, mail_file, stem
from nurture.project.mjml import compile_mjml
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
    """Return one mail as written; MJML is compiled, and raises what `compile_mjml` raises."""
    model, text = parts
    name = stem(file)
    compiled = compile_mjml(text.body).html if file.endswith(MJML) else ""
    return Template(
        name=name,
        version=version(name, files, workspace, compiled),
        subject=model.subject,
        preheader=model.preheader or "",
        html=compiled or text.body,
        text=files.get(f"{EMAILS}/{name}.txt", ""),
        topic=model.topic or "",
        buyer_step=model.step or "",
        on_uncertain=OnUncertain(model.on_uncertain),
        answers_form=model.answers_form,
    )


def source_line(files: Mapping[str, str], name: str, line: int) -> int:
    """Return the line of the mail's file from which a line of its HTML comes."""
    file = mail_file(files, name)
    parts = split(files[file])
    assert parts is not None, "a template was made of it"
    own = compile_mjml(parts.body).lines[line - 1] if file.endswith(MJML) else line
    return parts.body_line + own - 1


def version(name: str, files: Mapping[str, str], workspace: Workspace, compiled: str = "") -> str:
    """Return a hash of all that decides how the mail reads, apart from the lead.

    `compiled` is what was made of the mail's file, if it is not HTML: another compiler may make
    something else of it.
    """
    partials = {file: text for file, text in files.items() if file.startswith(f"{EMAILS}/_")}
    own = [files.get(file, "") for file in (mail_file(files, name), f"{EMAILS}/{name}.txt")]
    own += [compiled] if compiled else []
    company = [f"{key}={value}" for key, value in sorted(workspace.company.items())]
    sender = [workspace.sender_name, workspace.sender_email, workspace.reply_to]
    shared = [part for file in sorted(partials) for part in (file, partials[file])]
    digest = hashlib.sha256()
    for part in (*own, *company, *sender, *shared):
        content = part.encode()
        digest.update(f"{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()[:16]
