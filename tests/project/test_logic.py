"""What can be seen from a condition alone, and from a sequence's arrows."""

from __future__ import annotations

import pytest

from nurture.core.sequence import Sequence
from nurture.project.graph import before_opportunity, reachable
from nurture.project.load import load_files
from nurture.project.logic import always, implies, late, never
from tests.project.support import BASE, condition, with_file


@pytest.mark.parametrize(
    "text",
    [
        "false",
        "not true",
        "true and false",
        "false or false",
        "stage == 'lead' and stage == 'prospect'",
        "stage in ['lead', 'prospect'] and grade == 'A' and stage == 'customer'",
        "lead.interested and not lead.interested",
        "lead.role == 'manager' and (false or stage == 'lead' and stage == 'lost')",
    ],
)
def test_nobody_fits(text: str) -> None:
    assert never(condition(text))
    assert not always(condition(text))


@pytest.mark.parametrize("text", ["true", "not false", "true and true", "lead.interested or true"])
def test_everybody_fits(text: str) -> None:
    assert always(condition(text))
    assert not never(condition(text))


@pytest.mark.parametrize(
    "text",
    [
        "lead.interested",
        "stage == 'lead' or stage == 'prospect'",
        "'leaks' in lead.topics_of_interest and 'energy' in lead.topics_of_interest",
        "stage != 'lead' and stage == 'prospect'",
        "not (stage == 'lead')",
        "account.employees > 5 and account.employees > 6",
    ],
)
def test_somebody_may_fit(text: str) -> None:
    assert not never(condition(text))
    assert not always(condition(text))


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("lead.interested", "lead.interested"),
        ("lead.interested", "true"),
        ("stage == 'lead'", "stage in ['lead', 'prospect']"),
        ("lead.interested and stage == 'lead'", "stage == 'lead'"),
        ("lead.interested and stage == 'lead'", "stage == 'lead' and lead.interested"),
        ("lead.interested", "lead.interested or stage == 'lead'"),
        ("lead.interested and stage == 'lead'", "stage == 'lost' or stage in ['lead']"),
        ("stage == 'lead' or stage == 'lost'", "stage in ['lead', 'lost']"),
        ("clicked('guide') and (replied() or sent())", "replied() or sent()"),
    ],
)
def test_one_follows_from_the_other(given: str, asked: str) -> None:
    assert implies(condition(given), condition(asked))


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("true", "lead.interested"),
        ("stage in ['lead', 'lost']", "stage == 'lead'"),
        ("stage == 'lead'", "lead.role == 'manager'"),
        ("lead.interested or stage == 'lead'", "stage == 'lead'"),
        ("stage == 'lead'", "stage == 'lead' and lead.interested"),
        ("clicked()", "clicked('guide')"),
        ("lead.interested", "not lead.interested"),
    ],
)
def test_one_need_not_follow_from_the_other(given: str, asked: str) -> None:
    assert not implies(condition(given), condition(asked))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("stage == 'opportunity'", True),
        ("stage in ['opportunity', 'customer'] and lead.interested", True),
        ("stage == 'customer' or stage == 'lost'", True),
        ("stage in ['opportunity', 'prospect']", False),
        ("stage == 'opportunity' or lead.interested", False),
        ("stage != 'lead'", False),
        ("lead.role == 'manager'", False),
        ("not (stage == 'opportunity')", False),
        ("true", False),
    ],
)
def test_a_condition_is_late_if_only_opportunities_fit(text: str, *, answer: bool) -> None:
    assert late(condition(text)) is answer


def sequence(enter: str, steps: str) -> Sequence:
    text = f'title: A\nenter: {{when: "{enter}"}}\nsend: {{topic: guides}}\nsteps:\n{steps}'
    return load_files({**BASE, **with_file("sequences/a.yaml", text)}, {}).sequences["a"]


GUARDED = """\
  - branch:
      - {when: "stage == 'opportunity'", steps: [{id: late, wait: 1d}]}
      - {when: "false", steps: [{id: dead, wait: 1d}]}
      - {when: lead.interested}
  - {id: early, goto: end, at_most: 1}
  - {id: between, exit: done}
  - {id: end, wait: 1d}
"""


def test_an_arm_for_opportunities_is_not_for_others() -> None:
    assert before_opportunity(sequence("true", GUARDED)) == {"branch", "early", "between", "end"}


def test_a_sequence_for_opportunities_is_for_nobody_else() -> None:
    assert before_opportunity(sequence("stage == 'opportunity'", GUARDED)) == set()


def test_an_arm_that_holds_for_nobody_leads_nowhere() -> None:
    assert "dead" not in reachable(sequence("true", GUARDED))


def test_a_step_that_is_not_there_is_not_reached() -> None:
    lost = sequence("true", "  - {id: a, goto: gone, at_most: 1}\n  - {id: b, wait: 1d}\n")
    assert reachable(lost) == {"a", "b"}


@pytest.mark.parametrize(
    "text",
    [
        "account.employees >= 50 and account.employees < 50",
        "account.employees > 50 and account.employees < 51",
        "account.employees >= 9 and not (account.employees > 5)",
        "account.employees in [1, 2] and account.employees != 1 and account.employees > 2",
        "lead.role == 'manager' and lead.role != 'manager'",
        "account.employees == 900000",
        "account.employees >= 900000",
        "account.employees < 1",
    ],
)
def test_numbers_and_limits_can_exclude_one_another(text: str) -> None:
    assert never(condition(text), {"account.employees": (1, 500_000)})


@pytest.mark.parametrize(
    "text",
    [
        "account.employees >= 50 and account.employees <= 50",
        "not (account.employees >= 50) and not (account.employees < 50)",
        "account.employees != 3",
        "account.employees >= 500000",
        "account.employees > 5 or account.employees < 5",
    ],
)
def test_numbers_that_somebody_has(text: str) -> None:
    assert not never(condition(text), {"account.employees": (1, 500_000)})


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("account.employees >= 100", "account.employees >= 50"),
        ("account.employees > 99", "account.employees >= 99"),
        ("account.employees in [60, 70]", "account.employees > 50"),
        ("account.employees == 60", "known(account.employees)"),
        ("stage in ['lead', 'lost']", "stage == 'lead' or stage in ['lost', 'customer']"),
        ("submitted('demo', within='14d')", "submitted('demo', within='90d')"),
        ("submitted('demo', within='14d')", "submitted()"),
        ("sent('guide')", "sent()"),
        ("soon(lead.revisit_on, '7d')", "soon(lead.revisit_on, '14d')"),
        ("silent('90d')", "silent('30d')"),
        ("not (account.employees >= 50)", "not (account.employees >= 100)"),
    ],
)
def test_the_wider_follows_from_the_narrower(given: str, asked: str) -> None:
    assert implies(condition(given), condition(asked))
    assert not implies(condition(asked), condition(given))
