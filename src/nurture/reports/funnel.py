"""How far people got, where they were lost, and which source they came from."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from nurture.core.lead import IN_PLAY, Stage
from nurture.core.project import Project
from nurture.reports.counting import frame, share
from nurture.store.reporting import LADDER, Row

WAYS_OUT = (Stage.INACTIVE, Stage.DISQUALIFIED, Stage.LOST, Stage.ERASED)
"""Stages that end it: what was spent on these people is waste."""

NOT_SAID, FORGOTTEN = "(not said)", "(erased)"

HANDED_OVER, ACCEPTED = "Handed to sales", "Accepted by sales"

_STAGES = {
    "stage": "str",
    "name": "str",
    "reached": "int64",
    "of_previous": "float64",
    "of_all": "float64",
    "went_on": "int64",
    "in_play": "int64",
    "customers": "int64",
    "inactive": "int64",
    "disqualified": "int64",
    "lost": "int64",
    "erased": "int64",
    "waste": "float64",
}
_MILESTONES = {
    "milestone": "str",
    "name": "str",
    "leads": "int64",
    "of_previous": "float64",
    "of_all": "float64",
}
_SOURCES = {
    "source": "str",
    "captured": "int64",
    "prospects": "int64",
    "opportunities": "int64",
    "handed_over": "int64",
    "accepted": "int64",
    "customers": "int64",
    "in_play": "int64",
    "wasted": "int64",
    "prospect_rate": "float64",
    "handed_over_rate": "float64",
    "customer_rate": "float64",
    "waste_rate": "float64",
}


def tables(standings: Sequence[Row], project: Project) -> dict[str, pd.DataFrame]:
    """Return the tables `milestones`, `stages` and `sources`."""
    people = frame(
        standings,
        {
            "source": "str",
            "stage": "str",
            "furthest": "int64",
            "handed_over": "int64",
            "taken_on": "int64",
            "leads": "int64",
        },
    )
    # Everybody begins as a lead, so whoever left without a record of any stage has been one.
    begun = LADDER.index(Stage.LEAD)
    people["furthest"] = people["furthest"].mask(people["furthest"] < 0, begun)
    return {
        "milestones": _milestones(people, project),
        "stages": _stages(people, project),
        "sources": _sources(people),
    }


def source_name(source: str, stage: str) -> str:
    """Return how a source is shown; erasure has taken it from those it erased."""
    if stage == Stage.ERASED:
        return FORGOTTEN
    return source or NOT_SAID


def stage_name(stage: Stage, project: Project) -> str:
    """Return what the project calls the stage."""
    found = project.qualification.stages.get(stage)
    return found.name if found else stage.capitalize()


def _count(people: pd.DataFrame) -> int:
    return int(people["leads"].sum())


def _beyond(people: pd.DataFrame, stage: Stage) -> pd.DataFrame:
    return people[people["furthest"] >= LADDER.index(stage)]


def _milestones(people: pd.DataFrame, project: Project) -> pd.DataFrame:
    reached = (
        ("captured", "Captured", people),
        ("prospect", stage_name(Stage.PROSPECT, project), _beyond(people, Stage.PROSPECT)),
        ("handed_over", HANDED_OVER, people[people["handed_over"] == 1]),
        ("accepted", ACCEPTED, people[people["taken_on"] == 1]),
        ("customer", stage_name(Stage.CUSTOMER, project), _beyond(people, Stage.CUSTOMER)),
    )
    rows, all_, before = [], _count(people), _count(people)
    for key, name, those in reached:
        count = _count(those)
        rows.append(
            {
                "milestone": key,
                "name": name,
                "leads": count,
                "of_previous": share(count, before),
                "of_all": share(count, all_),
            }
        )
        before = count
    return frame(rows, _MILESTONES)


def _stages(people: pd.DataFrame, project: Project) -> pd.DataFrame:
    all_ = before = _count(people)
    rows = []
    for rank, stage in enumerate(LADDER):
        here = people[people["furthest"] == rank]
        if stage is Stage.SUSPECT and here.empty:
            continue
        reached = _count(_beyond(people, stage))
        ended = {str(out): _count(here[here["stage"] == out]) for out in WAYS_OUT}
        rows.append(
            {
                "stage": str(stage),
                "name": stage_name(stage, project),
                "reached": reached,
                "of_previous": share(reached, before),
                "of_all": share(reached, all_),
                "went_on": reached - _count(here),
                "in_play": _count(here[here["stage"].isin(sorted(IN_PLAY))]),
                "customers": _count(here[here["stage"] == Stage.CUSTOMER]),
                **ended,
                "waste": share(sum(ended.values()), reached),
            }
        )
        before = reached
    return frame(rows, _STAGES)


def _sources(people: pd.DataFrame) -> pd.DataFrame:
    named = people.assign(
        name=[
            source_name(source, stage)
            for source, stage in zip(people["source"], people["stage"], strict=True)
        ]
    )
    rows = []
    for name, those in named.groupby("name", sort=True):
        captured = _count(those)
        counts = {
            "prospects": _count(_beyond(those, Stage.PROSPECT)),
            "opportunities": _count(_beyond(those, Stage.OPPORTUNITY)),
            "handed_over": _count(those[those["handed_over"] == 1]),
            "accepted": _count(those[those["taken_on"] == 1]),
            "customers": _count(_beyond(those, Stage.CUSTOMER)),
            "in_play": _count(those[those["stage"].isin(sorted(IN_PLAY))]),
            "wasted": _count(those[those["stage"].isin([str(out) for out in WAYS_OUT])]),
        }
        rates = {
            "prospect_rate": share(counts["prospects"], captured),
            "handed_over_rate": share(counts["handed_over"], captured),
            "customer_rate": share(counts["customers"], captured),
            "waste_rate": share(counts["wasted"], captured),
        }
        rows.append({"source": str(name), "captured": captured, **counts, **rates})
    made = frame(rows, _SOURCES)
    return made.sort_values(
        ["captured", "source"], ascending=[False, True], kind="stable", ignore_index=True
    )
