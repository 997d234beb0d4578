"""Budget, authority, need and timeline are for the stage opportunity and after.

Asked too early they end a conversation that has hardly begun, and used as a gate they turn away
buyers who have not been asked yet. So nothing below that stage may rest on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nurture.core.condition import And, Condition, Not, Or, Ref, refs_of
from nurture.core.project import Field
from nurture.core.sequence import FormStep
from nurture.project.codes import Code
from nurture.project.graph import before_opportunity
from nurture.project.inspection import QUALIFYING, RULES, Inspection, Role, Site
from nurture.project.logic import late

_WHAT = {
    Role.GATE: "the gate {}",
    Role.TRAIT: "the trait {}",
    Role.TEMPERATURE: "the temperature {}",
    Role.FIT: "the fit rule {}",
    Role.EXCLUSION: "the exclusion {}",
    Role.SEGMENT: "this segment",
    Role.ENTRY: "the entry",
    Role.EXIT: "this exit",
    Role.STEP: "the step {}",
    Role.PERSONA: "this persona",
}
_LATER = "sales asks for it after the first conversation, not before"


def check_bant(inspection: Inspection) -> None:
    """Look at every condition, rule and form for fields that come too early."""
    bant = {key: field for key, field in inspection.project.fields.items() if field.bant}
    if bant:
        _conditions(inspection, bant)
        _fit_fields(inspection, bant)
        _asked_by_gates(inspection, bant)
        _asked_by_forms(inspection, bant)


def _conditions(inspection: Inspection, bant: dict[str, Field]) -> None:
    early = {
        sequence.name: before_opportunity(sequence)
        for sequence in inspection.project.sequences.values()
    }
    for site in inspection.sites():
        refs = refs_of(site.condition) if site.role in QUALIFYING else _early(site.condition)
        for ref in dict.fromkeys(refs):
            if ref.text in bant and _is_early(site, early):
                inspection.error(site.file, site.path, _told(site, bant[ref.text]))


def _is_early(site: Site, early: dict[str, set[str]]) -> bool:
    """Say whether the condition is asked of somebody below the stage opportunity."""
    name = site.file.removeprefix("sequences/").removesuffix(".yaml")
    if site.role is Role.STEP:
        return site.owner in early[name]
    return site.role is not Role.EXIT or bool(early[name])


def _told(site: Site, field: Field) -> tuple[Code, str, str]:
    what = _WHAT[site.role].format(f'"{site.owner}"')
    message = f"{what} rests on {field.key}, which is {field.bant}: {_LATER}"
    if site.role in QUALIFYING:
        return Code.BANT_RULE, message, "use what a lead tells about pain, interest and plant"
    remedy = "add: stage == 'opportunity' and ..."
    return Code.BANT_CONDITION, message, remedy


def _early(condition: Condition) -> Iterator[Ref]:
    """Yield what decides the condition for somebody below the stage opportunity."""
    match condition:
        case And(terms):
            if not late(condition):
                for term in terms:
                    yield from _early(term)
        case Or(terms):
            for term in terms:
                yield from _early(term)
        case Not(term):
            yield from _early(term)
        case _:
            yield from refs_of(condition)


def _fit_fields(inspection: Inspection, bant: dict[str, Field]) -> None:
    for index, rule in enumerate(inspection.project.qualification.fit.rules):
        if rule.key in bant:
            field = bant[rule.key]
            message = f'the fit rule "{rule.id}" rests on {field.key}, which is {field.bant}: '
            told = (Code.BANT_RULE, message + _LATER, "take it out of the score")
            inspection.error(RULES, ("fit", "rules", index, "field"), told)


def _asked_by_gates(inspection: Inspection, bant: dict[str, Field]) -> None:
    for gate in inspection.project.qualification.gates:
        for index, key in enumerate(gate.ask):
            if key in bant:
                message = f'the gate "{gate.gate}" asks for {key}, which is {bant[key].bant}: '
                told = (Code.BANT_ASKED_BY_GATE, message + _LATER, "take it out of ask")
                inspection.error(RULES, ("gates", gate.gate.value, "ask", index), told)


def _asked_by_forms(inspection: Inspection, bant: dict[str, Field]) -> None:
    for name, form in inspection.project.forms.items():
        reason = "strangers fill it in" if form.landing else _early_asker(inspection, name)
        if reason:
            for index, key in _positions(form.ask, bant):
                message = f"this form asks for {key}, which is {bant[key].bant}, and {reason}"
                remedy = "take it out, or send the form only where stage == 'opportunity'"
                told = (Code.BANT_ASKED_BY_FORM, message, remedy)
                inspection.error(f"forms/{name}.yaml", ("ask", index), told)


def _positions(keys: Iterable[str], bant: dict[str, Field]) -> Iterator[tuple[int, str]]:
    return ((index, key) for index, key in enumerate(keys) if key in bant)


def _early_asker(inspection: Inspection, form: str) -> str:
    """Return who sends the form to leads below the stage opportunity, empty if nobody does."""
    for sequence in inspection.project.sequences.values():
        early = before_opportunity(sequence)
        for step in sequence.steps:
            if isinstance(step, FormStep) and step.form == form and step.id in early:
                where = f'the step "{step.id}" of the sequence "{sequence.name}"'
                return f"{where} sends it to leads below opportunity"
    return ""
