"""The databases that tests get: fresh, migrated, apart from each other, and gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from nurture.store.db import Database
from tests.databases import NoPostgresError, packaged, running_postgres

TABLES_OF_ANY_SCHEMA = {"alembic_version", "events", "leads"}
KILLED_WITHOUT_CLEANING_UP = """
import os, signal
from tests.databases import running_postgres
with running_postgres() as server:
    print(server.home, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_database_is_migrated(database: Database) -> None:
    assert set(inspect(database.engine).get_table_names()) >= TABLES_OF_ANY_SCHEMA


@pytest.mark.parametrize("turn", [1, 2])
def test_a_database_is_fresh_for_every_test(database: Database, turn: int) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE mine (turn INTEGER)"))
    assert "mine" in inspect(database.engine).get_table_names()


def test_the_names_say_which_kind(sqlite_database: Database, postgres_database: Database) -> None:
    assert sqlite_database.engine.dialect.name == "sqlite"
    assert postgres_database.engine.dialect.name == "postgresql"


def test_the_packaged_server_works_wherever_it_is_installed() -> None:
    with running_postgres(packaged()) as server:
        home = server.home
        assert server.version()
    assert not home.exists()


def test_a_broken_server_is_passed_over(tmp_path: Path) -> None:
    for name in ("initdb", "pg_ctl", "postgres"):
        (tmp_path / name).write_text("#!/bin/sh\necho I am a wrapper >&2; exit 1\n")
        (tmp_path / name).chmod(0o755)
    with running_postgres([tmp_path / "nowhere", tmp_path, *packaged()]) as server:
        assert server.version()


def test_no_working_server_is_an_error_that_says_what_was_tried(tmp_path: Path) -> None:
    with (
        pytest.raises(NoPostgresError, match=f"{tmp_path}: initdb, pg_ctl, postgres not there"),
        running_postgres([tmp_path]),
    ):
        pass


def test_a_killed_run_leaves_no_server_behind() -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", KILLED_WITHOUT_CLEANING_UP],
        check=False,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        text=True,
        timeout=120,
    )
    home = Path(outcome.stdout.strip())
    assert home.name.startswith("nurture-pg-")
    deadline = time.monotonic() + 60
    while home.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not home.exists()
