"""The dossier: everything sales is told about a lead, in fixed slots; unknown stays "unknown"."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nurture.core.buyer import Shown, compared
from nurture.core.event import Event, EventKind
from nurture.core.lead import Lead, Value
from nurture.core.persona import Persona
from nurture.core.project import Field, Project

UNKNOWN = "unknown"
HISTORY_LENGTH = 20

# Slots of the dossier that are read from profile fields; a project names its fields like these.
SLOTS: Mapping[str, tuple[str, ...]] = {
    "budget": ("budget", "budget_range"),
    "decision_timeline": ("decision_timeline", "timeline", "decide_by"),
    "drivers": ("driver", "drivers", "project_driver"),
    "pain_points": ("pain", "pain_note", "pain_points"),
    "hot_buttons": ("hot_button", "hot_buttons"),
    "competition": ("competition", "current_tool", "competitor"),
}
"""Dossier slot to the field names that fill it, wherever the project keeps them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFact:
    """A profile value with where it comes from, and what others say: value, source, time."""

    key: str
    value: Value
    source: str
    at: datetime
    listed: bool = False
    otherwise: tuple[tuple[Value, str, datetime], ...] = ()

    @property
    def confidence(self) -> str:
        """How far to trust it: low if another source says otherwise, medium from a list."""
        return "low" if self.otherwise else "medium" if self.listed else "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierInput:
    """What a dossier is made of. `explain` and `account` are explained scores, in plain values."""

    lead: Lead
    name: str
    facts: Sequence[KnownFact]
    events: Sequence[Event]
    sent: Sequence[tuple[datetime, str]]
    colleagues: Sequence[Mapping[str, str]]
    account_name: str
    stage_from: str
    explain: Mapping[str, Any]
    persona: Persona | None = None
    shown: Shown | None = None
    account: Mapping[str, Any] | None = None


def dossier(source: DossierInput, project: Project) -> dict[str, Any]:
    """Return the dossier as JSON-ready data; every slot is there, filled or "unknown"."""
    lead, standing = source.lead, source.lead.standing
    by_key = {fact.key: fact for fact in source.facts}
    slots = {slot: _slot(names, by_key, project) for slot, names in SLOTS.items()}
    company = {
        field.name: _told(by_key.get(field.key), field)
        for field in project.fields.values()
        if field.owner == "account" and not _in_slot(field.name)
    }
    return {
        "person": {
            "external_id": lead.uid,
            "name": source.name or UNKNOWN,
            "email": lead.email or UNKNOWN,
            "time_zone": lead.time_zone,
            "language": lead.language,
            "source": lead.source or UNKNOWN,
            "profile": {
                field.name: _told(by_key.get(field.key), field)
                for field in project.fields.values()
                if field.owner == "lead" and not _in_slot(field.name)
            },
        },
        "company": {
            "name": source.account_name or UNKNOWN,
            "profile": company,
            "account": UNKNOWN if source.account is None else dict(source.account),
        },
        "stage": {
            "from": source.stage_from,
            "to": str(standing.stage),
            "definition": project.qualification.stages[standing.stage].definition,
            "definition_version": project.qualification.version,
            "signed_by": [
                {"team": one.team, "name": one.name, "on": one.on.isoformat()}
                for one in project.qualification.signatures
            ],
            "release": project.content_hash,
        },
        "temperature": str(standing.temperature),
        "readiness": standing.readiness,
        "scores": {
            "fit": standing.fit / 1000,
            "grade": standing.grade,
            "engagement": standing.engagement / 1000,
        },
        "gates": {str(gate): str(verdict) for gate, verdict in standing.verdicts.items()},
        "pain_interest_fit": {str(trait): value for trait, value in standing.traits.items()},
        "buyer_step": _buyer_step(source, project),
        "persona": persona_card(source.persona),
        "individuals": [*source.colleagues] or UNKNOWN,
        **slots,
        "history": _history(source),
        "open_questions": _open_questions(by_key, project),
        "explain": dict(source.explain),
        "completeness": completeness(by_key, project),
    }


def _buyer_step(source: DossierInput, project: Project) -> dict[str, Any]:
    found = source.shown
    expected = project.qualification.stages[source.lead.standing.stage].buyer
    return {
        "shown": found.step if found else UNKNOWN,
        "by": found.subject if found else UNKNOWN,
        "at": found.at.isoformat() if found else UNKNOWN,
        "expected": list(expected) or UNKNOWN,
        "compared": compared(found.step, expected) or "as expected" if found else UNKNOWN,
    }


def persona_card(persona: Persona | None) -> dict[str, Any] | str:
    """Return what a conversation with this kind of person needs; "unknown" if none fits."""
    if persona is None:
        return UNKNOWN
    return {
        "name": persona.name,
        "title": persona.title,
        "seniority": persona.seniority or UNKNOWN,
        "pains": list(persona.pains),
        "objections": list(persona.objections),
        "talking_points": list(persona.talking_points),
        "questions": list(persona.questions),
        "proof": list(persona.proof),
        "channels": list(persona.channels),
    }


def known_keys(lead: Lead) -> frozenset[str]:
    """Return the fields of the lead and its account that have a value."""
    own = {f"lead.{name}" for name, value in lead.profile.items() if value not in ("", ())}
    theirs = {f"account.{name}" for name, value in lead.account.items() if value not in ("", ())}
    return frozenset(own | theirs)


def completeness(known: Collection[str], project: Project) -> int:
    """Return the share of the project's fields that are known, in percent."""
    total = len(project.fields)
    return 100 * sum(key in known for key in project.fields) // total if total else 0


def _in_slot(name: str) -> bool:
    return any(name in names for names in SLOTS.values())


def _slot(
    names: tuple[str, ...], by_key: Mapping[str, KnownFact], project: Project
) -> list[dict[str, Any]] | str:
    told = [
        _told(by_key[field.key], field)
        for field in project.fields.values()
        if field.name in names and field.key in by_key
    ]
    return [item for item in told if isinstance(item, dict)] or UNKNOWN


def _told(fact: KnownFact | None, field: Field) -> dict[str, Any] | str:
    if fact is None:
        return UNKNOWN
    told: dict[str, Any] = {
        "label": field.label,
        "value": _label(fact.value, field),
        "source": fact.source,
        "at": fact.at.isoformat(),
        "confidence": fact.confidence,
    }
    if fact.otherwise:
        told["otherwise"] = [
            {"value": _label(value, field), "source": source, "at": at.isoformat()}
            for value, source, at in fact.otherwise
        ]
    return told


def _label(value: Value, field: Field) -> Value | list[str]:
    if isinstance(value, tuple):
        return [field.choices.get(item, item) for item in value]
    return field.choices.get(value, value) if isinstance(value, str) else value


def _history(source: DossierInput) -> dict[str, Any]:
    lines: list[tuple[datetime, str, str]] = [
        (event.occurred_at, str(event.kind), event.subject)
        for event in source.events
        if event.human and event.kind in _TOLD
    ]
    lines.extend((at, "message.sent", template) for at, template in source.sent)
    lines.sort()
    return {
        "counts": _counts(lines),
        "last": [
            {"at": at.isoformat(), "what": what, "about": about}
            for at, what, about in lines[-HISTORY_LENGTH:]
        ],
        "left_out": max(len(lines) - HISTORY_LENGTH, 0),
    }


_TOLD = frozenset(
    {
        EventKind.LEAD_CAPTURED,
        EventKind.FORM_SUBMITTED,
        EventKind.MESSAGE_CLICKED,
        EventKind.MESSAGE_REPLIED,
        EventKind.PAGE_VIEWED,
        EventKind.WEBINAR_ATTENDED,
        EventKind.CALL_LOGGED,
        EventKind.HANDOFF_RECYCLED,
        EventKind.HANDOFF_REJECTED,
    }
)


def _counts(lines: Sequence[tuple[datetime, str, str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, what, _ in lines:
        found[what] = found.get(what, 0) + 1
    return dict(sorted(found.items()))


def _open_questions(by_key: Mapping[str, KnownFact], project: Project) -> list[str]:
    return [
        field.question
        for field in project.fields.values()
        if field.question and field.key not in by_key
    ]
