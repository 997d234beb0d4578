"""A made-up lead, for previews and trials: every field of the project has a value."""

from __future__ import annotations

from datetime import datetime, timedelta

from nurture.core.condition import ValueType
from nurture.core.lead import Lead, Value, first_standing
from nurture.core.project import Field, Project

SAMPLE_UID = "0" * 32
_NAMES = {"first_name": "Alex", "last_name": "Sample", "phone": "+49 30 000000"}


def sample_lead(project: Project, *, now: datetime) -> Lead:
    """Return a lead about whom everything is known."""
    return Lead(
        id=0,
        uid=SAMPLE_UID,
        version=1,
        email="alex.sample@example.com",
        time_zone=project.workspace.time_zone,
        language="en",
        source="preview",
        account_id=0,
        profile=_values(project, "lead", now),
        account=_values(project, "account", now),
        standing=first_standing(),
        topics=frozenset(project.workspace.topics),
        suppressed="",
        locked=False,
        captured_at=now,
        last_life_at=now,
    )


def _values(project: Project, owner: str, now: datetime) -> dict[str, Value]:
    return {f.name: _value(f, now) for f in project.fields.values() if f.owner == owner}


def _value(field: Field, now: datetime) -> Value:
    first = next(iter(field.choices), "")
    match field.type:
        case ValueType.NUMBER:
            low = field.minimum if field.minimum is not None else 0
            return max(low, min(250, field.maximum if field.maximum is not None else 250))
        case ValueType.BOOL:
            return True
        case ValueType.DATE:
            return (now + timedelta(days=90)).date().isoformat()
        case ValueType.CHOICE:
            return first
        case ValueType.CHOICES:
            return (first,)
        case ValueType.TEXT:
            return _NAMES.get(field.name, f"Sample {field.label.lower()}")
