"""Personas: kinds of people we sell to, and what a conversation with one of them needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from nurture.core.condition import Condition, Facts, holds
from nurture.core.lead import Lead


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One kind of person. `weight`: its share in the score of an account, in percent."""

    name: str
    title: str
    when: Condition
    text: str
    seniority: str = ""
    weight: int = 0
    pains: tuple[str, ...] = ()
    objections: tuple[str, ...] = ()
    talking_points: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    proof: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


def persona_of(
    personas: Iterable[Persona], lead: Lead, *, today: date, now: datetime
) -> Persona | None:
    """Return the first persona that the profile fits, in the order of their names."""
    facts = Facts(lead=lead, today=today)
    by_name = sorted(personas, key=lambda persona: persona.name)
    return next((each for each in by_name if holds(each.when, facts, now=now)), None)
