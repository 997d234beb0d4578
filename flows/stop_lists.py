"""The flow `stop-lists`."""

from __future__ import annotations

from prefect import flow

from flows import artifacts, verbs, work
from flows.parameters import Now


@flow(name="stop-lists", retries=2, retry_delay_seconds=600)
async def stop_lists(now: Now = None) -> work.Counts:
    """Read the provider's own stop lists, in case a report of it was lost."""
    done = await work.do(verbs.pull_stop_lists, now=now)
    return await artifacts.leave("stop-lists", done)
