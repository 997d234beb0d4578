"""Ticks that run as flows do what ticks do that are called directly."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nurture.bootstrap.ways import make_ways
from nurture.engine import tick
from nurture.store.summary import summary
from tests.flows import programme
from tests.flows.prefect_server import processes_with, wait_for
from tests.flows.programme import DUE

TIMES = (DUE, DUE + timedelta(days=2), DUE + timedelta(days=2, minutes=10))


class Conductor:
    """The other side of `flows.conduct`, as the demo is."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def tell(self, now: datetime) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(now.isoformat() + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()


@contextmanager
def conducting(folder: Path, environment: Mapping[str, str]) -> Iterator[Conductor]:
    with (
        (folder.parent / "conduct.log").open("ab") as log,
        subprocess.Popen(
            programme.conduct(),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            yield Conductor(process)
        finally:
            process.kill()


def summed_up(folder: Path) -> dict[str, Any]:
    with programme.opened(folder) as app, app.database.read() as connection:
        return summary(connection)


def tick_directly(folder: Path) -> dict[str, Any]:
    with programme.opened(folder) as app:
        for now in TIMES:
            tick.run(app.runtime, replace(make_ways(app), clock=None), now=now)
    return summed_up(folder)


def test_conducted_ticks_give_the_same_numbers_as_direct_ones(
    project: Path, prefect_home: Path, tmp_path: Path
) -> None:
    directly = tick_directly(Path(shutil.copytree(project, tmp_path / "twin")))
    environment = programme.environment(project, PREFECT_HOME=str(prefect_home))

    with conducting(project, environment) as conductor:
        assert conductor.hear() == "ready"
        for now in TIMES:
            conductor.tell(now)
            assert conductor.hear() == "done"
        conductor.close()
        bye, _, text = conductor.hear().partition(" ")
        assert bye == "bye"
        said = json.loads(text)
        assert conductor.hear() == ""
        assert conductor.process.wait(30) == 0

    assert said.startswith("9 flow runs completed; look at them with: ")
    assert f"PREFECT_HOME={prefect_home}" in said
    assert summed_up(project) == directly
    assert directly["handoffs"]["total"] == 1
    assert directly["messages"]["states"]["accepted"] > 100
    assert not still_there(prefect_home)


def test_a_killed_conductor_leaves_no_server_behind(project: Path, prefect_home: Path) -> None:
    environment = programme.environment(project, PREFECT_HOME=str(prefect_home))

    with conducting(project, environment) as conductor:
        # Its own process, the server's keeper and the server.
        started = wait_for(lambda: processes_of(prefect_home), lambda found: len(found) == 3)
        conductor.process.kill()

    assert len(started) == 3
    assert not still_there(prefect_home)


def processes_of(home: Path) -> list[int]:
    return processes_with("PREFECT_HOME", str(home))


def still_there(home: Path) -> list[int]:
    """Return what is left of a server's processes once they have had time to end."""
    return wait_for(lambda: processes_of(home), lambda left: not left)
