"""Buyer's step against our stage: who is further, or less far, than we treat them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from nurture.core.buyer import LOOKED_BACK, Shown, compared, shown, step_map
from nurture.core.event import EventKind
from nurture.core.lead import Stage
from nurture.core.project import Project
from nurture.store import deeds
from nurture.store.db import Connection

KINDS = (EventKind.MESSAGE_CLICKED, EventKind.FORM_SUBMITTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A lead whose step does not go with its stage: `how` is ahead or behind."""

    uid: str
    email: str
    stage: Stage
    shown: Shown
    expected: tuple[str, ...]
    how: str


@dataclass(slots=True, kw_only=True)
class BuyerSteps:
    """How many leads of each stage show which step, and those that do not go together."""

    counts: Mapping[tuple[Stage, str], int] = field(default_factory=Counter)
    mismatches: list[Mismatch] = field(default_factory=list)


def compare(connection: Connection, project: Project, *, now: datetime) -> BuyerSteps:
    """Return the steps of everybody in play who showed one lately; those ahead come first."""
    steps, counts = step_map(project), Counter[tuple[Stage, str]]()
    found: list[Mismatch] = []
    for page in deeds.doers(connection, KINDS, since=now - LOOKED_BACK):
        for doer in page:
            step = shown(doer.deeds, steps, now=now)
            if step is None:
                continue
            counts[doer.stage, step.step] += 1
            expected = project.qualification.stages[doer.stage].buyer
            how = compared(step.step, expected)
            if how:
                found.append(
                    Mismatch(
                        uid=doer.uid,
                        email=doer.email,
                        stage=doer.stage,
                        shown=step,
                        expected=expected,
                        how=how,
                    )
                )
    found.sort(key=lambda one: (one.how, -one.shown.at.timestamp(), one.uid))
    return BuyerSteps(counts=counts, mismatches=found)
