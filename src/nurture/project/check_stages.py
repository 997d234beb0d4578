"""Rules about stages: where leads may go, and that every stage can be reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nurture.core.condition import Condition, Happened, Sent, ValueType, leaves, refs_of
from nurture.core.lead import IN_PLAY, Stage, Temperature
from nurture.core.stages import ENTRIES, LADDER, EntryGate, StageDefinition
from nurture.project.codes import Code
from nurture.project.inspection import RULES, Inspection
from nurture.project.yaml_file import KeyPath

_BY_RIGHT = frozenset({Stage.ERASED})
"""Stages to which nobody needs leave: erasure is everybody's right."""

_BEGIN = (Stage.LEAD, Stage.SUSPECT)
"""Where records begin."""


def check_stages(inspection: Inspection) -> None:
    """Hold the stages' entries and moves against each other."""
    stages = inspection.project.qualification.stages
    for stage, definition in stages.items():
        _entry(inspection, definition)
        for direction in ("forward", "back"):
            for index, after in enumerate(getattr(definition, direction)):
                path: KeyPath = ("stages", stage.value, "moves", direction, index)
                _move(inspection, path, stage, after)
    if circle := _circle(stages):
        names = " -> ".join([*circle, circle[0]])
        message = f"moves forward lead round in a circle: {names}"
        told = (Code.STAGE_CIRCLE, message, "write one of them under back")
        inspection.error(RULES, ("stages", circle[0].value, "moves", "forward"), told)
    _unreachable(inspection, stages)
    _silence(inspection, stages)
    _limits(inspection, stages)
    _dates(inspection)
    for rule in inspection.project.qualification.gates:
        if not rule.otherwise:
            message = f'whoever fails the gate "{rule.gate}" is offered nothing else'
            remedy = "add otherwise: {later: ...}, or product, partner, self-serve, person"
            inspection.warn(RULES, ("gates", rule.gate.value), (Code.NO_RIGHT_YES, message, remedy))


def _entry(inspection: Inspection, definition: StageDefinition) -> None:
    known = ENTRIES.get(definition.stage, (EntryGate.NONE,))
    if definition.entry in known:
        return
    message = f'the stage "{definition.stage}" has no entry gate "{definition.entry}"'
    named = [gate.value for gate in known if gate]
    remedy = f"write {' or '.join(named)}" if named else "take entry out; an event leads there"
    path: KeyPath = ("stages", definition.stage.value, "entry")
    inspection.error(RULES, path, (Code.STAGE_ENTRY, message, remedy))


def _move(inspection: Inspection, path: KeyPath, before: Stage, after: Stage) -> None:
    if before is after:
        told = "a stage cannot lead to itself", "take it out"
    elif before is Stage.ERASED:
        told = "nobody comes back from erasure", "take moves out of erased"
    elif after in _BY_RIGHT:
        told = "erasure is everybody's right and needs no leave", "take erased out"
    elif path[-2] == "forward" and _below(before, after):
        told = f'"{after}" lies behind "{before}"', "write it under back"
    elif path[-2] == "back" and _below(after, before):
        told = f'"{after}" lies ahead of "{before}"', "write it under forward"
    else:
        return
    inspection.error(RULES, path, (Code.STAGE_MOVE, *told))


def _below(high: Stage, low: Stage) -> bool:
    return high in LADDER and low in LADDER and LADDER.index(low) < LADDER.index(high)


def _circle(stages: Mapping[Stage, StageDefinition]) -> list[Stage]:
    """Return the stages of one circle of moves forward, in order; none if there is none."""
    done: set[Stage] = set()

    def walk(way: list[Stage]) -> list[Stage]:
        for after in stages[way[-1]].forward:
            if after in way:
                return way[way.index(after) :]
            if after not in done and (found := walk([*way, after])):
                return found
        done.add(way[-1])
        return []

    return next((found for stage in stages if (found := walk([stage]))), [])


def _reached(stages: Mapping[Stage, StageDefinition]) -> set[Stage]:
    reached, open_ = set(_BEGIN), list(_BEGIN)
    while open_:
        definition = stages[open_.pop()]
        for after in (*definition.forward, *definition.back):
            if after not in reached:
                reached.add(after)
                open_.append(after)
    return reached


def _unreachable(inspection: Inspection, stages: Mapping[Stage, StageDefinition]) -> None:
    for stage in _missing(stages):
        message = f'no move leads to the stage "{stage}"'
        remedy = f"add {stage} to the moves of a stage that leads there"
        told = (Code.STAGE_UNREACHABLE, message, remedy)
        inspection.error(RULES, ("stages", stage.value), told)


def _missing(stages: Mapping[Stage, StageDefinition]) -> Iterator[Stage]:
    reached = _reached(stages)
    for stage in stages:
        if stage not in reached and stage not in _BY_RIGHT:
            yield stage


def _silence(inspection: Inspection, stages: Mapping[Stage, StageDefinition]) -> None:
    for stage in (Stage.LEAD, Stage.PROSPECT, Stage.OPPORTUNITY):
        definition = stages[stage]
        if definition.silence_seconds is not None and Stage.INACTIVE not in definition.back:
            message = f'silence would move a {stage} to "inactive", which moves do not allow'
            told = (Code.STAGE_MOVE, message, "add inactive to moves.back, or take silence out")
            inspection.error(RULES, ("stages", stage.value, "silence"), told)


def _limits(inspection: Inspection, stages: Mapping[Stage, StageDefinition]) -> None:
    for stage, definition in stages.items():
        if definition.at_most_seconds is not None and stage not in IN_PLAY:
            message = f'nobody is asked how long a lead has been at the stage "{stage}"'
            told = (Code.CONTRADICTION, message, f"take at_most out of {stage}")
            inspection.error(RULES, ("stages", stage.value, "at_most"), told)


def _dates(inspection: Inspection) -> None:
    """Expect a day behind hot, warm and cold, so that each of them ends."""
    if not inspection.whole("fields.yaml"):
        return
    for index, rule in enumerate(inspection.project.qualification.temperatures):
        if rule.temperature in (Temperature.CLOSED, Temperature.NEW) or _dated(rule.when):
            continue
        message = f'"{rule.temperature}" rests on no day, so it may last for ever'
        remedy = "add needs: [a date field], or ask for something within='14d'"
        inspection.warn(RULES, ("temperature", index), (Code.NO_DATE, message, remedy))


def _dated(condition: Condition) -> bool:
    if any(ref.type is ValueType.DATE for ref in refs_of(condition)):
        return True
    return any(
        isinstance(leaf, Happened | Sent) and leaf.within_seconds is not None
        for leaf in leaves(condition)
    )
