"""One Prefect server as the tests see it: by its HTTP interface. This process imports no Prefect."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

import httpx

ENDED = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
PATIENCE_SECONDS = 90.0

Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefectServer:
    """A running server: where it is and where it keeps what it has."""

    api_url: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """How other processes find it."""
        return {"PREFECT_API_URL": self.api_url, "PREFECT_HOME": str(self.home)}

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 (JSON)
        """Post to its interface and return what it answers."""
        answer = httpx.post(f"{self.api_url}{path}", json=dict(body or {}), timeout=30)
        answer.raise_for_status()
        return answer.json()

    def deployments(self) -> dict[str, Row]:
        """Return the deployments by name."""
        return {row["name"]: row for row in self.post("/deployments/filter")}

    def pause(self, deployment: Row) -> None:
        """Let a deployment's schedules rest; what they have planned is dropped."""
        httpx.patch(
            f"{self.api_url}/deployments/{deployment['id']}", json={"paused": True}, timeout=30
        ).raise_for_status()

    def runs_of(self, deployment: str) -> list[Row]:
        """Return the runs of a deployment."""
        found: list[Row] = self.post(
            "/flow_runs/filter", {"deployments": {"name": {"any_": [deployment]}}}
        )
        return found

    def count_runs(self, deployment_id: str) -> int:
        """Return how many runs a deployment was given, whether they have begun or not."""
        return int(
            self.post(
                "/flow_runs/count", {"flow_runs": {"deployment_id": {"any_": [deployment_id]}}}
            )
        )

    def start(self, deployment: Row, **parameters: str | int) -> None:
        """Ask for a run of the deployment."""
        self.post(f"/deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})

    def ended(self, deployments: Iterable[str]) -> dict[str, Row]:
        """Return the one run of each deployment, when all of them have ended."""
        found = wait_for(
            lambda: {name: self.runs_of(name) for name in deployments},
            lambda found: all(runs and runs[0]["state_type"] in ENDED for runs in found.values()),
        )
        assert all(len(runs) == 1 for runs in found.values()), found
        return {name: runs[0] for name, runs in found.items()}

    def artifacts(self) -> dict[str, str]:
        """Return the newest artifact of each key."""
        rows = self.post("/artifacts/latest/filter")
        return {row["key"]: row["data"] for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What `prefect deploy --all` made: the deployments, and how many runs each was given."""

    server: PrefectServer
    deployments: dict[str, Row]
    scheduled: Counter[str]


def wait_for(look: Callable[[], T], is_good: Callable[[T], bool]) -> T:
    """Return what `look` finds as soon as it is good, or at last as it is."""
    deadline = monotonic() + PATIENCE_SECONDS
    while not is_good(found := look()) and monotonic() < deadline:
        sleep(0.2)
    return found


def run(*command: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Run a command in the folder; it must succeed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def processes_with(variable: str, value: str) -> list[int]:
    """Return processes that have this in their environment, where the system tells."""
    wanted = f"{variable}={value}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid()]
