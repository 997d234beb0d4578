"""Re-qualification at work: sales is asked once, with the reason and what to offer instead."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nurture.core.event import EventKind
from nurture.engine import overriding, story
from nurture.engine.by_hand import Who
from nurture.engine.overriding import Term
from nurture.store import events, records
from nurture.store.records import Task
from tests.engine.programme import Programme, row

ADA = "ada@berg-foods.example"


@pytest.fixture
def ada(programme: Programme) -> int:
    """Return a lead that has become an opportunity, which is sales'."""
    programme.bring(row(ADA))
    lead_id = programme.lead(ADA)
    programme.qualify(lead_id)
    programme.tick()
    assert programme.standing(lead_id)["stage"] == "opportunity"
    return lead_id


def tasks(programme: Programme) -> list[Task]:
    with programme.database.read() as connection:
        return [t for t in records.open_tasks(connection) if t.title.startswith("Still at")]


def test_row_21_a_changed_company_size_asks_sales_once(programme: Programme, ada: int) -> None:
    programme.tells(ada, account__employees=20)
    programme.tick()
    programme.wait(days=3)
    [task] = tasks(programme)
    assert task.team == "sales"
    assert "the gate organization fails: Employees is 20" in task.title
    assert "a partner: Below 50 people" in task.title
    assert programme.standing(ada)["stage"] == "opportunity"


def test_an_answered_question_is_not_asked_again_before_the_facts_change(
    programme: Programme, ada: int
) -> None:
    programme.tells(ada, account__employees=20)
    programme.tick()
    with programme.database.write() as connection:
        records.finish_task(connection, tasks(programme)[0].id, outcome="ok", now=programme.now)
    programme.happens(ada, EventKind.PAGE_VIEWED, "pricing")
    programme.tick()
    assert tasks(programme) == []
    programme.tells(ada, account__employees=30)
    programme.tick()
    assert len(tasks(programme)) == 1


def test_a_question_whose_reason_is_gone_is_closed_and_asked_anew_if_it_comes_back(
    programme: Programme, ada: int
) -> None:
    programme.tells(ada, account__employees=20)
    programme.tick()
    programme.now += timedelta(hours=1)
    programme.tells(ada, account__employees=320)
    programme.tick()
    assert tasks(programme) == []
    with programme.database.read() as connection:
        told = story.tell(programme.runtime, connection, ada, now=programme.now).as_text()
    assert "No longer asked: Still at the stage Opportunity?" in told
    assert "did the task" not in told
    programme.now += timedelta(hours=1)
    programme.tells(ada, account__employees=20)
    programme.tick()
    [again] = tasks(programme)
    assert (again.created_at, again.outcome) == (programme.now, "")


def test_when_a_waiver_ends_the_owner_is_asked_to_find_out(lite: Programme) -> None:
    lite.bring(row(ADA))
    lead_id = lite.lead(ADA)
    term = Term(until=lite.now + timedelta(days=2))
    bo = Who(name="Bo", reason="met her")
    overriding.waive(lite.runtime, lead_id, bo, "stakeholder", term, now=lite.now)
    lite.tick()
    assert (lite.standing(lead_id)["stage"], tasks(lite)) == ("prospect", [])
    lite.wait(days=3)
    assert lite.standing(lead_id)["stage"] == "prospect"
    [task] = tasks(lite)
    assert "the gate stakeholder is open again: find out Part in the decision" in task.title
    lite.tells(lead_id, lead__authority="decider")
    lite.tick()
    assert tasks(lite) == []


def test_row_22_a_failed_gate_names_the_right_yes(programme: Programme) -> None:
    programme.bring(row(ADA, employees="20"))
    programme.tick()
    with programme.database.read() as connection:
        lead_id = programme.lead(ADA)
        said = story.tell(programme.runtime, connection, lead_id, now=programme.now).as_text()
    assert "Instead we can offer a partner: Below 50 people" in said


def test_row_21_a_prospect_falls_back_when_a_fact_changes(programme: Programme) -> None:
    programme.bring(row(ADA))
    lead_id = programme.lead(ADA)
    programme.tells(lead_id, lead__authority="decider")
    programme.tick()
    assert programme.standing(lead_id)["stage"] == "prospect"
    programme.tells(lead_id, lead__authority="user")
    programme.tick()
    assert programme.standing(lead_id)["stage"] == "lead"


def arrived(programme: Programme, lead_id: int) -> list[str]:
    with programme.database.read() as connection:
        found = events.of_lead(connection, lead_id)
    return [e.subject for e in found if e.kind is EventKind.DATE_ARRIVED]


def test_row_26_a_named_day_wakes_the_lead_once(programme: Programme) -> None:
    programme.bring(row(ADA))
    lead_id = programme.lead(ADA)
    programme.tells(
        lead_id, lead__authority="decider", lead__blocker="money", lead__unblock_on="2026-09-05"
    )
    programme.tick()
    assert programme.standing(lead_id)["temperature"] == "warm"
    programme.wait(days=3)
    assert arrived(programme, lead_id) == []
    programme.wait(days=4)
    assert arrived(programme, lead_id) == ["lead.unblock_on"]
    assert programme.standing(lead_id)["temperature"] != "warm"


def test_row_24_a_prospect_new_for_three_weeks_becomes_a_question(programme: Programme) -> None:
    programme.bring(row(ADA))
    lead_id = programme.lead(ADA)
    programme.tells(lead_id, lead__authority="decider")
    programme.wait(days=20)
    assert programme.standing(lead_id)["temperature"] == "new"
    with programme.database.read() as connection:
        assert records.open_tasks(connection) == []
    programme.wait(days=6)
    with programme.database.read() as connection:
        [task] = [t for t in records.open_tasks(connection) if t.title.startswith("Where does")]
    assert task.team == "prospect development"
