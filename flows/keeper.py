"""Run a command; end it, with all it started, as soon as standard input closes.

Whoever starts a keeper holds the other end of its standard input. The system closes that end
however the holder ends, so the command never outlives it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from threading import Thread

PATIENCE_SECONDS = 10.0


def main(command: list[str]) -> int:
    """Run the command in a group of its own and return its exit status."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    signal.signal(signal.SIGTERM, lambda *_: _end(child))
    Thread(target=_watch, args=(child,), daemon=True).start()
    return child.wait()


def _watch(child: subprocess.Popen[bytes]) -> None:
    sys.stdin.read()
    _end(child)
    try:
        child.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(child, signal.SIGKILL)


def _end(child: subprocess.Popen[bytes]) -> None:
    _signal(child, signal.SIGTERM)


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
