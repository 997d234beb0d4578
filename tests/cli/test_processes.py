"""The console script, serve and up as processes: what they load, and that nothing stays."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nurture.web.serving import free_port
from tests.cli.conftest import Shell

NURTURE = (sys.executable, "-c", "from nurture.cli import main; main()")
PATIENCE_SECONDS = 60.0

# Stands in for the flows of a project: starts a process of its own and lives until it is ended.
FLOWS = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("flows", child.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def started(*words: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a command, and make sure that it is gone at the end."""
    process = subprocess.Popen(
        [*NURTURE, *words], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def line_of(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """Read lines until one matches."""
    assert process.stdout is not None
    heard = []
    for line in process.stdout:
        heard.append(line)
        if found := re.search(pattern, line):
            return found
    raise AssertionError("".join(heard))


def is_gone(pid: int) -> bool:
    """Say whether the process is over, waiting for it for a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").is_file():
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            if state == "Z":
                return True
        time.sleep(0.05)
    return False


def test_help_names_every_verb_and_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from nurture.cli.run import run\n"
        "run(['--help'])\n"
        "heavy = {'prefect', 'pandas', 'sqlalchemy', 'fastapi', 'jinja2'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    for verb in (
        *("init", "demo", "up", "serve", "check", "preview", "apply", "import", "lead", "why"),
        *("segment", "score", "tick", "deliver", "sunset", "rebuild", "handoff", "message"),
        *("task", "sending", "report", "verify", "doctor"),
    ):
        assert f" {verb} " in said, verb
    assert "heavy: []" in said


def test_the_help_of_a_verb_names_its_variables() -> None:
    said = subprocess.run(
        [*NURTURE, "tick", "--help"], check=True, capture_output=True, text=True
    ).stdout
    for name in ("NURTURE_HOME", "NURTURE_DATABASE", "NURTURE_PROFILE=test", "--json"):
        assert name in said


def test_output_that_nobody_reads_on_is_no_error(shell: Shell) -> None:
    command = " ".join(f"'{word}'" for word in (*NURTURE, "report", "--folder", str(shell.folder)))
    outcome = subprocess.run(
        ["sh", "-c", f"{command} | head -1"], check=True, capture_output=True, text=True
    )
    assert outcome.stderr == ""


def test_pages_are_served_until_the_process_is_told_to_end(shell: Shell) -> None:
    port = free_port(0)
    with started("serve", "--port", str(port), cwd=shell.folder) as process:
        url = line_of(process, r"(http://\S+);")[1]
        with urllib.request.urlopen(f"{url}/healthz", timeout=10) as answer:  # noqa: S310
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def test_a_port_that_is_taken_is_named(shell: Shell) -> None:
    port = free_port(0)
    with started("serve", "--port", str(port), cwd=shell.folder) as process:
        line_of(process, "Pages are at")
        outcome = shell("serve", "--port", str(port))
    assert outcome.code == 2
    assert f"nurture: cannot listen on 127.0.0.1:{port}" in outcome.err


class TestUp:
    @pytest.fixture
    def home(self, shell: Shell) -> Path:
        """Return a project whose flows are a stand-in."""
        (shell.folder / "flows" / "serve.py").write_text(FLOWS)
        return shell.folder

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_it_ends_with_everything_it_started(self, home: Path, number: signal.Signals) -> None:
        with started("up", "--port", str(free_port(0)), cwd=home) as process:
            url = line_of(process, r"Pages: (http://\S+)")[1]
            child = int(line_of(process, r"flows (\d+)")[1])
            with urllib.request.urlopen(f"{url}/healthz", timeout=10) as answer:  # noqa: S310
                assert answer.status == 200
            process.send_signal(number)
            assert process.wait(PATIENCE_SECONDS) == 0
            assert is_gone(child)

    def test_nothing_outlives_it_when_it_is_killed(self, home: Path) -> None:
        with started("up", "--port", str(free_port(0)), cwd=home) as process:
            child = int(line_of(process, r"flows (\d+)")[1])
            process.kill()
            process.wait(PATIENCE_SECONDS)
            assert is_gone(child)

    def test_it_ends_when_the_flows_do(self, home: Path) -> None:
        (home / "flows" / "serve.py").write_text("raise SystemExit('no server')\n")
        with started("up", "--port", str(free_port(0)), cwd=home) as process:
            line_of(process, "The flows have ended")
            assert process.wait(PATIENCE_SECONDS) == 1

    def test_a_project_without_flows_is_told_so(self, shell: Shell) -> None:
        (shell.folder / "prefect.yaml").unlink()
        outcome = shell("up")
        assert outcome.code == 2
        assert "prefect.yaml is missing; copy flows/ and prefect.yaml" in outcome.err
