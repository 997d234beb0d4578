"""The values a template may read: frozen, plain, and pinned when the mail is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from nurture.core.lead import Lead, Value
from nurture.core.persona import persona_of
from nurture.core.policy import zone
from nurture.core.project import Project, Template
from nurture.render.environment import included_names, referenced_names

Paths = frozenset[tuple[str, ...]]
EVERYTHING: Paths = frozenset()

PERSONA = "persona"
"""The name by which a mail asks for the key of the lead's persona."""


_BUILT_IN = ("email", "time_zone", "language", "source")


def template_values(
    project: Project, lead: Lead, *, now: datetime, read: Paths = EVERYTHING
) -> dict[str, Any]:
    """Return the lead's, the account's and the persona's values; what is unknown is empty.

    `read`: what the mail reads, as `read_by` says; without it every field is there.
    """
    if not read:
        built_in = {name: getattr(lead, name) for name in _BUILT_IN}
        return {
            "lead": {**_fields(project, "lead", lead.profile), **built_in},
            "account": _fields(project, "account", lead.account),
            PERSONA: _persona(project, lead, now),
        }
    wanted, profile, account = _by_owner(read), lead.profile, lead.account
    own = {name: profile.get(name, "") for name in wanted.own}
    for name in wanted.built_in:
        own[name] = getattr(lead, name)
    values: dict[str, Any] = {
        "lead": own,
        "account": {name: account.get(name, "") for name in wanted.account},
    }
    if wanted.persona:
        values[PERSONA] = _persona(project, lead, now)
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    own: tuple[str, ...]
    built_in: tuple[str, ...]
    account: tuple[str, ...]
    persona: bool


# The same for every lead of a batch.
@lru_cache(maxsize=1024)
def _by_owner(read: Paths) -> _Wanted:
    of_lead = sorted({path[1] for path in read if path[0] == "lead"})
    return _Wanted(
        own=tuple(name for name in of_lead if name not in _BUILT_IN),
        built_in=tuple(name for name in of_lead if name in _BUILT_IN),
        account=tuple(sorted({path[1] for path in read if path[0] == "account"})),
        persona=(PERSONA,) in read,
    )


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
