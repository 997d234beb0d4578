"""What every test may ask for: a fresh, migrated database of each kind.

Migrations run once for each kind and session; a test gets a copy of the outcome.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import settings
from sqlalchemy import Dialect
from sqlalchemy.util import LRUCache

from nurture.store.db import Database, open_database
from nurture.store.migrate import upgrade
from tests.databases import PostgresServer, quick_place, running_postgres

HERE = Path(__file__).parent
CONTRACTS, FLOWS = HERE / "contracts", HERE / "flows"
# To trace a test takes as long as the test. These are the ones that the covered packages are for;
# what one of them reaches on SQLite it need not be seen to reach on PostgreSQL too.
TRACED = {"calibrate", "core", "engine", "project", "reports", "scenarios", "store"}
# Read by Prefect when it is first imported: no server of its own accord, and nothing sent home.
PREFECT = {"PREFECT_SERVER_EPHEMERAL_ENABLED": "false", "DO_NOT_TRACK": "1"}
# What a developer has set for a real programme must not leak into a test, nor a test into it.
FOREIGN = ("CRM_", "NURTURE_", "PREFECT_", "SENDGRID_")

TEMPORARY = "PYTEST_DEBUG_TEMPROOT"
"""Names the folder in which pytest makes those of the tests."""
# More than all tests ask for but those that make up their statements.
STATEMENTS = 2000
_numbers = count(1)
_spoken: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}
"""One dialect of each kind and the statements that were compiled for it."""

# A busy machine is no reason to fail.
settings.register_profile("nurture", deadline=None, print_blob=True)
settings.load_profile("nurture")


def pytest_configure(config: pytest.Config) -> None:
    """Give the whole session an environment of its own."""
    patch = pytest.MonkeyPatch()
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        patch.delenv(name)
    for name, value in PREFECT.items():
        patch.setenv(name, value)
    # Thousands of small databases: a disk takes longer to write and remove them than they live.
    if TEMPORARY not in os.environ:
        patch.setenv(TEMPORARY, str(quick_place()))
    config.add_cleanup(patch.undo)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything under tests/contracts, so that no test there can forget to.

    Where several processes share the tests, one of them takes a whole file, and one all of the
    flows: those wait for one Prefect server.
    """
    for item in items:
        if item.path.is_relative_to(CONTRACTS):
            item.add_marker(pytest.mark.contracts)
        group = "flows" if item.path.is_relative_to(FLOWS) else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let coverage rest, if it is measured at all, where it would see nothing new."""
    coverage = Coverage.current()
    if coverage is None or _is_traced(item):
        return (yield)
    coverage.stop()
    try:
        return (yield)
    finally:
        coverage.start()


def _is_traced(item: pytest.Item) -> bool:
    again = isinstance(item, pytest.Function) and "postgresql" in item.name
    return item.path.relative_to(HERE).parts[0] in TRACED and not again


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run one private server for the whole session."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """Name the database that every other one is copied from."""
    name = "migrated"
    postgres_server.create(name)
    _migrate(postgres_server.url(name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name the file that every SQLite database is copied from."""
    file = tmp_path_factory.mktemp("migrated") / "nurture.db"
    _migrate(f"sqlite:///{file}")
    assert not file.with_name("nurture.db-wal").exists(), "a copy of the file alone would lack rows"
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Return the address of a fresh, migrated SQLite database."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'nurture.db')}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Return the address of a fresh, migrated PostgreSQL database."""
    name = f"test_{next(_numbers)}"
    postgres_server.create(name, template=postgres_template)
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """Open a fresh, migrated SQLite database."""
    yield from _opened(sqlite_url)


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[Database]:
    """Open a fresh, migrated PostgreSQL database."""
    yield from _opened(postgres_url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of a fresh, migrated database, of each kind in turn."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(fixture))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Open a fresh, migrated database, of each kind in turn."""
    yield from _opened(database_url)


def _opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    # Every engine would compile every statement anew, which takes longer than many a test.
    new = database.engine.dialect, LRUCache[Any, Any](STATEMENTS)
    database.engine.dialect, compiled = _spoken.setdefault(database.dialect, new)
    database.engine.update_execution_options(compiled_cache=compiled)
    try:
        yield database
    finally:
        database.engine.dispose()


def _migrate(url: str) -> None:
    for database in _opened(url):
        upgrade(database)
