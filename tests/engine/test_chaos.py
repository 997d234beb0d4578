"""A small campaign of the kind that `make chaos` runs large."""

from __future__ import annotations

from pathlib import Path

from nurture.store.db import Database
from tests.chaos.campaign import run
from tests.engine.programme import Programme


def test_killed_workers_send_nothing_twice_and_lose_nothing(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    tally = run(Programme(database), database_url, tmp_path, count=300, kills=3, seed=7)
    assert tally.verdict == ""
    assert tally.kills == 3
    assert tally.received >= tally.accepted > 0
