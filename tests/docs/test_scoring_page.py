"""The worked example of docs/reference/scoring.md: every number is what the engine computes."""

from __future__ import annotations

import ast
import json
import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pytest

from nurture.core.condition import Facts
from nurture.core.event import EventKind
from nurture.core.lead import Value
from nurture.core.project import Project, Qualification
from nurture.core.score import Fit, Score, Tally, crossing_day, engagement, fit
from nurture.project.load import load_files, read_folder
from nurture.project.yaml_file import read
from tests.core.builders import lead
from tests.docs.pages import ROOT, block, codes, flowing, prose, table

PAGE = "docs/reference/scoring.md"
FILE = "qualification.yaml"
TODAY = date(2026, 9, 30)
NOW = datetime(2026, 9, 30, 12, tzinfo=UTC)


@cache
def project() -> Project:
    """Return the starter with the page's own rules."""
    files, _ = read_folder(ROOT)
    whole: Any = read(files[FILE], file=FILE).content
    part: Any = read(block(PAGE, "yaml", "qualification"), file=FILE).content
    return load_files({**files, FILE: json.dumps({**whole, **part})}, {})


def rules() -> Qualification:
    return project().qualification


def tallies() -> list[Tally]:
    return [
        Tally(
            kind=EventKind(codes(row["event"])[0]),
            subject=row["subject"],
            day=date.fromisoformat(row["day"]).toordinal(),
            count=int(row["times"]),
            points=int(row["points"] or 0),
        )
        for row in table(PAGE, "day", "event").rows
    ]


def score(day: date = TODAY) -> Score:
    return engagement(rules().engagement, tallies(), day=day.toordinal())


def fit_of(facts: Mapping[str, Value]) -> Fit:
    """Return the fit of a lead about whom these facts of its account are known."""
    account = {key.removeprefix("account."): value for key, value in facts.items()}
    return fit(rules().fit, Facts(lead=lead(profile={}, account=account), today=TODAY), now=NOW)


def example_fit() -> Fit:
    rows = table(PAGE, "fact", "value").rows
    return fit_of({codes(row["fact"])[0]: _value(row["value"]) for row in rows})


def _value(text: str) -> Value:
    return int(text) if text.isdigit() else text


def band(points: float) -> str:
    bands = rules().engagement.bands
    return next((name for name, low in bands.items() if points >= low), "3")


# --- fit ----------------------------------------------------------------------------------------


def test_fit_row_by_row() -> None:
    *rows, total = table(PAGE, "fit rule", "points").rows
    told = {codes(row["fit rule"])[0]: int(row["points"]) * 1000 for row in rows}
    given = {row.rule: row.net for row in example_fit().score.rows}
    assert {rule: points for rule, points in told.items() if points} == given
    assert list(told) == [rule.id for rule in rules().fit.rules]
    assert int(total["points"]) * 1000 == example_fit().score.value


def test_the_grade_of_the_example_and_what_is_known() -> None:
    found = example_fit()
    assert f"this lead has grade {found.grade}" in flowing(PAGE)
    assert f"{found.grade} begins at {rules().fit.grades[found.grade]}." in flowing(PAGE)
    assert f"{found.coverage_percent} percent of the weight is known" in flowing(PAGE)


@pytest.mark.parametrize(
    ("named", "facts"),
    [
        ("nothing", {}),
        ("30 employees", {"employees": 30}),
        ("30 employees, industry other", {"employees": 30, "industry": "other"}),
        ("30 employees, industry food", {"employees": 30, "industry": "food"}),
        (
            "300 employees, industry food, 3 compressors",
            {"employees": 300, "industry": "food", "compressors": 3},
        ),
    ],
)
def test_grades_by_what_is_known(named: str, facts: Mapping[str, Value]) -> None:
    (row,) = [r for r in table(PAGE, "known facts").rows if r["known facts"] == named]
    found = fit_of(facts)
    computed = str(found.score.value // 1000), f"{found.coverage_percent} %", found.grade
    assert (row["fit"], row["known"], row["grade"]) == computed


# --- engagement ---------------------------------------------------------------------------------


def test_engagement_row_by_row() -> None:
    *rows, total = table(PAGE, "row", "on the day").rows
    told = [
        (
            codes(row["row"])[0],
            date.fromisoformat(row["on the day"]).toordinal(),
            *(round(float(row[column] or 0) * 1000) for column in COLUMNS),
        )
        for row in rows
    ]
    computed = [
        (
            f"{row.group}.{row.rule}",
            row.day,
            row.raw,
            row.over_day + row.over_count,
            row.faded,
            row.over_group,
            row.net,
        )
        for row in score().rows
    ]
    assert told == computed
    assert float(total["worth now"]) * 1000 == score().value


COLUMNS = ("worth then", "over the rule's limit", "faded", "over the group's limit", "worth now")


def test_by_hand_comes_to_the_same() -> None:
    for row in table(PAGE, "row", "on the day").rows:
        by_hand = reckon(codes(row["by hand"])[0])
        assert by_hand == pytest.approx(float(row["worth now"])), row["row"]


def test_how_the_score_goes_on() -> None:
    for row in table(PAGE, "on the day", "engagement").rows:
        points = score(date.fromisoformat(row["on the day"])).value / 1000
        assert (float(row["engagement"]), row["band"]) == (points, band(points))


def test_the_day_on_which_the_lead_is_looked_at() -> None:
    bands = [points * 1000 for points in rules().engagement.bands.values()]
    day = crossing_day(rules().engagement, tallies(), bands, day=TODAY.toordinal())
    assert day is not None
    assert f"looked at again on {date.fromordinal(day)} by itself" in flowing(PAGE)


def test_readiness() -> None:
    shown = codes(prose(PAGE).split("## Readiness")[1].split("##")[0])[0]
    weights = rules().readiness
    fitting, engaged = example_fit().score.value, score().value
    exact = (weights.fit_weight * fitting + weights.engagement_weight * engaged) / 100_000
    assert reckon(shown) == pytest.approx(exact)
    assert f"is {exact:g}, so readiness is {int(exact)}." in flowing(PAGE)


# --- arithmetic ---------------------------------------------------------------------------------

_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def reckon(text: str) -> float:
    """Return what the sum comes to."""
    return _reckon(ast.parse(text.replace("^", "**"), mode="eval").body)


def _reckon(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_reckon(operand)
        case ast.BinOp(left=left, op=how, right=right):
            return float(_OPERATORS[type(how)](_reckon(left), _reckon(right)))
        case _:
            raise AssertionError(ast.dump(node))
