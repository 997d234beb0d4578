"""The buyer's step: where somebody stands in buying, told by what they read, not by our stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.core.event import EventKind
from nurture.core.lead import Stage
from nurture.core.project import Project

STEPS = ("problem", "exploring", "comparing", "deciding")
"""From the first sense of a problem to the decision; mails carry one of them."""

LOOKED_BACK = timedelta(days=90)
"""What was read longer ago says nothing about today."""

USUAL: Mapping[Stage, tuple[str, ...]] = {
    Stage.LEAD: ("problem", "exploring"),
    Stage.PROSPECT: ("exploring", "comparing"),
    Stage.OPPORTUNITY: ("comparing", "deciding"),
}
"""The steps that go with a stage, where a project says nothing else."""

Deed = tuple[EventKind, str, datetime]
"""Kind, subject and time of something that a person did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The step that somebody shows, and by what and when."""

    step: str
    kind: EventKind
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMap:
    """What of a project shows a step: mails by their own, forms that raise a hand as deciding."""

    mails: Mapping[str, str]
    forms: Mapping[str, str]

    def step_of(self, kind: EventKind, subject: str) -> str:
        """Return the step that the deed shows, '' if none."""
        if kind is EventKind.MESSAGE_CLICKED:
            return self.mails.get(subject, "")
        return self.forms.get(subject, "") if kind is EventKind.FORM_SUBMITTED else ""


def step_map(project: Project) -> StepMap:
    """Return what of the project shows a step."""
    groups = project.qualification.engagement.groups
    return StepMap(
        mails={t.name: t.buyer_step for t in project.templates.values() if t.buyer_step},
        forms={
            rule.subject: STEPS[-1]
            for group in groups
            for rule in group.rules
            if rule.hand_raise and rule.kind is EventKind.FORM_SUBMITTED and rule.subject
        },
    )


def shown(deeds: Iterable[Deed], steps: StepMap, *, now: datetime) -> Shown | None:
    """Return the step of the last mail that was read or hand that was raised, lately.

    Of several at once the furthest counts.
    """
    found = [
        Shown(step=step, kind=kind, subject=subject, at=at)
        for kind, subject, at in deeds
        if now - LOOKED_BACK < at <= now and (step := steps.step_of(kind, subject))
    ]
    return max(found, key=lambda one: (one.at, STEPS.index(one.step), one.subject), default=None)


def compared(step: str, expected: tuple[str, ...]) -> str:
    """Say how a step compares with those expected: ahead, behind, or '' for as expected."""
    places = [STEPS.index(each) for each in expected]
    if not places:
        return ""
    place = STEPS.index(step)
    return "ahead" if place > max(places) else "behind" if place < min(places) else ""
