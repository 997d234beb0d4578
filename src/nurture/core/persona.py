"""Personas: kinds of people we sell to, and what a conversation with one of them needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from nurture.core.condition import And, Condition, Constant, Facts, Not, Or, holds
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
    return next((each for each in _in_order(personas) if holds(each.when, facts, now=now)), None)


def is_one_of(personas: Iterable[Persona], names: Collection[str]) -> Condition:
    """Return the condition that `persona_of` finds one of the names."""
    found: list[Condition] = []
    others: list[Condition] = []
    for persona in _in_order(personas):
        if persona.name in names:
            found.append(And((persona.when, *others)) if others else persona.when)
        else:
            others.append(Not(persona.when))
    match found:
        case []:
            return Constant(False)
        case [only]:
            return only
        case _:
            return Or(tuple(found))


def _in_order(personas: Iterable[Persona]) -> list[Persona]:
    return sorted(personas, key=lambda persona: persona.name)
