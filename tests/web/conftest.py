"""A world on each database, and one on SQLite for what no database has a part in."""

from __future__ import annotations

import pytest

from nurture.store.db import Database
from tests.web.world import World


@pytest.fixture
def world(database: Database) -> World:
    """Return a world on each kind of database in turn."""
    return World(database=database)


@pytest.fixture
def page_world(sqlite_database: Database) -> World:
    """Return a world on SQLite."""
    return World(database=sqlite_database)
