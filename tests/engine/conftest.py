"""The starter programme on a fresh database of each kind."""

from __future__ import annotations

import pytest

from nurture.store.db import Database
from tests.engine.programme import Programme


@pytest.fixture
def programme(database: Database) -> Programme:
    """Return the programme on SQLite and on PostgreSQL, in turn."""
    return Programme(database)


@pytest.fixture
def lite(sqlite_database: Database) -> Programme:
    """Return the programme on SQLite, for rules that no database can change."""
    return Programme(sqlite_database)
