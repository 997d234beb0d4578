"""The values a template may read: frozen, plain, and pinned when the mail is planned."""

from __future__ import annotations

from typing import Any

from nurture.core.lead import Lead, Value
from nurture.core.project import Project, Template


def template_values(project: Project, template: Template, lead: Lead) -> dict[str, Any]:
    """Return the lead's and account's values for the mail; what is unknown is an empty string."""
    return {
        "lead": {
            **_fields(project, "lead", lead.profile),
            "email": lead.email,
            "time_zone": lead.time_zone,
            "language": lead.language,
            "source": lead.source,
        },
        "account": _fields(project, "account", lead.account),
    }


def _fields(project: Project, owner: str, profile: Any) -> dict[str, Value]:
    return {
        field.name: profile.get(field.name, "")
        for field in project.fields.values()
        if field.owner == owner
    }
