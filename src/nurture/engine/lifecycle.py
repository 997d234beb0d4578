"""Leave: requests to be forgotten, retention of the inactive, raw posts that are done with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.engine.erase import erase_leads, finish
from nurture.engine.runtime import Runtime
from nurture.store import lifecycle, raw_posts, traces


@dataclass(slots=True, kw_only=True)
class Swept:
    """What one hygiene pass removed."""

    erased: int = 0
    raw_posts: int = 0


def run(runtime: Runtime, *, now: datetime, limit: int = 500) -> Swept:
    """Erase inactive leads whose retention is over, and posts that are no longer needed."""
    swept = Swept()
    with runtime.database.write() as connection:
        workspace = runtime.in_force(connection).project.workspace
        before = now - timedelta(seconds=workspace.retention_inactive_seconds)
        stale = lifecycle.inactive_since(connection, before=before, limit=limit)
        erase_leads(runtime, connection, stale, reason="retention", now=now)
        swept.erased = len(stale)
        raw_before = now - timedelta(seconds=workspace.retention_raw_events_seconds)
        swept.raw_posts = raw_posts.drop_worked(connection, before=raw_before)
        traces.forget_networks(connection, before=raw_before)
    if swept.erased:
        finish(runtime)
    return swept
