"""The flow `import-leads`."""

from __future__ import annotations

from prefect import flow

from flows import artifacts, verbs, work
from flows.parameters import Now


@flow(name="import-leads", retries=2, retry_delay_seconds=60)
async def import_leads(now: Now = None) -> work.Counts:
    """Import the CSV files that wait in the project's inbox."""
    done = await work.do(verbs.import_leads, now=now)
    return await artifacts.leave("import-leads", done)
