"""A small campaign of the kind that `make chaos` runs large."""

from __future__ import annotations

from pathlib import Path

from nurture.store.db import Database
from tests.chaos.campaign import Plan, run
from tests.engine.programme import Programme


def test_killed_workers_and_lost_answers_send_nothing_twice_and_lose_nothing(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    plan = Plan(messages=2000, kills=10)
    tally = run(Programme(database), database_url, tmp_path, plan)
    assert tally.verdict == ""
    assert tally.kills == plan.kills
    assert tally.unanswered > 0
    assert tally.received >= tally.accepted > 0
