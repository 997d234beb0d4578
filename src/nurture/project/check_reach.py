"""Thresholds that no lead can reach, and single events that reach them alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nurture.core.condition import Compare, Operator, Ref, leaves
from nurture.core.event import EventKind
from nurture.core.project import EngagementGroup, EngagementRule, Project
from nurture.core.score import most_of as most_of_rule
from nurture.core.sequence import ScoreStep
from nurture.project.codes import Code
from nurture.project.inspection import RULES, Inspection
from nurture.project.yaml_file import KeyPath

TOP = 100
"""Fit and readiness end here whatever the rules add up to."""


def check_reach(inspection: Inspection) -> None:
    """Hold every threshold against the most that the rules can give."""
    most = most_of(inspection.project)
    _thresholds(inspection, most)
    _traits(inspection)
    _conditions(inspection, most)
    _alone(inspection)
    _groups(inspection)
    if inspection.document(RULES).at(("account",)) is not None:
        _accounts(inspection)


def most_of(project: Project) -> dict[str, int]:
    """Return the most points of fit, engagement and readiness that a lead can have."""
    rules = project.qualification
    fit = min(sum(most_of_rule(rule) for rule in rules.fit.rules), TOP)
    groups = rules.engagement.groups
    engagement = sum(max(min(group.maximum, _group_most(group)), 0) for group in groups)
    steps = (step for sequence in project.sequences.values() for step in sequence.steps)
    if any(isinstance(step, ScoreStep) and step.points > 0 for step in steps):
        # Points that sequences add belong to no group.
        engagement = rules.engagement.maximum
    engagement = min(engagement, rules.engagement.maximum)
    weights = rules.readiness
    readiness = (weights.fit_weight * fit + weights.engagement_weight * engagement) // 100
    return {"fit": fit, "engagement": engagement, "readiness": min(readiness, TOP)}


def _group_most(group: EngagementGroup) -> int:
    """Return what the rules of a group can add up to; without a count, anything."""
    most = 0
    for rule in group.rules:
        if rule.points > 0:
            if rule.max_count is None:
                return group.maximum
            most += rule.points * rule.max_count
    return most


def _thresholds(inspection: Inspection, most: Mapping[str, int]) -> None:
    rules = inspection.project.qualification
    named: list[tuple[KeyPath, Mapping[str, int], str]] = [
        (("fit", "grades"), rules.fit.grades, "fit"),
        (("engagement", "bands"), rules.engagement.bands, "engagement"),
        (("readiness", "bands"), rules.readiness.bands, "readiness"),
    ]
    floor = rules.handoff.floor
    if floor > most["readiness"]:
        message = f"nobody reaches a readiness of {floor}: it ends at {most['readiness']}"
        told = (Code.OUT_OF_REACH, message, "lower it, or give more points")
        inspection.error(RULES, ("handoff", "floor"), told)
    for path, thresholds, axis in named:
        for name, low in thresholds.items():
            if low > most[axis]:
                message = f'nobody reaches "{name}" at {low}: {axis} ends at {most[axis]}'
                told = (Code.OUT_OF_REACH, message, "lower it, or give more points")
                inspection.error(RULES, (*path, name), told)


def _traits(inspection: Inspection) -> None:
    for trait in inspection.project.qualification.traits:
        most = max((row.value for row in trait.rows), default=0)
        if trait.minimum > most:
            message = f"nobody reaches {trait.minimum} in {trait.trait}: its rows end at {most}"
            told = (Code.OUT_OF_REACH, message, "lower min, or add a row")
            inspection.error(RULES, ("traits", trait.trait.value, "min"), told)


def _conditions(inspection: Inspection, most: Mapping[str, int]) -> None:
    traits = {
        trait.trait.value: max((row.value for row in trait.rows), default=0)
        for trait in inspection.project.qualification.traits
    }
    for site in inspection.sites():
        for leaf in dict.fromkeys(leaves(site.condition)):
            match leaf:
                case Compare(ref, operator, int(literal)):
                    end = _end_of(ref, most, traits)
                    if end is not None and _beyond(operator, literal, end):
                        message = f"no lead has {ref.text} {operator} {literal}: it ends at {end}"
                        told = (Code.OUT_OF_REACH, message, "lower the number")
                        inspection.error(site.file, site.path, told)
                case _:
                    pass


def _end_of(ref: Ref, most: Mapping[str, int], traits: Mapping[str, int]) -> int | None:
    match ref.owner, ref.name:
        case "score", name:
            return most[name]
        case "", "readiness":
            return most["readiness"]
        case "trait", name:
            return traits[name]
        case _:
            return None


def _beyond(operator: Operator, literal: int, end: int) -> bool:
    if operator in (Operator.GE, Operator.EQ):
        return literal > end
    return operator is Operator.GT and literal >= end


def _alone(inspection: Inspection) -> None:
    """Refuse that one event reaches band 1; what it gives in each group adds up."""
    engagement = inspection.project.qualification.engagement
    top = engagement.bands["1"]
    told: set[frozenset[str]] = set()
    for kind, subject in _events(engagement.groups):
        taken = list(_taken(engagement.groups, kind, subject))
        if sum(one.worth for one in taken) < top or any(one.rule.hand_raise for one in taken):
            continue
        enough = _fewest(taken, top)
        rules = frozenset(f"{one.path}" for one in enough)
        if rules not in told:
            told.add(rules)
            _tell_alone(inspection, enough, top)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """What one event is worth in one group, and the rule that takes it there."""

    rule: EngagementRule
    path: KeyPath
    worth: int


def _events(groups: Sequence[EngagementGroup]) -> list[tuple[EventKind, str]]:
    """Return every kind of event with every subject that the rules tell apart."""
    found = [(rule.kind, rule.subject) for group in groups for rule in group.rules]
    return list(dict.fromkeys(found))


def _taken(groups: Sequence[EngagementGroup], kind: EventKind, subject: str) -> Iterator[_Taken]:
    """Yield what the event is worth, group by group; in each the first rule takes it."""
    for at, group in enumerate(groups):
        for index, rule in enumerate(group.rules):
            if rule.kind is kind and rule.subject in ("", subject):
                worth = max(min(rule.points, group.maximum), group.minimum)
                path = ("engagement", "groups", at, "rules", index)
                yield _Taken(rule=rule, path=path, worth=worth)
                break


def _fewest(taken: Iterable[_Taken], top: int) -> list[_Taken]:
    """Return the rules that are enough, the largest first."""
    enough: list[_Taken] = []
    for one in sorted(taken, key=lambda each: each.worth, reverse=True):
        enough.append(one)
        if sum(each.worth for each in enough) >= top:
            break
    return enough


def _tell_alone(inspection: Inspection, enough: Sequence[_Taken], top: int) -> None:
    names = " and ".join(f'"{one.rule.id}"' for one in enough)
    points = " + ".join(str(one.worth) for one in enough)
    message = f"a single event of {names} reaches band 1 ({points} of {top} points)"
    remedy = "give it fewer points; if it is a request to be called, hand_raise: true"
    inspection.error(RULES, enough[0].path, (Code.QUALIFIES_ALONE, message, remedy))


def _groups(inspection: Inspection) -> None:
    groups = inspection.project.qualification.engagement.groups
    for index, group in enumerate(groups):
        most = _group_most(group)
        if 0 < most < group.maximum:
            message = f'the group "{group.id}" never reaches its max: its rules end at {most}'
            path = ("engagement", "groups", index, "max")
            told = (Code.GROUP_MAXIMUM, message, f"write max: {most}, or count more")
            inspection.warn(RULES, path, told)
    if not any(rule.points < 0 for group in groups for rule in group.rules):
        message = "nothing takes points away, so only time tells who is not interested"
        remedy = "add a group for unsubscribing, complaining or looking for a job"
        inspection.warn(RULES, ("engagement", "groups"), (Code.NO_PENALTY, message, remedy))


def _accounts(inspection: Inspection) -> None:
    """Expect that an organization can be qualified, where the project says itself when it is."""
    project = inspection.project
    rule, known = project.qualification.account, len(project.personas)
    if rule.roles > known:
        message = f"nobody reaches {rule.roles} personas: the project has {known}"
        told = (Code.OUT_OF_REACH, message, "lower roles, or add a file to personas/")
        inspection.error(RULES, ("account", "roles"), told)
    groups = project.qualification.engagement.groups
    rules = [one for group in groups for one in group.rules]
    most = max((one.points for one in rules), default=0)
    if rule.medium_points > most and not any(one.hand_raise for one in rules):
        message = f"no event is worth {rule.medium_points} points: the best is worth {most}"
        told = (Code.OUT_OF_REACH, message, "lower the points of medium")
        inspection.error(RULES, ("account", "medium"), told)
