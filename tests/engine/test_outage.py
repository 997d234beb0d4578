"""Three days without a provider, as `make outage` lives through them with many more mails."""

from __future__ import annotations

from nurture.store.db import Database
from tests.chaos.outage import project, run
from tests.engine.programme import Programme


def test_after_three_days_without_a_provider_all_promises_still_hold(
    sqlite_database: Database,
) -> None:
    tally = run(Programme(sqlite_database, project=project(8)), count=300)
    assert tally.wrong == ()
