"""The flow `report`."""

from __future__ import annotations

from prefect import flow

from flows import artifacts, verbs, work
from flows.parameters import Now


@flow(name="report", retries=2, retry_delay_seconds=60)
async def report(now: Now = None) -> work.Counts:
    """Write the report as a page into the project's folder."""
    done = await work.do(verbs.report, now=now)
    return await artifacts.leave("report", done)
