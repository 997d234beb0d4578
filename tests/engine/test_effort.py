"""Minutes that people spend on a lead, held against the effort budget of its stage (row 12)."""

from __future__ import annotations

from datetime import timedelta

from nurture.engine import story
from nurture.engine.by_hand import Done, Who, finish_task
from nurture.reports.assemble import assemble
from nurture.reports.report import rows_of
from nurture.store import records
from tests.engine.programme import Programme, row

ADA, BO = "ada@berg-foods.example", "bo@small.example"
WHO = Who(name="Cy", reason="talked")


def spend(programme: Programme, email: str, minutes: int | None) -> None:
    """Let somebody do a task about the lead."""
    with programme.database.write() as connection:
        records.ask_about_lead(
            connection, lead_id=programme.lead(email), title="Call", team="sales",
            due_at=programme.now + timedelta(days=1), now=programme.now,
        )  # fmt: skip
        task = records.open_tasks(connection)[-1].id
    finish_task(programme.runtime, task, WHO, done=Done(minutes=minutes), now=programme.now)


def standing(programme: Programme, email: str) -> str:
    with programme.database.read() as connection:
        lead_id = programme.lead(email)
        return story.tell(programme.runtime, connection, lead_id, now=programme.now).as_text()


def test_row_12_minutes_are_held_against_the_budget_of_the_stage(programme: Programme) -> None:
    programme.bring(row(ADA), row(BO, downloaded="", company="Small AB"))
    programme.tick()
    spend(programme, ADA, 5)
    assert "effort budget" not in standing(programme, ADA), "a lead is worth five minutes"
    spend(programme, ADA, 3)
    spend(programme, ADA, None)
    spend(programme, BO, 2)
    assert "Over its effort budget: 8 of 5 minutes spent at the stage Lead." in standing(
        programme, ADA
    )
    programme.tells(programme.lead(ADA), lead__authority="decider", account__compressors=3)
    programme.tick()
    spend(programme, ADA, 40)
    found = rows_of(assemble(programme.database, programme.project, now=programme.now)["effort"])
    assert [tuple(one.values()) for one in found] == [
        (5.0, 2, 5.0, 10, 8, "Lead", 1, "lead"),
        (45.0, 1, 40.0, 40, 40, "Prospect", 0, "prospect"),
    ]
