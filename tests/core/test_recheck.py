"""Re-qualification: who fails falls back, or somebody is asked, and never silently."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nurture.core.history import HandoffView, History
from nurture.core.lead import Gate, Lead, Stage, Trait
from nurture.core.moves import MoveReason
from nurture.core.overrides import Override, standing_overrides
from nurture.core.project import Project
from nurture.core.stages import EntryGate, Recheck
from tests.core.builders import (
    NOW,
    QUALIFICATION,
    QUALIFIED_ACCOUNT,
    QUALIFIED_PROFILE,
    TRAITS_ACCOUNT,
    TRAITS_PROFILE,
    assessed,
    lead,
    project,
    standing,
)

OPPORTUNITY = QUALIFICATION.stages[Stage.OPPORTUNITY]


def of_sales(**changes: object) -> Project:
    """Return the project whose opportunities belong to sales."""
    told = {"recheck": Recheck.ASK, "owner": "sales", **changes}
    definition = replace(OPPORTUNITY, **told)  # type: ignore[arg-type]
    return project(stages={**QUALIFICATION.stages, Stage.OPPORTUNITY: definition})


def opportunity(account: dict[str, object] | None = None, **profile: object) -> Lead:
    who = lead(
        profile=QUALIFIED_PROFILE | TRAITS_PROFILE | profile,
        account=QUALIFIED_ACCOUNT | TRAITS_ACCOUNT | (account or {}),
    )
    return replace(who, standing=standing(stage=Stage.OPPORTUNITY))


SMALL = opportunity({"employees": 10})
WITHOUT_PAIN = opportunity(pain="mild")


def test_row_21_another_company_size_moves_an_opportunity_back() -> None:
    found = assessed(SMALL)
    assert [move.after for move in found.moves] == [Stage.PROSPECT, Stage.LEAD]
    assert {move.reason for move in found.moves} == {MoveReason.GATE_FAILED}
    assert found.moves[0].evidence["organization"] == "fail"
    assert found.asks == ()


def test_row_21_where_sales_owns_the_stage_it_is_asked_instead() -> None:
    found = assessed(SMALL, rules=of_sales())
    assert (found.moves, found.standing.stage) == ((), Stage.OPPORTUNITY)
    [ask] = found.asks
    assert (ask.stage, ask.failing) == (Stage.OPPORTUNITY, (Gate.ORGANIZATION,))


def test_who_still_waits_to_be_handed_over_falls_back() -> None:
    waiting = History(handoff=HandoffView(state="waiting"))
    assert assessed(SMALL, waiting, of_sales()).standing.stage is Stage.LEAD
    handed = History(handoff=HandoffView(state="delivered"))
    assert assessed(SMALL, handed, of_sales()).standing.stage is Stage.OPPORTUNITY


def test_an_opportunity_that_shows_no_pain_is_a_prospect_again() -> None:
    [move] = assessed(WITHOUT_PAIN).moves
    assert (move.after, move.reason) == (Stage.PROSPECT, MoveReason.TRAITS_LOST)
    [ask] = assessed(WITHOUT_PAIN, rules=of_sales()).asks
    assert ask.failing == (Trait.PAIN,)


def test_who_committed_needs_no_traits() -> None:
    rules = of_sales(entry=EntryGate.COMMITTED, recheck=Recheck.MOVE)
    assert assessed(WITHOUT_PAIN, rules=rules).moves == ()


def test_the_same_facts_ask_once_and_others_once_more() -> None:
    rules = of_sales()
    keys = [assessed(opportunity({"employees": n}), rules=rules).asks[0].key for n in (10, 10, 11)]
    assert keys[0] == keys[1] != keys[2]


def test_where_no_way_back_is_allowed_somebody_is_asked() -> None:
    found = assessed(SMALL, rules=of_sales(recheck=Recheck.MOVE, back=()))
    assert (found.moves, len(found.asks)) == ((), 1)


def test_a_persons_word_is_not_asked_about() -> None:
    word = Override(what="stage", value="opportunity", at=NOW, by="Bo", reason="r")
    history = History(overrides=standing_overrides([word], now=NOW))
    assert assessed(SMALL, history, of_sales()).asks == ()


@pytest.mark.parametrize("stage", [Stage.SUSPECT, Stage.LEAD])
def test_before_prospect_there_is_nothing_to_lose(stage: Stage) -> None:
    who = replace(SMALL, standing=standing(stage=stage))
    found = assessed(who)
    assert (found.moves, found.asks) == ((), ())
