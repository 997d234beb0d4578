"""An edited ideal customer: whose tier changes, and which rule made the difference (row 3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nurture.core.account import icp
from nurture.core.condition import Ref, ValueType
from nurture.core.lead import Value
from nurture.core.project import Band, Exclusion, FitModel, FitRule
from nurture.core.rematch import comparison
from tests.core.builders import COMPRESSOR_KW, NOW, TODAY, at_least, equals

INDUSTRY = Ref("account", "industry", ValueType.CHOICE)
SIZE = FitRule(
    id="size",
    key="account.employees",
    bands=(Band(low=1, high=49, points=0), Band(low=50, high=None, points=40)),
)
KIND = FitRule(id="kind", key="account.industry", values={"food": 30, "machines": 10})
AIR = FitRule(id="air", when=at_least(COMPRESSOR_KW, 75), points=30)
RIVALS = Exclusion(id="rivals", when=equals(INDUSTRY, "rival"), text="", reason="competitor")
ICP = FitModel(rules=(SIZE, KIND, AIR), exclusions=(RIVALS,), grades={"A": 70, "B": 45, "C": 20})

FOOD: dict[str, Value] = {"employees": 320, "industry": "food", "compressor_kw": 160}
MACHINES: dict[str, Value] = {**FOOD, "industry": "machines"}
SMALL: dict[str, Value] = {**FOOD, "employees": 20}
RIVAL: dict[str, Value] = {**FOOD, "industry": "rival"}
NO_AIR: dict[str, Value] = {**FOOD, "compressor_kw": 5}
LITTLE: dict[str, Value] = {"employees": 20}


def with_rule(rule: FitRule) -> FitModel:
    """Return the rules with this one instead of that of the same name."""
    return replace(ICP, rules=tuple(rule if one.id == rule.id else one for one in ICP.rules))


HIGHER = replace(ICP, grades={"A": 85, "B": 45, "C": 20})
FOOD_ONLY = with_rule(replace(KIND, values={"food": 30}))
ALL_SIZES = with_rule(replace(SIZE, bands=(Band(low=1, high=None, points=40),)))
NO_RIVALS = replace(ICP, exclusions=())
WITHOUT_AIR = replace(ICP, rules=(SIZE, KIND))
WITH_COUNTRY = replace(
    ICP, rules=(*ICP.rules, FitRule(id="near", key="account.country", values={"DE": 60}))
)
STRICTER = replace(
    with_rule(replace(SIZE, bands=(Band(low=1, high=None, points=0),))), exclusions=()
)
EITHER = replace(HIGHER, rules=(SIZE, replace(KIND, values={"food": 30}), AIR))


@pytest.mark.parametrize(
    ("profile", "tier"),
    [(FOOD, "1"), (MACHINES, "1"), (SMALL, "2"), (NO_AIR, "1"), (RIVAL, "out"), (LITTLE, "?")],
)
def test_row_03_golden_accounts_have_their_tier_before_the_edit(
    profile: dict[str, Value], tier: str
) -> None:
    assert icp(ICP, profile, today=TODAY, now=NOW).tier == tier


@pytest.mark.parametrize(
    ("profile", "new", "after", "because"),
    [
        pytest.param(MACHINES, HIGHER, "2", ["limit A"], id="a limit went up"),
        pytest.param(SMALL, ALL_SIZES, "1", ["rule size"], id="size counts no more"),
        pytest.param(RIVAL, NO_RIVALS, "1", ["exclusion rivals"], id="rivals are let in"),
        pytest.param(SMALL, WITHOUT_AIR, "3", ["rule air"], id="a rule is gone"),
        pytest.param(FOOD, WITH_COUNTRY, "2", ["rule near"], id="a rule is new"),
        pytest.param(RIVAL, STRICTER, "2", ["rule size", "exclusion rivals"], id="two together"),
        pytest.param(MACHINES, EITHER, "2", ["limit A"], id="only what made the difference"),
    ],
)
def test_row_03_edited_rules_say_whose_tier_changes_and_why(
    profile: dict[str, Value], new: FitModel, after: str, because: list[str]
) -> None:
    found = comparison(ICP, new).tier_change(profile, today=TODAY, now=NOW)
    assert found is not None
    assert found.after == icp(new, profile, today=TODAY, now=NOW)
    assert found.after.tier == after
    assert [f"{one.piece.part} {one.piece.id}" for one in found.because] == because


@pytest.mark.parametrize("new", [ICP, HIGHER, FOOD_ONLY, ALL_SIZES, NO_RIVALS, EITHER])
def test_row_03_the_best_stay_the_best(new: FitModel) -> None:
    assert comparison(ICP, new).tier_change(FOOD, today=TODAY, now=NOW) is None


def test_row_03_the_same_rules_differ_in_nothing() -> None:
    assert comparison(ICP, replace(ICP)).pieces == ()
