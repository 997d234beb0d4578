"""The known history in a database of each kind, told once: reports only read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from nurture import reports
from nurture.reports import Report
from nurture.store.db import Database, open_database
from tests.reports.history import NOW, PROJECT, tell


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def told_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return the address of a database for all tests of a file."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("told") / "nurture.db"
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), file)}"
        return
    server = request.getfixturevalue("postgres_server")
    server.create("told", template=request.getfixturevalue("postgres_template"))
    yield server.url("told")
    server.drop("told")


@pytest.fixture(scope="module")
def told(told_url: str) -> Iterator[Database]:
    """Open the database in which the history is told."""
    database = open_database(told_url)
    try:
        tell(database)
        yield database
    finally:
        database.close()


@pytest.fixture(scope="module")
def report(told: Database) -> Report:
    """Return the report on the history."""
    return reports.build(told, PROJECT, now=NOW)
