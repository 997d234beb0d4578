"""Groups of engagement whose limits make their rules pointless."""

from __future__ import annotations

from nurture.core.project import EngagementGroup
from nurture.project.codes import Code
from nurture.project.inspection import RULES, Inspection
from nurture.project.yaml_file import KeyPath


def check_scores(inspection: Inspection) -> None:
    """Look for groups that every event fills, that give points for nothing, and idle rules."""
    for index, group in enumerate(inspection.project.qualification.engagement.groups):
        path: KeyPath = ("engagement", "groups", index)
        _always_full(inspection, group, path)
        _without_zero(inspection, group, path)
        for at, rule in enumerate(group.rules):
            if not rule.points:
                message = f'"{rule.id}" counts, and gives no points'
                told = (Code.IDLE_RULE, message, "give it points, or remove it")
                inspection.warn(RULES, (*path, "rules", at, "points"), told)


def _always_full(inspection: Inspection, group: EngagementGroup, path: KeyPath) -> None:
    """Warn where the least that counts is more than the group may give."""
    least = min((rule.points for rule in group.rules if rule.points > 0), default=0)
    if group.maximum > 0 and least > group.maximum:
        message = f'every event fills the group "{group.id}": the least gives {least}'
        told = (Code.ALWAYS_FULL, message, f"write max: {least} or more, or give fewer points")
        inspection.warn(RULES, (*path, "max"), told)


def _without_zero(inspection: Inspection, group: EngagementGroup, path: KeyPath) -> None:
    """Refuse limits that give or take points though nothing happened."""
    if group.minimum > 0 or group.maximum < 0:
        side, does = ("min", "gives") if group.minimum > 0 else ("max", "takes")
        message = f'the group "{group.id}" {does} points though nothing happened'
        told = (Code.WITHOUT_ZERO, message, f"write {side}: 0")
        inspection.error(RULES, (*path, side), told)
