"""Rules about personas/*.yaml."""

from __future__ import annotations

from nurture.core.condition import Happened, InSequence, Or, Sent, Silent, leaves, refs_of
from nurture.core.persona import Persona
from nurture.project.codes import Code
from nurture.project.inspection import RULES, Inspection
from nurture.project.logic import implies, never

_OF_PROFILES = frozenset({"lead", "account"})


def check_personas(inspection: Inspection) -> None:
    """Look for personas that help nobody, that fit nobody, and that ask for more than a profile."""
    before: list[Persona] = []
    rules = inspection.project.qualification.fit.rules if inspection.whole(RULES) else ()
    counted = {name for rule in rules for name in rule.personas}
    for name in sorted(inspection.project.personas):
        persona = inspection.project.personas[name]
        file = f"personas/{name}.yaml"
        if not inspection.whole(file):
            continue
        if not persona.talking_points:
            message = "this persona has no talking points, so it tells a caller nothing"
            told = (Code.PERSONA_SILENT, message, "add talking_points: [...]")
            inspection.warn(file, (), told)
        if _reads_more(persona):
            message = "a persona is told by the profile alone"
            remedy = "compare fields of lead and account; leave out behaviour, stage and scores"
            inspection.error(file, ("when",), (Code.PERSONA_READS, message, remedy))
        elif never(persona.when):
            message = "this persona fits nobody"
            told = (Code.PERSONA_NOBODY, message, "correct the condition, or remove the file")
            inspection.warn(file, ("when",), told)
        elif before and implies(persona.when, Or(tuple(other.when for other in before))):
            message = "whoever fits this persona fits an earlier one, which is taken first"
            told = (Code.PERSONA_NOBODY, message, "personas are tried in the order of their names")
            inspection.warn(file, ("when",), told)
        elif counted and name not in counted and not persona.weight:
            message = "no fit rule names this persona and its weight is 0, so it counts nowhere"
            told = (Code.PERSONA_UNCOUNTED, message, "add it to a fit rule, or write weight")
            inspection.warn(file, (), told)
        before.append(persona)


def _reads_more(persona: Persona) -> bool:
    if any(ref.owner not in _OF_PROFILES for ref in refs_of(persona.when)):
        return True
    behaviour = (Happened, InSequence, Sent, Silent)
    return any(isinstance(leaf, behaviour) for leaf in leaves(persona.when))
