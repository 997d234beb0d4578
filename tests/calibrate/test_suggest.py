from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from pydantic import TypeAdapter

from nurture.calibrate.backtest import Backtest, Plan, backtest
from nurture.calibrate.suggest import Origin, as_diff, as_yaml, origins_of
from nurture.core.condition import TRUE
from nurture.core.project import Band, FitRule
from nurture.project import yaml_file
from nurture.project.schema_qualification import FitRuleModel
from tests.calibrate.population import factories


@pytest.fixture(scope="module")
def found() -> Backtest:
    return backtest(factories(), Plan())


def _rules(text: str) -> Any:
    content: Any = yaml_file.read(text, file="qualification.yaml").content
    return content["fit"]["rules"]


def test_the_suggestion_is_made_of_rules_that_a_project_may_hold(found: Backtest) -> None:
    text = as_yaml(found, origins_of(found.cases.columns.columns), of_project=False)

    rules = TypeAdapter(list[FitRuleModel]).validate_python(_rules(text))

    assert {rule.id for rule in rules} == {"size", "industry", "size-unknown"}
    assert "Nothing changes by itself" in text


def test_rules_give_the_points_that_were_measured(found: Backtest) -> None:
    text = as_yaml(found, origins_of(found.cases.columns.columns), of_project=False)
    rules = {rule["id"]: rule for rule in _rules(text)}
    industry = next(one for one in found.fields if one.cut.field == "industry")

    told = {
        slot.values[0]: p
        for slot, p in zip(industry.cut.slots, industry.points, strict=True)
        if slot.values
    }

    assert rules["industry"]["values"] == told
    bands = rules["size"]["bands"]
    assert [low for low, _, _ in bands[1:]] == [high + 1 for _, high, _ in bands[:-1]]
    assert all(a[2] != b[2] for a, b in pairwise(bands))


def test_names_of_columns_become_names_that_a_project_accepts() -> None:
    found = origins_of(["Lead Source", "lead-source", "2nd visit?", "日本"])

    assert [(one.id, one.key) for one in found.values()] == [
        ("lead-source", "lead.lead_source"),
        ("lead-source-2", "lead.lead_source_2"),
        ("2nd-visit", "lead.x_2nd_visit"),
        ("column", "lead.column"),
    ]


def test_the_difference_names_old_and_new_points_line_by_line(found: Backtest) -> None:
    rules = (
        FitRule(id="size", key="account.size", bands=(Band(low=1, high=None, points=9),)),
        FitRule(id="near", when=TRUE, text="true", points=5),
        FitRule(id="role", when=TRUE, points=7, personas=("boss", "no")),
    )
    origins = {
        "size": Origin(id="size", key="account.size"),
        "industry": Origin(id="industry", key="account.industry"),
    }

    lines = as_diff(found, origins, rules).splitlines()

    assert "-    - {id: size, field: account.size, bands: [[1, null, 9]]}" in lines
    assert any(
        line.startswith("+    - {id: size, field: account.size, bands: [[") for line in lines
    )
    assert '     - {id: near, when: "true", points: 5}' in lines
    assert '     - {id: role, persona: [boss, "no"], points: 7}' in lines
    assert any(line.startswith("+    - {id: industry,") for line in lines)
