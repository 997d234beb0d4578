"""How long it takes: from capture to prospect, to opportunity, into the hands of sales."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

import pandas as pd

from nurture.core.lead import Stage
from nurture.core.project import Project
from nurture.reports.counting import frame, quartiles
from nurture.reports.funnel import HANDED_OVER, source_name, stage_name
from nurture.store.reporting import Row

CAPTURED, PROSPECT, OPPORTUNITY, HANDED = "captured", "prospect", "opportunity", "handed_over"

LEGS = (
    (CAPTURED, PROSPECT),
    (CAPTURED, OPPORTUNITY),
    (CAPTURED, HANDED),
    (PROSPECT, OPPORTUNITY),
    (PROSPECT, HANDED),
)
"""What is measured, from the first time of the one to the first time of the other."""

ALL, ONE_SOURCE = "all", "source"

_DAY = timedelta(days=1)
_PACE = {
    "scope": "str",
    "source": "str",
    "begins": "str",
    "ends": "str",
    "leads": "int64",
    "quarter_days": "float64",
    "median_days": "float64",
    "three_quarters_days": "float64",
}
_ARRIVALS = {
    "milestone": "str",
    "name": "str",
    "day": "int64",
    "leads": "int64",
    "arrived": "int64",
    "share": "float64",
}


def tables(times: Sequence[Row], project: Project) -> dict[str, pd.DataFrame]:
    """Return `pace` (quartiles of each leg, over all and by source) and `arrivals` (by day)."""
    scopes: dict[tuple[str, str], list[Row]] = {(ALL, ""): list(times)}
    for row in times:
        name = source_name(row["source"], row["stage"])
        scopes.setdefault((ONE_SOURCE, name), []).append(row)
    pace = [
        _leg(scope, source, scopes[scope, source], leg)
        for scope, source in sorted(scopes)
        for leg in LEGS
    ]
    return {
        "pace": frame((row for row in pace if row["leads"] or row["scope"] == ALL), _PACE),
        "arrivals": frame(_arrivals(times, project), _ARRIVALS),
    }


def _days(row: Row, begins: str, ends: str) -> float | None:
    first: datetime | None = row[f"{begins}_at"]
    then: datetime | None = row[f"{ends}_at"]
    if first is None or then is None:
        return None
    # Whoever was handed over before they were a prospect again was not slower for it.
    return max((then - first) / _DAY, 0.0)


def _leg(scope: str, source: str, rows: Sequence[Row], leg: tuple[str, str]) -> dict[str, object]:
    days = [took for row in rows if (took := _days(row, *leg)) is not None]
    low, middle, high = quartiles(days)
    return {
        "scope": scope,
        "source": source,
        "begins": leg[0],
        "ends": leg[1],
        "leads": len(days),
        "quarter_days": low,
        "median_days": middle,
        "three_quarters_days": high,
    }


def _arrivals(times: Sequence[Row], project: Project) -> list[dict[str, object]]:
    names = {
        PROSPECT: stage_name(Stage.PROSPECT, project),
        OPPORTUNITY: stage_name(Stage.OPPORTUNITY, project),
        HANDED: HANDED_OVER,
    }
    found: list[dict[str, object]] = []
    for milestone, name in names.items():
        days = [took for row in times if (took := _days(row, CAPTURED, milestone)) is not None]
        # Rounded up: "by day 3" holds for whoever needed two days and an hour.
        counted = pd.Series([ceil(took) for took in days], dtype="int64").value_counts()
        arrived = 0
        for day, leads in sorted(counted.items()):
            arrived += int(leads)
            found.append(
                {
                    "milestone": milestone,
                    "name": name,
                    "day": day,
                    "leads": int(leads),
                    "arrived": arrived,
                    "share": arrived / len(days),
                }
            )
    return found
