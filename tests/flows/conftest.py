"""A project with due work, and one real Prefect server for all tests of flows."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flows.server import local_server
from tests.flows import programme
from tests.flows.prefect_server import Deployed, PrefectServer, Row, processes_with, run, wait_for

FEW_RUNS = {
    "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "3",
    "PREFECT_SERVER_SERVICES_SCHEDULER_MIN_RUNS": "1",
}
"""So much is planned ahead; the usual hundred would only take time."""


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare the project once."""
    folder = tmp_path_factory.mktemp("template") / "project"
    programme.prepare(folder)
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    """Return a copy of the project with its database, for one test alone."""
    return Path(shutil.copytree(template, tmp_path / "project"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """Run one real server, with its database in a folder of its own, and see it end."""
    home = tmp_path_factory.mktemp("prefect")
    environment = programme.environment(home, PREFECT_HOME=str(home), **FEW_RUNS)
    with local_server(environment) as api_url:
        yield PrefectServer(api_url=api_url, home=home)
    left = wait_for(lambda: processes_with("PREFECT_HOME", str(home)), lambda found: not found)
    assert not left, "processes outlived their server"


@pytest.fixture
def prefect_home(server: PrefectServer, tmp_path: Path) -> Path:
    """Return a home for another server, with a database that need not be migrated any more."""
    home = tmp_path / "prefect"
    home.mkdir()
    with (
        closing(sqlite3.connect(server.home / "prefect.db")) as source,
        closing(sqlite3.connect(home / "prefect.db")) as copy,
    ):
        source.backup(copy)
    return home


@pytest.fixture(scope="session")
def deployed(template: Path, server: PrefectServer) -> Deployed:
    """Register the plan, let the scheduler plan runs, then let the schedules rest."""
    environment = programme.environment(template, **server.environment)
    server.post("/work_pools/", {"name": "nurture", "type": "process"})
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    run(*command, folder=template, environment=environment)
    deployments = server.deployments()
    due = {name for name, row in deployments.items() if row["schedules"]}
    scheduled = wait_for(lambda: _scheduled(server, deployments), lambda found: found.keys() == due)
    for deployment in deployments.values():
        server.pause(deployment)
    return Deployed(server=server, deployments=deployments, scheduled=scheduled)


def _scheduled(server: PrefectServer, deployments: dict[str, Row]) -> Counter[str]:
    counts = {name: server.count_runs(row["id"]) for name, row in deployments.items()}
    return Counter({name: count for name, count in counts.items() if count})
