"""Effort budgets: what people spent on a lead, held against what it is worth at its stage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nurture.core.lead import Stage
from nurture.core.stages import Definitions


def over_budget(definitions: Definitions, spent: Mapping[Stage, int]) -> Iterator[str]:
    """Yield, for each stage at which the lead cost more than it is worth there, how much."""
    for stage, definition in definitions.items():
        minutes = spent.get(stage, 0)
        if definition.minutes is not None and minutes > definition.minutes:
            yield f"{minutes} of {definition.minutes} minutes spent at the stage {definition.name}"
