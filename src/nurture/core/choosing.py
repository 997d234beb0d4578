"""Choose among the mails of one step: the one for the buyer's step, and none of them twice.

What somebody read last says where they stand in buying. A mail for that step serves them better
than the one that our sequence would have next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from nurture.core.buyer import shown, step_map
from nurture.core.condition import Facts
from nurture.core.project import Project
from nurture.core.sequence import EmailStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The step with the one mail that it sends now, and why this one; None: all were sent."""

    step: EmailStep | None
    why: str


def choose(step: EmailStep, facts: Facts, project: Project, *, now: datetime) -> Choice:
    """Return which of the step's mails suits the lead now; no lead gets one of them twice."""
    left = [name for name in step.templates if name not in facts.sent]
    if not left:
        return Choice(step=None, why="every mail of the step was sent before; skipped")
    steps = step_map(project)
    deeds = ((kind, subject, at) for (kind, subject), at in facts.latest.items())
    found = shown(deeds, steps, now=now)
    if found is None:
        return _take(step, left[0], "the buyer shows no step; the first that was not sent")
    suits = next((name for name in left if steps.mails.get(name) == found.step), None)
    if suits is None:
        why = f"the buyer is {found.step}, for which none is left; the first that was not sent"
        return _take(step, left[0], why)
    return _take(step, suits, f"the buyer is {found.step}, as {found.subject} shows")


def _take(step: EmailStep, template: str, why: str) -> Choice:
    return Choice(step=replace(step, template=template, others=()), why=why)
