"""The flow `hygiene`."""

from __future__ import annotations

from prefect import flow

from flows import artifacts, verbs, work
from flows.parameters import Now


@flow(name="hygiene", retries=2, retry_delay_seconds=60)
async def hygiene(now: Now = None) -> work.Counts:
    """Settle what is in doubt and remove whatever retention has run out for."""
    done = await work.do(verbs.hygiene, now=now)
    return await artifacts.leave("hygiene", done)
