"""Run ticks as flows on demand: a time comes in on each line, `done` goes out for it.

The demo's side of this is `nurture.demo.flow_day`. First `ready` is printed, at the end of input
`bye` with what ran and how to look at it; everything else goes to standard error. Without
PREFECT_API_URL a server of our own runs meanwhile, and ends with this process however that ends.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import sys
from datetime import datetime
from typing import TextIO
from uuid import uuid4

from prefect import tags
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, PREFECT_UI_URL, temporary_settings

from flows.advance import advance
from flows.deliver import deliver
from flows.handoff import handoff
from flows.server import server_for_this_process


def main() -> int:
    """Conduct until standard input ends."""
    told = _keep_stdout_for_answers()
    _log_only_trouble()
    given = PREFECT_API_URL.value()
    if given:
        _conduct(told, look=f"open {PREFECT_UI_URL.value() or given}")
        return 0
    # The server keeps its history where this process' settings are.
    home = str(PREFECT_HOME.value())
    api_url = server_for_this_process({**os.environ, "PREFECT_HOME": home})
    _say(sys.stderr, f"Prefect is at {api_url.removesuffix('/api')}")
    again = shlex.join(
        ["env", f"PREFECT_HOME={home}", sys.executable, "-m", "prefect", "server", "start"]
    )
    with temporary_settings({PREFECT_API_URL: api_url}):
        _conduct(told, look=again)
    return 0


def _conduct(told: TextIO, *, look: str) -> None:
    ran = asyncio.run(_answer(told))
    bye = f"{ran} flow runs completed; look at them with: {look}"
    _say(told, f"bye {json.dumps(bye)}")


async def _answer(told: TextIO) -> int:
    """Run a tick for each line and return how many runs Prefect knows to be completed."""
    mark = f"conduct-{uuid4().hex[:12]}"
    _say(told, "ready")
    with tags("nurture", mark):
        while line := await asyncio.to_thread(sys.stdin.readline):
            await _tick(datetime.fromisoformat(line.strip()))
            _say(told, "done")
    return await _completed(mark)


async def _tick(now: datetime) -> None:
    """Do what `engine.tick.run` does, in the same order."""
    await advance(now=now)
    await deliver(now=now)
    await handoff(now=now)


async def _completed(mark: str) -> int:
    async with get_client() as client:
        return await client.count_flow_runs(
            flow_run_filter=FlowRunFilter(
                tags=FlowRunFilterTags(all_=[mark]),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED])),
            )
        )


def _keep_stdout_for_answers() -> TextIO:
    """Return what was standard output; whatever else writes there goes to standard error."""
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return told


def _log_only_trouble() -> None:
    """Keep the console quiet; the log of each run is in Prefect all the same."""
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.WARNING)


def _say(told: TextIO, line: str) -> None:
    told.write(line + "\n")
    told.flush()


if __name__ == "__main__":
    sys.exit(main())
