"""What sequences do: every step in order with its mails, who is inside, and how people leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from nurture.core.project import Project
from nurture.core.sequence import EmailStep, FormStep, Step
from nurture.reports.counting import frame, share
from nurture.reports.reasons import plain
from nurture.store.reporting import Row

Place = tuple[str, str]
"""A sequence and a step of it."""

Mailing = tuple[str, str]
"""The template and the form ('': none) that a step mails."""

_COUNTS = (
    "planned",
    "sent",
    "on_the_way",
    "in_doubt",
    "stopped",
    "failed",
    "delivered",
    "refused",
    "people",
)
_STEPS = {
    "sequence": "str",
    "step": "str",
    "kind": "str",
    "in_force": "bool",
    "template": "str",
    "form": "str",
    **dict.fromkeys(_COUNTS, "int64"),
    "clicked": "int64",
    "answered": "int64",
    "click_rate": "float64",
    "answer_rate": "float64",
    "inside": "int64",
    "left": "int64",
}
_SEQUENCES = {
    "sequence": "str",
    "title": "str",
    "in_force": "bool",
    "entered": "int64",
    "inside": "int64",
    "left": "int64",
    "planned": "int64",
    "sent": "int64",
}
_EXITS = {"sequence": "str", "step": "str", "reason": "str", "leads": "int64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Passages:
    """What the store counted, as `store.reporting_mails` returns it."""

    mails: Sequence[Row]
    clickers: Sequence[Row]
    answerers: Sequence[Row]
    open: Sequence[Row]
    past: Sequence[Row]


def tables(passages: Passages, project: Project) -> dict[str, pd.DataFrame]:
    """Return `sequences`, `steps` and `exits`, in the order of the project's files."""
    steps = _steps(passages, project)
    return {
        "sequences": _sequences(passages, steps, project),
        "steps": steps,
        "exits": _exits(passages.past, project),
    }


def _names(found: Iterable[Row], project: Project) -> list[str]:
    """Return the project's sequences, then those that only the ledger still knows."""
    former = {row["sequence"] for row in found} - set(project.sequences)
    return [*project.sequences, *sorted(former)]


def _steps(passages: Passages, project: Project) -> pd.DataFrame:
    counted = {(*_place(row), *_mailing(row)): row for row in passages.mails}
    clicked = {(*_place(row), *_mailing(row)): row["people"] for row in passages.clickers}
    answered = {(*_place(row), *_mailing(row)): row["people"] for row in passages.answerers}
    inside, left = _tally(passages.open), _tally(passages.past)
    rows = []
    for place, kind, mailings in _layout(passages, project):
        for number, (mailing, in_force) in enumerate(mailings):
            key = (*place, *mailing)
            counts = {name: counted.get(key, {}).get(name, 0) for name in _COUNTS}
            clicks, answers = clicked.get(key, 0), answered.get(key, 0)
            rows.append(
                {
                    "sequence": place[0],
                    "step": place[1],
                    "kind": kind,
                    "in_force": in_force,
                    "template": mailing[0],
                    "form": mailing[1],
                    **counts,
                    "clicked": clicks,
                    "answered": answers,
                    "click_rate": share(clicks, counts["people"]),
                    "answer_rate": share(answers, counts["people"]) if mailing[1] else None,
                    # People stand at a step, whichever mail it sends today: count them once.
                    "inside": inside[place] if number == 0 else 0,
                    "left": left[place] if number == 0 else 0,
                }
            )
    return frame(rows, _STEPS)


def _layout(
    passages: Passages, project: Project
) -> Iterable[tuple[Place, str, list[tuple[Mailing, bool]]]]:
    """Yield every step in order with its kind and what it mails or once mailed."""
    mailed: dict[Place, set[Mailing]] = {}
    for row in passages.mails:
        mailed.setdefault(_place(row), set()).add(_mailing(row))
    seen = {_place(row) for row in (*passages.mails, *passages.open, *passages.past)}
    for name in _names((*passages.mails, *passages.open, *passages.past), project):
        steps: Mapping[str, Step] = {}
        if name in project.sequences:
            steps = project.sequences[name].by_id
        former = sorted(step for sequence, step in seen if sequence == name and step not in steps)
        for step_id in (*steps, *former):
            place = (name, step_id)
            step = steps.get(step_id)
            today = _mails(step)
            rest = sorted(mailed.get(place, set()) - set(today))
            mailings = [(mailing, False) for mailing in rest]
            if step is not None or not rest:
                mailings = [*((mailing, step is not None) for mailing in today), *mailings]
            yield place, _kind(step), mailings


def _place(row: Row) -> Place:
    return row["sequence"], row["step"]


def _mailing(row: Row) -> Mailing:
    return row["template"], row["form"]


def _mails(step: Step | None) -> list[Mailing]:
    if isinstance(step, FormStep):
        return [(step.template, step.form)]
    if isinstance(step, EmailStep):
        return [(template, "") for template in step.templates]
    return [("", "")]


def _kind(step: Step | None) -> str:
    return "" if step is None else type(step).__name__.removesuffix("Step").lower()


def _tally(rows: Iterable[Row]) -> Counter[Place]:
    found: Counter[Place] = Counter()
    for row in rows:
        found[_place(row)] += row["n"]
    return found


def _sequences(passages: Passages, steps: pd.DataFrame, project: Project) -> pd.DataFrame:
    columns = ("inside", "left", "planned", "sent")
    rows = []
    for name in _names((*passages.mails, *passages.open, *passages.past), project):
        in_force = name in project.sequences
        own = steps[steps["sequence"] == name]
        counts = {column: int(own[column].sum()) for column in columns}
        rows.append(
            {
                "sequence": name,
                "title": project.sequences[name].title if in_force else name,
                "in_force": in_force,
                "entered": counts["inside"] + counts["left"],
                **counts,
            }
        )
    return frame(rows, _SEQUENCES)


def _exits(past: Sequence[Row], project: Project) -> pd.DataFrame:
    found: Counter[tuple[str, str, str]] = Counter()
    for row in past:
        found[(*_place(row), plain(row["reason"]))] += row["n"]
    order = {name: place for place, name in enumerate(_names(past, project))}
    ranked = sorted(found.items(), key=lambda item: (order[item[0][0]], -item[1], item[0]))
    return frame(
        (
            {"sequence": sequence, "step": step, "reason": reason, "leads": leads}
            for (sequence, step, reason), leads in ranked
        ),
        _EXITS,
    )
