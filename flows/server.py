"""A Prefect server for this machine alone: on loopback, well set, gone with whoever started it."""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.request import urlopen

from flows import keeper
from nurture.core.errors import MisuseError
from nurture.web.serving import free_port

ANY_PORT = 0
USUAL_PORT = 4200
LOG = "server.log"
START_SECONDS = 120.0
STOP_SECONDS = 20.0
TRIES = 3

SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # Leases in memory are lost with the server: live runs crash, and dead ones keep their slot.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
    # A waiting run looks for a free slot every five seconds instead of every thirty.
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
    # One row at a time is what makes a small server slow.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "50",
    # By default only events are ever deleted.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
}
"""What a server that runs these flows should be started with; see docs/howto/prefect.md."""

PASSED_ON = ("HOME", "LANG", "PATH", "TMPDIR", "TZ", "VIRTUAL_ENV")
PASSED_ON_BY_PREFIX = ("LC_", "PREFECT_", "PYTHON")


@contextmanager
def local_server(environment: Mapping[str, str], *, port: int = ANY_PORT) -> Iterator[str]:
    """Start a server, wait until it answers and yield the address of its API.

    It keeps what it has in PREFECT_HOME. If this process dies, so does the server. Another port
    is taken if somebody has the one that was asked for.
    """
    home = Path(environment.get("PREFECT_HOME", "~/.prefect")).expanduser().resolve()
    home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for _ in range(TRIES):
            taken = free_port(port)
            api_url = f"http://127.0.0.1:{taken}/api"
            server = stack.enter_context(_serving(environment, home, taken))
            if _wait_until_it_answers(server, api_url, home):
                yield api_url
                return
        raise MisuseError(f"the Prefect server did not start; {home / LOG} says why")


def _serving(
    environment: Mapping[str, str], home: Path, port: int
) -> AbstractContextManager[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "prefect", "server", "start"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    return kept(command, environment=server_environment(environment), log=home / LOG)


@contextmanager
def kept(
    command: Sequence[str], *, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command that ends with this block, or with this process if that ends first."""
    with log.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, keeper.__file__, *command],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(STOP_SECONDS)


def server_for_this_process(environment: Mapping[str, str], *, port: int = ANY_PORT) -> str:
    """Start a server that ends with this process and return the address of its API.

    It is stopped last of all: at its exit Prefect still sends what it has not sent yet, and
    would try for more than a minute to reach a server that is gone.
    """
    held = ExitStack()
    api_url = held.enter_context(local_server(environment, port=port))
    atexit.register(held.close)
    return api_url


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a server needs to know: settings of Prefect's, and no secret of ours."""
    passed = {
        name: value
        for name, value in environment.items()
        if name in PASSED_ON or name.startswith(PASSED_ON_BY_PREFIX)
    }
    passed.pop("PREFECT_API_URL", None)
    return {**SETTINGS, **passed}


def _wait_until_it_answers(process: subprocess.Popen[bytes], api_url: str, home: Path) -> bool:
    """Return whether it answers; if it ended, somebody else was quicker to take its port."""
    deadline = monotonic() + START_SECONDS
    while monotonic() < deadline:
        if process.poll() is not None:
            return False
        if _answers_from(api_url) == home:
            return True
        sleep(0.1)
    raise MisuseError(f"the Prefect server did not answer in time; {home / LOG} says why")


def _answers_from(api_url: str) -> Path | None:
    """Return the home of the server at the address: another may have been quicker to take it."""
    try:
        with urlopen(f"{api_url}/admin/settings", timeout=5) as answer:  # noqa: S310 (our own)
            return Path(json.load(answer)["home"])
    except (OSError, ValueError):
        return None
