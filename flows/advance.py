"""The flow `advance`."""

from __future__ import annotations

from functools import partial

from prefect import flow

from flows import artifacts, helping, verbs, work
from flows.parameters import Helpers, Limit, Now


@flow(name="advance")
async def advance(limit: Limit = 1000, helpers: Helpers = 0, now: Now = None) -> work.Counts:
    """Work provider posts, assess who is due and advance what is due."""
    await helping.call("advance/advance-helper", helpers, limit=limit, now=now)
    done = await work.do(partial(verbs.think, limit=limit), now=now)
    return await artifacts.leave("advance", done)
