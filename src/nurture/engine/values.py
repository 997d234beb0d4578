"""The values a template may read: frozen, plain, and pinned when the mail is planned."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from nurture.core.lead import Lead, Value
from nurture.core.persona import persona_of
from nurture.core.policy import zone
from nurture.core.project import Project, Template
from nurture.render.environment import included_names, referenced_names

Paths = frozenset[tuple[str, ...]]

PERSONA = "persona"
"""The name by which a mail asks for the key of the lead's persona."""


def template_values(
    project: Project, lead: Lead, *, now: datetime, read: Collection[tuple[str, ...]] = ()
) -> dict[str, Any]:
    """Return the lead's, the account's and the persona's values; what is unknown is empty.

    `read`: what the mail reads, as `read_by` says; without it every field is there.
    """
    built_in = {
        "email": lead.email,
        "time_zone": lead.time_zone,
        "language": lead.language,
        "source": lead.source,
    }
    if not read:
        return {
            "lead": {**_fields(project, "lead", lead.profile), **built_in},
            "account": _fields(project, "account", lead.account),
            PERSONA: _persona(project, lead, now),
        }
    own, account = {**lead.profile, **built_in}, lead.account
    values: dict[str, Any] = {
        "lead": {path[1]: own.get(path[1], "") for path in read if path[0] == "lead"},
        "account": {path[1]: account.get(path[1], "") for path in read if path[0] == "account"},
    }
    if (PERSONA,) in read:
        values[PERSONA] = _persona(project, lead, now)
    return values


def _persona(project: Project, lead: Lead, now: datetime) -> str:
    """Return the key of the lead's persona, '' if none fits or too little is known."""
    today = now.astimezone(zone(project.workspace.time_zone)).date()
    found = persona_of(project.personas.values(), lead, today=today, now=now)
    return found.name if found else ""


def read_by(project: Project, template: Template) -> Paths:
    """Return every name that the mail reads, itself and in what it includes."""
    found: set[tuple[str, ...]] = set()
    sources = [template.subject, template.preheader, template.html, template.text]
    seen: set[str] = set()
    while sources:
        source = sources.pop()
        found |= referenced_names(source)
        for name in included_names(source) - seen:
            seen.add(name)
            sources.append(project.partials.get(name, ""))
    return frozenset(found)


def _fields(project: Project, owner: str, profile: Mapping[str, Value]) -> dict[str, Value]:
    return {
        field.name: profile.get(field.name, "")
        for field in project.fields.values()
        if field.owner == owner
    }
