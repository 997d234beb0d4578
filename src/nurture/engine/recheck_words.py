"""Say what a failed re-check rests on, and what could be offered instead."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nurture.core.condition import Facts, refs_of, value_of
from nurture.core.lead import Gate, Trait
from nurture.core.project import Project
from nurture.core.recheck import Ask
from nurture.engine.words import Words, both

_KINDS = {
    "product": "another product",
    "partner": "a partner",
    "self-serve": "by themselves",
    "later": "later",
    "person": "another person",
}
_LIMIT = "move it on, or let it go"


def say_recheck(project: Project, facts: Facts, ask: Ask) -> str:
    """Return the question that a person is asked about the lead."""
    name = Words(project=project).stage(ask.stage)
    if ask.within is not None:
        return f"Call now: this {name} is hot. {'; '.join(_urgency(project, facts))}"
    if ask.since is not None:
        return f"What becomes of this {name}? At this stage since {ask.since:%d %B %Y}: " + _LIMIT
    if not ask.failing and not ask.opened:
        return f"Where does this {name} stand? The temperature has been new for too long: ask them"
    said = "; ".join([*_lost(project, facts, ask.failing), *_open(project, ask.opened)])
    gates = [one for one in ask.failing if isinstance(one, Gate)]
    instead = "; ".join(right_yes(project, gates))
    return f"Still at the stage {name}? {said}" + (f". Instead: {instead}" if instead else "")


def _urgency(project: Project, facts: Facts) -> Iterator[str]:
    """Say by which rule the lead is hot."""
    words = Words(project=project)
    for rule in project.qualification.temperatures:
        if rule.temperature is facts.lead.standing.temperature:
            yield f"It is hot if {words.rule(rule.text)}"


def right_yes(project: Project, gates: Iterable[Gate]) -> list[str]:
    """Return what to offer somebody who fails these gates."""
    wanted = set(gates)
    return [
        said
        for rule in project.qualification.gates
        if rule.gate in wanted
        for said in say_otherwise(rule.otherwise)
    ]


def say_otherwise(otherwise: Mapping[str, str]) -> list[str]:
    """Return the right yeses of one gate, each with its kind."""
    return [f"{_KINDS[kind]}: {said}" for kind, said in otherwise.items()]


def _open(project: Project, gates: Iterable[Gate]) -> list[str]:
    """Say which gates nobody can answer any more, and what to find out."""
    wanted, said = set(gates), []
    for rule in project.qualification.gates:
        if rule.gate in wanted:
            labels = [project.fields[key].label for key in rule.ask if key in project.fields]
            asked = f": find out {both(labels)}" if labels else ""
            said.append(f"the gate {rule.gate} is open again{asked}")
    return said


def _lost(project: Project, facts: Facts, failing: Iterable[Gate | Trait]) -> list[str]:
    words, lost = Words(project=project), set(failing)
    said = []
    for rule in project.qualification.gates:
        if rule.gate in lost:
            values = [
                f"{words.label(ref)} is {words.value(ref, value_of(ref, facts))}"
                for ref in refs_of(rule.when)
            ]
            said.append(f"the gate {rule.gate} fails: {both(values)}")
    for trait in project.qualification.traits:
        if trait.trait in lost:
            value = facts.lead.standing.traits[trait.trait]
            said.append(f"{trait.trait} is {value} of 3, and {trait.minimum} is the least")
    return said
