"""A Prefect server as the tests see it: by HTTP. The process of the tests imports no Prefect."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
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

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Post to its interface and return what it answers."""
        answer = wait_for(
            lambda: self._once(path, body or {}),
            # On SQLite the server is busy now and then; its own clients ask again too.
            lambda answer: answer.status_code != httpx.codes.SERVICE_UNAVAILABLE,
        )
        answer.raise_for_status()
        return answer.json()

    def _once(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        try:
            return httpx.post(f"{self.api_url}{path}", json=dict(body), timeout=30)
        except httpx.TimeoutException:
            # Asked twice is as good as once: what is asked for here carries its own key.
            return httpx.Response(httpx.codes.SERVICE_UNAVAILABLE)

    def deployments(self) -> dict[str, Row]:
        """Return the deployments by name."""
        return {row["name"]: row for row in self.post("/deployments/filter")}

    def pause(self, deployment: Row) -> None:
        """Let a deployment's schedules rest; what they have planned is dropped."""
        self.post(f"/deployments/{deployment['id']}/pause_deployment")

    def count_runs(self, deployment_id: str) -> int:
        """Return how many runs a deployment was given, whether they have begun or not."""
        return int(
            self.post(
                "/flow_runs/count", {"flow_runs": {"deployment_id": {"any_": [deployment_id]}}}
            )
        )

    def start(self, deployment: Row, **parameters: str | int) -> None:
        """Ask for a run of the deployment."""
        wanted = {"parameters": parameters, "idempotency_key": deployment["id"]}
        self.post(f"/deployments/{deployment['id']}/create_flow_run", wanted)

    def ended(self, deployments: Mapping[str, Row]) -> dict[str, Row]:
        """Return the one run of each deployment, when all of them have ended."""
        names = {row["id"]: name for name, row in deployments.items()}
        wanted = {"flow_runs": {"deployment_id": {"any_": list(names)}}}
        runs: list[Row] = wait_for(
            lambda: self.post("/flow_runs/filter", wanted),
            lambda runs: len(runs) == len(names) and all(r["state_type"] in ENDED for r in runs),
        )
        return {names[run["deployment_id"]]: run for run in runs}

    def artifacts(self, key: str) -> list[str]:
        """Return every artifact of the key."""
        rows = self.post("/artifacts/filter", {"artifacts": {"key": {"any_": [key]}}})
        return [row["data"] for row in rows]


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
        sleep(0.5)
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
