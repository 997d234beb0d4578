"""More runs beside a run: as many as there are machines to spare."""

from __future__ import annotations

from datetime import datetime

from prefect.deployments import arun_deployment
from prefect.runtime import flow_run


async def call(deployment: str, helpers: int, *, limit: int, now: datetime | None) -> None:
    """Ask for helping runs and wait for none. Each claims batches of its own until none is left."""
    for number in range(helpers):
        await arun_deployment(
            deployment,
            parameters={"limit": limit, "now": now},
            timeout=0,
            # A run that Prefect repeats finds its helpers instead of calling more.
            idempotency_key=f"{flow_run.id}-{number}",
        )
