"""The flow `deliver`."""

from __future__ import annotations

from functools import partial

from prefect import flow

from flows import artifacts, helping, verbs, work
from flows.parameters import Helpers, Limit, Now


@flow(name="deliver")
async def deliver(limit: Limit = 1000, helpers: Helpers = 0, now: Now = None) -> work.Counts:
    """Settle what is in doubt and send the mails that are ready."""
    await helping.call("deliver/deliver-helper", helpers, limit=limit, now=now)
    done = await work.do(partial(verbs.mail, limit=limit), now=now)
    return await artifacts.leave("deliver", done)
