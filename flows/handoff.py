"""The flow `handoff`."""

from __future__ import annotations

from functools import partial

from prefect import flow

from flows import artifacts, verbs, work
from flows.parameters import Limit, Now


@flow(name="handoff")
async def handoff(limit: Limit = 1000, now: Now = None) -> work.Counts:
    """Hand qualified leads to sales, and let locks and answers act at once."""
    done = await work.do(partial(verbs.hand_off, limit=limit), now=now)
    return await artifacts.leave("handoff", done)
