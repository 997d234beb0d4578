"""Fields as columns: choices one by one, dates by how near they are, texts by being there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from nurture.calibrate.backtest import Plan, Split
from nurture.calibrate.field_columns import Column, columns_of
from nurture.calibrate.ledger import Decided, Ledger, Target, backtest_ledger
from nurture.calibrate.suggest import as_yaml
from nurture.core.condition import Facts, ValueType, holds
from nurture.core.lead import Value
from nurture.core.project import Field
from nurture.project.expressions import parse
from nurture.project.names import Names
from tests.calibrate.handed_over import DECIDED, PROJECT
from tests.core.builders import LEAD

TODAY = date(2026, 9, 1)
TOOLS = Field(
    owner="lead",
    name="tools",
    type=ValueType.CHOICES,
    label="Tools",
    choices={"excel": "Excel", "none": "None"},
)
NOTES = Field(owner="account", name="notes", type=ValueType.TEXT, label="Notes")
ENDS = Field(owner="account", name="contract_ends", type=ValueType.DATE, label="Contract ends")


def facts(**values: Value) -> Facts:
    """Return what is known of a lead and its account."""
    return Facts(lead=replace(LEAD, profile=values, account=values), today=TODAY)


def of(field: Field, *values: Value) -> dict[str, Column]:
    """Return the field's columns, of leads of whom it says these values; () is none."""
    told = [facts() if value == () else facts(**{field.name: value}) for value in values]
    return {column.name: column for column in columns_of(field, told)}


def in_days(days: int) -> str:
    """Return the date so many days ahead."""
    return (TODAY + timedelta(days=days)).isoformat()


def test_several_choices_are_a_yes_or_no_for_each() -> None:
    found = of(TOOLS, ("excel",), ("excel", "none"), ("none",), ())
    assert found["lead.tools has excel"].texts == ["yes", "yes", "no", ""]
    assert found["lead.tools has none"].texts == ["no", "yes", "yes", ""]


def test_of_a_text_is_asked_only_whether_it_is_there() -> None:
    (column,) = of(NOTES, "Ring twice", "", ()).values()
    assert column.texts == ["yes", "no", "no"]
    assert "Ring" not in repr(column)


@pytest.mark.parametrize(
    ("days", "bin_", "age"),
    [
        pytest.param(-400, "past", "400", id="long past"),
        pytest.param(0, "past", "0", id="today has come"),
        pytest.param(1, "within 30 days", "-1", id="tomorrow"),
        pytest.param(30, "within 30 days", "-30", id="the last day of thirty"),
        pytest.param(31, "within 90 days", "-31", id="the day after"),
        pytest.param(90, "within 90 days", "-90", id="the last day of ninety"),
        pytest.param(91, "later", "-91", id="later than that"),
    ],
)
def test_a_date_is_past_near_or_later_and_is_so_many_days_old(
    days: int, bin_: str, age: str
) -> None:
    near, old = of(ENDS, in_days(days), (), "soon").values()
    assert near.texts == [bin_, "", ""]
    assert old.texts == [age, "", ""]
    assert old.origin is None


@pytest.mark.parametrize("days", [-400, 0, 1, 30, 31, 90, 91])
def test_each_bin_of_a_date_has_a_condition_that_is_met_there_and_nowhere_else(days: int) -> None:
    known = facts(contract_ends=in_days(days))
    near = next(iter(of(ENDS, in_days(days)).values()))
    assert near.origin is not None
    names = Names(fields={ENDS.key: ENDS})
    met = {
        label
        for label, text in near.origin.cases.items()
        if holds(parse(text, names), known, now=DECIDED)
    }
    assert met == {near.texts[0]} - {"later"}


def _ledger() -> Ledger:
    """Return three hundred handoffs: who has Excel and whose contract ends soon often wins."""
    decided = []
    for number in range(300):
        lucky = number % 5 != 0
        told: dict[str, Value] = {
            "tools": ("excel",) if (number % 2 == 0) is lucky else ("none",),
            "contract_ends": in_days(20 if (number % 2 == 0) is lucky else 300 + number),
        }
        decided.append(
            Decided(
                facts=facts(**told),
                at=DECIDED,
                day=TODAY.toordinal(),
                tallies=(),
                readiness=50,
                won=number % 2 == 0,
            )
        )
    return Ledger(target=Target.ACCEPTED, decided=tuple(decided), open=0, answers=())


def test_the_suggestion_asks_for_a_choice_and_for_a_near_date() -> None:
    fields = {field.key: field for field in (TOOLS, NOTES, ENDS)}
    project = replace(PROJECT, fields=fields)
    found, origins = backtest_ledger(_ledger(), project, Plan(split=Split.RANDOM))
    text = as_yaml(found, origins, of_project=True)
    assert "- {id: lead-tools-excel, when: \"'excel' in lead.tools\", points: " in text
    assert (
        "- {id: account-contract-ends-2, when: \"soon(account.contract_ends, '30d') and "
        'not past(account.contract_ends)", points: '
    ) in text
    assert found.auc.value == pytest.approx(0.8, abs=0.1)


def test_the_age_of_a_date_is_told_and_gives_no_points() -> None:
    project = replace(PROJECT, fields={field.key: field for field in (TOOLS, NOTES, ENDS)})
    found, _ = backtest_ledger(_ledger(), project, Plan(split=Split.RANDOM))
    told = {one.where: one.reason for one in found.left_out}
    age = told["account.contract_ends in days before the decision"]
    assert age.startswith("no rule can ask for it; alone it sorts with an AUC of 0.")
    assert "account.notes is known" in told, "nobody has notes, so that says nothing"
