"""Stop an address whose mail keeps coming back for reasons that should have passed by now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from nurture.core.event import EventKind
from nurture.core.suppression import SOFT_BOUNCES, bounces_too_often
from nurture.engine import intake
from nurture.engine.runtime import Runtime
from nurture.store import events, leads
from nurture.store.db import Connection

KINDS = frozenset({EventKind.MESSAGE_BLOCKED, EventKind.MESSAGE_DEFERRED})
DETAIL = "soft_bounce_of"
"""In the detail of an event: the mail that came back for a reason of the address's own."""


def count(
    runtime: Runtime, connection: Connection, lead_ids: Iterable[int], *, now: datetime
) -> int:
    """Stop those of these leads whose mails came back too often; return how many that are."""
    wanted = sorted(set(lead_ids))
    if not wanted:
        return 0
    times: dict[int, dict[str, datetime]] = {}
    for event in events.of_kinds(connection, wanted, KINDS):
        mail = event.detail.get(DETAIL)
        if isinstance(mail, str):
            # A mail that was put off, and then turned away, came back once.
            first = times.setdefault(event.lead_id, {})
            first[mail] = min(event.occurred_at, first.get(mail, event.occurred_at))
    stopped = {i: SOFT_BOUNCES for i, of in times.items() if bounces_too_often(of.values())}
    if stopped:
        intake.stop(runtime, connection, stopped, now=now)
        leads.touch(connection, stopped, now=now)
    return len(stopped)
