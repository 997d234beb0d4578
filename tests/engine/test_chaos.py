"""A small campaign of the kind that `make chaos` runs large."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nurture.store.db import Database
from tests.chaos.campaign import Plan, Tally, run
from tests.chaos.worker import GROUP
from tests.engine.programme import Programme

# Ten workers were killed: of a thousand mails 950 are known to have arrived, thirty may have.
HELD = Tally(
    messages=1000, kills=10, received=965, unanswered=20, twice=0, accepted=950, ready=20,
    parked=30, parked_received=15, other=0, missing=0, coming_again=0, guessed=0, seconds=1,
)  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"twice": 1}, "1 messages were received twice"),
        ({"ready": 19}, "neither sent, ready, nor parked"),
        ({"other": 1, "ready": 19}, "neither sent, ready, nor parked"),
        ({"parked": 221, "accepted": 759}, f"more than 10 kills times {GROUP} and 20 lost answers"),
        ({"missing": 2}, "2 messages count as accepted that were never received"),
        ({"coming_again": 3}, "3 messages were received and would leave again"),
        ({"guessed": 4}, "4 lost answers were taken for one"),
    ],
)
def test_a_campaign_says_which_promise_was_broken(wrong: dict[str, int], says: str) -> None:
    assert HELD.verdict == ""
    assert replace(HELD, parked=220, accepted=760).verdict == ""
    assert says in replace(HELD, **wrong).verdict


def test_killed_workers_and_lost_answers_send_nothing_twice_and_lose_nothing(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    plan = Plan(messages=2000, kills=10)
    tally = run(Programme(database), database_url, tmp_path, plan)
    assert tally.verdict == ""
    assert tally.kills == plan.kills
    assert tally.unanswered > 0
    assert tally.received >= tally.accepted > 0
