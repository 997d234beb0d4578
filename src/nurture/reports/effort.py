"""What people spent on leads at each stage, against what a lead is worth there."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from nurture.core.project import Project
from nurture.reports.counting import frame, share
from nurture.store.effort import Spent

_COLUMNS = {
    "stage": "str",
    "name": "str",
    "leads": "int64",
    "minutes": "int64",
    "mean_minutes": "float64",
    "most_minutes": "int64",
    "budget_minutes": "float64",
    "over_budget": "int64",
}


def effort(spent: Sequence[Spent], project: Project) -> pd.DataFrame:
    """Return the table `effort`: one row for each stage at which anybody told their minutes."""
    rows = []
    for stage, definition in project.qualification.stages.items():
        here = [one for one in spent if one.stage is stage]
        if not here:
            continue
        leads = sum(one.leads for one in here)
        minutes = sum(one.leads * one.minutes for one in here)
        budget = definition.minutes
        over = sum(one.leads for one in here if budget is not None and one.minutes > budget)
        rows.append(
            {
                "stage": str(stage),
                "name": definition.name,
                "leads": leads,
                "minutes": minutes,
                "mean_minutes": share(minutes, leads),
                "most_minutes": max(one.minutes for one in here),
                "budget_minutes": budget,
                "over_budget": over,
            }
        )
    return frame(rows, _COLUMNS)
