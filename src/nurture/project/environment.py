"""Put the environment's values where a file says `${NAME}` or `${NAME:-default}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nurture.core.errors import Finding
from nurture.project.codes import Code
from nurture.project.yaml_file import Document

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def is_expanded(file: str) -> bool:
    """Say whether `${NAME}` means something in the file; elsewhere it is ordinary text."""
    return file == "nurture.yaml" or file.startswith("handoffs/")


def expand(document: Document, env: Mapping[str, str]) -> tuple[Document, list[Finding]]:
    """Return the document with its variables replaced, and what could not be replaced."""
    findings: list[Finding] = []

    def report(line: int, code: Code, message: str, remedy: str) -> None:
        finding = Finding(file=document.file, line=line, code=code, message=message, remedy=remedy)
        findings.append(finding)

    def change(text: str, line: int) -> str:
        def value(found: re.Match[str]) -> str:
            name, default = found[1], found[2]
            if env.get(name):
                return env[name]
            if default is not None:
                return default
            message = f"the environment variable {name} is not set"
            remedy = f"set it, or write ${{{name}:-default}}"
            report(line, Code.ENVIRONMENT_UNSET, message, remedy)
            return found[0]

        if "${" in _VARIABLE.sub("", text):
            message = "${ begins a variable that does not end"
            remedy = "write ${NAME} or ${NAME:-default}"
            report(line, Code.ENVIRONMENT_SYNTAX, message, remedy)
        return _VARIABLE.sub(value, text)

    return document.with_text(change), findings


def names_variable(text: object) -> bool:
    """Say whether the value takes anything from the environment."""
    return isinstance(text, str) and _VARIABLE.search(text) is not None
