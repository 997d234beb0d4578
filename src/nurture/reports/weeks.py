"""Mails per ISO week of the workspace's zone, by sequence and template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from zoneinfo import ZoneInfo

import pandas as pd

from nurture.core.project import Project
from nurture.reports.counting import frame
from nurture.store.reporting import Row

_WEEKS = {"week": "str", "monday": "str", "sequence": "str", "template": "str", "mails": "int64"}


def tables(sends: Sequence[Row], project: Project) -> dict[str, pd.DataFrame]:
    """Return the table `weeks`: a row for each mail that was sent in a week."""
    zone = ZoneInfo(project.workspace.time_zone)
    counted: Counter[tuple[int, int, str, str]] = Counter()
    for row in sends:
        week = row["at"].astimezone(zone).isocalendar()
        counted[week.year, week.week, row["sequence"], row["template"]] += row["n"]
    rows = [
        {
            "week": f"{year}-W{week:02}",
            "monday": date.fromisocalendar(year, week, 1).isoformat(),
            "sequence": sequence,
            "template": template,
            "mails": mails,
        }
        for (year, week, sequence, template), mails in sorted(counted.items())
    ]
    return {"weeks": frame(rows, _WEEKS)}
