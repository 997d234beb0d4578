"""One virtual day through the real flows on a local Prefect server, in processes of their own.

This process never imports Prefect: it starts `python -m flows.conduct` in the project's folder
and tells it, line by line, at which virtual time to run the flows.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO

from nurture.bootstrap import Settings
from nurture.core.errors import MisuseError

ANSWER_SECONDS = 90


class FlowDay:
    """Runs ticks as flows; `summary` says afterwards what ran and where to look."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.summary = ""

    @contextmanager
    def running(self) -> Iterator[Callable[..., None]]:
        """Start the flows' processes; yield what runs one tick; stop them at the end."""
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.conduct"],
            cwd=self._settings.folder,
            env={
                **self._settings.env,
                "NURTURE_HOME": str(self._settings.folder),
                "NURTURE_DATABASE": self._settings.database_url,
                "PREFECT_HOME": str(self._settings.state / "prefect"),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            self._hear(process.stdout, "ready")
            yield lambda *, now: self._tick(process, now)
            process.stdin.close()
            self.summary = self._hear(process.stdout, "bye")
            process.wait(ANSWER_SECONDS)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(ANSWER_SECONDS)

    def _tick(self, process: subprocess.Popen[str], now: datetime) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(now.isoformat() + "\n")
        process.stdin.flush()
        self._hear(process.stdout, "done")

    def _hear(self, lines: IO[str], wanted: str) -> str:
        """Read lines until the wanted word; the flows' own output passes by."""
        for line in lines:
            word, _, rest = line.strip().partition(" ")
            if word == wanted:
                return str(json.loads(rest)) if rest else ""
        raise MisuseError(
            "the flows ended unexpectedly; run the demo with --no-flows, or see the lines above"
        )
