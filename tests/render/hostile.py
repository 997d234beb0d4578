"""Sixty templates that must not pass, as files of a project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

EMAILS = "templates/emails"
MADE = {
    "MANY_VALUES": "{{ lead.first_name }}" * 60,
    "LONG_TEXT": "ab c" * 3_750,
    "MANY_ONES": f"[{', '.join(['1'] * 100)}]",
    "MANY_IFS": "{% if 1 %}" * 60 + "{% endif %}" * 60,
}
PARTIALS = {
    "_hostile.html": '<p>Hello</p>\n<p><a href="{{ lead.first_name }}">x</a></p>',
    **{f"_m{n}.html": f'{{% include "_m{n + 1}.html" %}}' * 30 for n in range(4)},
    "_m4.html": "x" * 1_000,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hostile:
    """One template, and what a check says about it."""

    name: str
    text: str
    file: str
    line: int
    code: str
    says: str


@cache
def hostile_templates() -> tuple[Hostile, ...]:
    """Return the corpus."""
    rows = YAML(typ="safe", pure=True).load(Path(__file__).with_name("hostile_templates.yaml"))
    return tuple(_hostile(row) for row in rows)


def hostile_files() -> Mapping[str, str]:
    """Return the corpus as files below a project's folder."""
    partials = {f"{EMAILS}/{name}": text for name, text in PARTIALS.items()}
    return {f"{EMAILS}/{one.name}.html": one.text for one in hostile_templates()} | partials


def _hostile(row: Mapping[str, Any]) -> Hostile:
    head = {key: json.dumps(row.get(key, "Hello")) for key in ("subject", "preheader")}
    body = row.get("body", "Hello")
    for name, made in MADE.items():
        body = body.replace(name, made)
    return Hostile(
        name=row["name"],
        text=f"---\nsubject: {head['subject']}\npreheader: {head['preheader']}\n---\n"
        f'<p>Hello</p>\n<p>{body}</p>\n{{% include "_footer.html" %}}\n',
        file=f"{EMAILS}/{row.get('file', row['name'] + '.html')}",
        line=row.get("line", 6),
        code=row.get("code", "M004"),
        says=row["says"],
    )
