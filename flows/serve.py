"""Everything in one process, for one machine: `python -m flows.serve` in the project's folder.

It registers the deployments of prefect.yaml with their schedules and runs what falls due, four
at a time, each in a process of its own. Without PREFECT_API_URL it brings its own server.
"""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Schedule
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from ruamel.yaml import YAML

from flows import automations
from flows.server import USUAL_PORT, server_for_this_process
from nurture.core.errors import MisuseError

AT_ONCE = 4
PLAN = Path("prefect.yaml")


def main() -> int:
    """Serve until stopped."""
    if not PLAN.is_file():
        raise MisuseError("there is no prefect.yaml here; start this in the project's folder")
    with _some_server():
        for variable, value in _environment().items():
            os.environ.setdefault(variable, value)
        asyncio.run(automations.install())
        # Prefect forgets to wait for its own end when Ctrl-C comes; nothing of ours is lost.
        message = "coroutine 'Runner.astop' was never awaited"
        warnings.filterwarnings("ignore", message, RuntimeWarning)
        serve(*deployments(), limit=AT_ONCE)
    return 0


@contextmanager
def _some_server() -> Iterator[None]:
    if PREFECT_API_URL.value():
        yield
        return
    home = str(PREFECT_HOME.value())
    environment = {**os.environ, "PREFECT_HOME": home}
    api_url = server_for_this_process(environment, port=USUAL_PORT)
    sys.stderr.write(f"Prefect is at {api_url.removesuffix('/api')}\n")
    with temporary_settings({PREFECT_API_URL: api_url}):
        yield


def deployments() -> list[RunnerDeployment]:
    """Return the deployments of prefect.yaml, to be served from this process."""
    return [_deployment(described) for described in _plan()["deployments"]]


def _deployment(described: Mapping[str, Any]) -> RunnerDeployment:
    return RunnerDeployment.from_entrypoint(
        described["entrypoint"],
        name=described["name"],
        description=described["description"],
        tags=list(described["tags"]),
        parameters=dict(described.get("parameters", {})),
        schedules=[Schedule(**schedule) for schedule in described.get("schedules", ())],
        concurrency_limit=ConcurrencyLimitConfig.model_validate(described["concurrency_limit"]),
        # Serving pauses its schedules when it stops.
        paused=False,
    )


def _environment() -> Mapping[str, str]:
    """Return what the plan sets for the processes of its runs."""
    found: Mapping[str, str] = _plan()["definitions"]["pool"]["job_variables"]["env"]
    return found


def _plan() -> Mapping[str, Any]:
    plan: Mapping[str, Any] = YAML(typ="safe").load(PLAN)
    return plan


if __name__ == "__main__":
    sys.exit(main())
