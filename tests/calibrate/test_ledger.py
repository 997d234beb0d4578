"""Handoffs in a real database of each kind: only what was known at their moment may count."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from nurture.calibrate.backtest import Plan, Split
from nurture.calibrate.ledger import Ledger, Target, backtest_ledger, behaviour, read_ledger
from nurture.calibrate.suggest import as_diff
from nurture.core.event import EventKind
from nurture.store import erasure, leads, profiles
from nurture.store.db import Database
from nurture.store.profiles import NewFact
from nurture.store.tables import handoffs as handoff_rows
from tests.calibrate.handed_over import (
    DECIDED,
    LARGE,
    NUMBER,
    PROJECT,
    RULES,
    START,
    by_number,
    decided_at,
    is_won,
    know,
    tell,
)


@pytest.fixture
def told(database: Database) -> Database:
    """Tell the story of three hundred handoffs."""
    with database.write() as connection:
        tell(connection)
    return database


def _ledger(database: Database, target: Target = Target.ACCEPTED) -> Ledger:
    with database.read() as connection:
        return read_ledger(connection, PROJECT, target)


def test_cases_are_the_answered_handoffs_in_the_order_of_time(told: Database) -> None:
    found = _ledger(told)

    assert [one.won for one in found.decided] == [is_won(number) for number in range(NUMBER)]
    assert [one.at for one in found.decided] == [decided_at(number) for number in range(NUMBER)]


def test_what_was_recorded_after_the_decision_is_not_used(told: Database) -> None:
    before = _ledger(told)
    with told.write() as connection:
        ids = [lead for _, lead in sorted(by_number(connection).items())]
        know(connection, ids, "employees", before=False)

    after = _ledger(told)

    assert after == before
    assert {one.facts.lead.account["employees"] for one in after.decided} == {20, LARGE}
    # Losers clicked after their handoff, and nobody's later answer counts as behaviour.
    assert all(bool(one.tallies) == one.won for one in after.decided)
    assert {tally.kind for one in after.decided for tally in one.tallies} == {
        EventKind.MESSAGE_CLICKED
    }


def test_a_fact_that_had_expired_was_not_known(told: Database) -> None:
    with told.write() as connection:
        lead = leads.read(connection, [by_number(connection)[0]]).popitem()[1]
        fact = NewFact(
            lead_id=lead.id,
            account_id=lead.account_id,
            name="employees",
            value=70,
            source="test",
            occurred_at=START + timedelta(days=1),
            recorded_at=START + timedelta(days=1),
            valid_until=DECIDED - timedelta(days=1),
        )
        profiles.add_facts(connection, [fact])

    assert "employees" not in _ledger(told).decided[0].facts.lead.account


def test_personal_fields_and_erased_people_are_not_read(told: Database) -> None:
    with told.write() as connection:
        numbers = by_number(connection)
        fact = NewFact(
            lead_id=numbers[1],
            account_id=None,
            name="first_name",
            value="Ada",
            source="test",
            occurred_at=START,
            recorded_at=START,
            valid_until=None,
        )
        profiles.add_facts(connection, [fact])
        erasure.erase(connection, [numbers[0]], now=decided_at(NUMBER))

    found = _ledger(told)

    assert len(found.decided) == NUMBER - 1
    assert all("first_name" not in one.facts.lead.profile for one in found.decided)


def test_a_handoff_that_may_still_be_won_is_no_case_of_winning(told: Database) -> None:
    with told.write() as connection:
        connection.execute(
            update(handoff_rows)
            .where(handoff_rows.c.uid.in_(["handoff-2", "handoff-4"]))
            .values(answer=EventKind.HANDOFF_ACCEPTED)
        )

    found = _ledger(told, Target.WON)

    assert (len(found.decided), found.open) == (NUMBER - 2, 2)


def test_what_sales_said_is_counted_with_how_ready_those_leads_seemed(told: Database) -> None:
    found = _ledger(told).answers

    lost = sum(is_won(number) for number in range(NUMBER))
    assert [(one.answer, one.reason, one.cases) for one in found] == [
        ("lost", "no reason given", lost),
        ("rejected", "too small", NUMBER - lost),
    ]
    assert 0 < found[0].mean_readiness < 100


def test_the_rules_in_force_are_tested_beside_the_suggestion(told: Database) -> None:
    found, origins = backtest_ledger(_ledger(told), PROJECT, Plan(split=Split.TIME))

    # The rule in force prefers the small: exactly the wrong way round.
    assert found.today["fit"].value < 0.3
    assert found.auc.value == pytest.approx(1 - found.today["fit"].value)
    assert found.today["readiness"].value == pytest.approx(0.5, abs=0.1)
    diff = as_diff(found, origins, RULES)
    assert "-    - {id: employees, field: account.employees, bands: [[1, 49, 30]" in diff
    assert "+    - {id: employees, field: account.employees, bands: [[1, 49, 0]" in diff


def test_behaviour_is_what_happened_before_the_decision(told: Database) -> None:
    found = behaviour(_ledger(told))

    assert set(found.days_ago.tolist()) == {2.0}
    assert found.won[found.case].all()
