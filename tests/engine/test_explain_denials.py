"""Explanations of rules that say what must not be, and of what a person or nobody has said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.core.condition import holds, judge
from nurture.core.lead import Gate, Verdict
from nurture.core.project import GateRule
from nurture.engine.by_hand import Who
from nurture.engine.explain import Node, explain_rule, leaves_of
from nurture.engine.explain_change import smallest_changes
from nurture.engine.explain_score import explain_lead
from nurture.engine.explain_text import summary
from nurture.engine.explained import ScoreExplained
from nurture.engine.overriding import Term, move, set_temperature
from nurture.engine.person import Person, look_at
from nurture.project.expressions import parse
from nurture.project.names import names_of
from tests.engine.programme import Programme, row

BO = "bo@plant.example"
ANN = Who(name="Ann", reason="met her")


def looked_at(programme: Programme) -> Person:
    with programme.database.read() as connection:
        return look_at(programme.runtime, connection, programme.lead(BO), now=programme.now)


def explained(programme: Programme) -> tuple[ScoreExplained, str]:
    """Return Bo's explanation, and its sentences."""
    with programme.database.read() as connection:
        told = explain_lead(programme.runtime, connection, programme.lead(BO), now=programme.now)
    person = looked_at(programme)
    return told, " ".join(summary(told, person.words, person.zones))


def tree_of(programme: Programme, text: str, *, gate: bool = False) -> Node:
    person = looked_at(programme)
    condition = parse(text, names_of(person.project))
    return explain_rule(person, text, condition, now=programme.now, gate=gate)


@pytest.fixture
def bo(lite: Programme) -> Programme:
    lite.bring(row(BO, employees="120"))
    lite.tells(lite.lead(BO), account__industry="food")
    lite.tick()
    return lite


class TestDenials:
    @pytest.mark.parametrize(
        ("rule", "wanted"),
        [
            ("not (account.employees >= 50 and account.industry == 'food')",
             ["Employees is below 50", "Industry is not Food and drink"]),
            ("not (account.employees >= 50 or account.industry == 'metal')",
             ["Employees is below 50"]),
        ],
    )  # fmt: skip
    def test_a_leaf_that_fails_says_what_the_rule_wants(
        self, bo: Programme, rule: str, wanted: list[str]
    ) -> None:
        leaves = leaves_of(tree_of(bo, rule))
        assert [leaf.text for leaf in leaves if leaf.answer is Verdict.FAIL] == wanted

    @pytest.mark.parametrize("gate", [False, True])
    @pytest.mark.parametrize(
        "rule",
        [
            "not (account.employees >= 50 and lead.pain == 'severe')",
            "not (account.employees < 50 or lead.pain == 'severe')",
            "not (not in_segment('gone-quiet') and account.employees >= 50)",
            "not (lead.pain == 'severe' and not (account.employees < 50))",
        ],
    )
    def test_turning_a_rule_over_changes_no_answer(
        self, bo: Programme, rule: str, *, gate: bool
    ) -> None:
        person = looked_at(bo)
        condition = parse(rule, names_of(person.project))
        answer = (
            judge(condition, person.facts, now=bo.now)
            if gate
            else Verdict.PASS
            if holds(condition, person.facts, now=bo.now)
            else Verdict.FAIL
        )
        assert tree_of(bo, rule, gate=gate).answer is answer

    def test_a_segment_that_must_not_hold_is_explained_inside_out(self, bo: Programme) -> None:
        tree = tree_of(bo, "not in_segment('gone-quiet')")
        assert tree.answer is Verdict.PASS
        assert all(part.answer is Verdict.PASS for part in tree.parts)

    def test_what_nobody_told_is_not_known_and_not_the_opposite(self, bo: Programme) -> None:
        (leaf,) = leaves_of(tree_of(bo, "lead.pain == 'severe'"))
        assert leaf.otherwise.endswith("is not known")


class TestChanges:
    @pytest.mark.parametrize(
        ("rule", "change"),
        [
            ("lead.authority != 'observer'", "is not"),
            ("lead.authority not in ['observer', 'influencer']", "is not"),
            ("soon(lead.revisit_on, '7d')", "within the next 7 days"),
        ],
    )
    def test_one_answer_is_enough(self, bo: Programme, rule: str, change: str) -> None:
        person = looked_at(bo)
        when = parse(rule, names_of(person.project))
        gate = GateRule(gate=Gate.STAKEHOLDER, when=when, text=rule, ask=())
        rules = replace(person.project.qualification, gates=(gate,))
        asked = replace(person, project=replace(person.project, qualification=rules))
        said = next(iter(smallest_changes(asked, now=bo.now)))
        assert said.startswith("the gate stakeholder passes if ")
        assert change in said


class TestByHand:
    def test_a_temperature_set_by_hand_is_not_explained_by_the_rules(self, bo: Programme) -> None:
        lead = bo.lead(BO)
        move(bo.runtime, lead, ANN, "prospect", now=bo.now)
        set_temperature(bo.runtime, lead, ANN, "warm", now=bo.now)
        bo.tick()
        told, said = explained(bo)
        assert told.temperature.because == (
            "set by hand (Ann: met her); by the rules it would be new"
        )
        assert told.temperature.missed == ()
        assert "Ann set the temperature to warm on Tue 1 Sep 2026: met her." in said

    def test_whom_a_person_keeps_back_is_not_promised_to_move_on(self, bo: Programme) -> None:
        bo.qualify(bo.lead(BO))
        until = Term(until=bo.now + timedelta(days=20))
        move(bo.runtime, bo.lead(BO), ANN, "lead", now=bo.now, term=until)
        bo.tick()
        told, _ = explained(bo)
        assert "Ann keeps them at the stage Lead by hand until Mon 21 Sep 2026" in told.missing


def test_who_is_excluded_is_told_by_what(lite: Programme) -> None:
    lite.bring(row(BO))
    lite.tells(lite.lead(BO), account__industry="competitor")
    lite.tick()
    told, _ = explained(lite)
    assert told.missing[0] == "nothing leads on from the stage Not a buyer"
    assert told.missing[1].startswith("they are excluded as competitor: Industry is ")


def test_readiness_of_hearsay_is_unknown_everywhere(lite: Programme) -> None:
    lite.bring(row(BO))
    told, said = explained(lite)
    assert (told.readiness_band == "unknown") is ("Readiness to buy is unknown" in said)
