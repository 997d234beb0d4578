"""The last thirty days beside the thirty before: what changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pandas as pd

from nurture.reports.counting import frame

SPAN = timedelta(days=30)

FIGURES = {
    "captured": "New leads",
    "prospects": "Became prospects",
    "mails_sent": "Mails sent",
    "clicked": "People who clicked",
    "answered": "People who answered a form",
    "handed_over": "Handed to sales",
    "accepted": "Accepted by sales",
    "customers": "New customers",
    "opted_out": "Opted out or complained",
    "archived": "Archived",
}

_LATELY = {"figure": "str", "name": "str", "last_30_days": "int64", "previous_30_days": "int64"}


def tables(last: Mapping[str, int], previous: Mapping[str, int]) -> dict[str, pd.DataFrame]:
    """Return the table `lately`."""
    rows = [
        {
            "figure": figure,
            "name": name,
            "last_30_days": last[figure],
            "previous_30_days": previous[figure],
        }
        for figure, name in FIGURES.items()
    ]
    return {"lately": frame(rows, _LATELY)}
