"""A real worker runs every deployment on real work, and Prefect learns nothing about anybody."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.server import kept
from nurture.demo.crm import PretendCrm
from nurture.store.summary import summary
from tests.flows import programme
from tests.flows.prefect_server import Deployed, PrefectServer, Row
from tests.flows.programme import DUE, PLANTED

WORKER = [
    *(sys.executable, "-m", "prefect", "worker", "start"),
    *("--pool", "nurture", "--type", "process", "--name", "tests", "--limit", "4"),
]
WAVES = (["import-leads"], ["advance"], ["deliver", "handoff", "hygiene", "report"])
"""What each needs has been done by those before it."""
HELPED = ("advance", "deliver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What was there after every deployment had run."""

    server: PrefectServer
    folder: Path
    runs: dict[str, Row]
    crm: PretendCrm
    log: Path


@pytest.fixture(scope="session")
def worked(
    deployed: Deployed, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worked]:
    """Let a worker run every deployment once, at a time when there is work for all of them."""
    folder = Path(shutil.copytree(template, tmp_path_factory.mktemp("worker") / "project"))
    programme.fill_inbox(folder)
    server, log = deployed.server, folder.parent / "worker.log"
    with PretendCrm(programme.CRM_SECRET, lambda: DUE) as crm:
        environment = programme.environment(
            folder, crm=crm.address, PREFECT_WORKER_QUERY_SECONDS="1", **server.environment
        )
        with kept(WORKER, environment=environment, log=log):
            for wave in WAVES:
                server.run_all(wave, {"now": DUE.isoformat()})
            helpers = {f"{name}-helper" for name in HELPED}
            server.run_all(sorted(helpers), {"now": DUE.isoformat()})
        runs = {name: server.runs_of(name)[0] for wave in WAVES for name in wave}
        yield Worked(server=server, folder=folder, runs=runs, crm=crm, log=log)
