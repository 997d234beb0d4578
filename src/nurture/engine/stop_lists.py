"""Read a provider's own stop lists, in case a report of it never reached us.

Once a day is enough: reports come within minutes, and this is for those that were lost. What was
recorded once is recognized, however often it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from nurture.core.address import match_key
from nurture.core.event import STOPS_MAIL, EventKind
from nurture.core.project import Project
from nurture.core.suppression import GRAVITY
from nurture.engine import intake, reported
from nurture.engine.intake import SUPPRESSION_REASONS
from nurture.engine.reported import Report
from nurture.engine.runtime import Runtime
from nurture.store import events, feeds, leads
from nurture.store.db import Connection
from nurture.store.locks import once_more

LISTS: Mapping[str, EventKind] = {
    "spam_reports": EventKind.MESSAGE_COMPLAINED,
    "bounces": EventKind.MESSAGE_BOUNCED,
    "invalid_emails": EventKind.MESSAGE_DROPPED,
    "unsubscribes": EventKind.MESSAGE_UNSUBSCRIBED,
}
"""What it means to stand on each list. Blocks are no such list: they may pass."""

SOURCE = "sendgrid lists"
OVERLAP = timedelta(hours=1)
"""Read again each time: an entry may be listed a little after its own time."""
SAME_WITHIN = timedelta(hours=1)
"""A report and an entry about one thing are at most so far apart."""


class Listed(Protocol):
    """One address on a list."""

    @property
    def email(self) -> str: ...  # noqa: D102 (the names say it)
    @property
    def since(self) -> datetime: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


class StopLists(Protocol):
    """Whoever reads a provider's lists."""

    def pages(
        self, name: str, *, since: datetime | None, until: datetime
    ) -> Iterator[Sequence[Listed]]:
        """Yield what came onto the list in that time."""
        ...


@dataclass(slots=True, kw_only=True)
class Pulled:
    """What one reading brought: entries, leads that were stopped, addresses of nobody here."""

    listed: int = 0
    leads: int = 0
    strangers: int = 0


def run(runtime: Runtime, lists: StopLists, *, now: datetime) -> Pulled:
    """Read every list since the last time; the first time, all of it.

    If a list cannot be read the error comes through, and the next run begins where this one did.
    If the last time is still to come, the clock was ahead then: nobody knows when it was.
    """
    pulled = Pulled()
    with runtime.database.read() as connection:
        last = feeds.heard_at(connection, SOURCE)
        project = runtime.in_force(connection).project
    ahead = last is not None and last > now
    since = None if last is None or ahead else last - OVERLAP
    for name, kind in LISTS.items():
        for page in lists.pages(name, since=since, until=now):
            pulled.listed += len(page)
            reports = [_report(runtime, name, kind, one, now) for one in page]
            once_more(partial(_take, runtime, reports, project, pulled, now))
    with runtime.database.write() as connection:
        if ahead:
            feeds.take_back(connection, SOURCE, now)
        else:
            feeds.heard(connection, SOURCE, now)
    return pulled


def _report(runtime: Runtime, name: str, kind: EventKind, one: Listed, now: datetime) -> Report:
    whose = intake.address_hash(runtime, one.email)[:32]
    return Report(
        key=f"{name}/{whose}/{one.since:%Y-%m-%dT%H:%M:%S}",
        kind=kind,
        email=one.email,
        occurred_at=min(one.since, now),
        reason=one.reason,
    )


def _take(
    runtime: Runtime,
    reports: Sequence[Report],
    project: Project,
    pulled: Pulled,
    now: datetime,
) -> None:
    with runtime.database.write() as connection:
        news = _news(connection, reports)
        done = reported.take(runtime, connection, SOURCE, news, project=project, now=now)
    pulled.leads += done.leads
    pulled.strangers += done.strangers


def _news(connection: Connection, reports: Sequence[Report]) -> list[Report]:
    """Return the reports that the event webhook has not brought already."""
    owners = leads.ids_by_match_key(connection, {match_key(one.email) for one in reports})
    known: dict[int, list[tuple[datetime, int]]] = {}
    for event in events.of_kinds(connection, owners.values(), STOPS_MAIL):
        gravity = GRAVITY[SUPPRESSION_REASONS[event.kind]]
        known.setdefault(event.lead_id, []).append((event.occurred_at, gravity))
    return [
        one
        for one in reports
        if not any(
            abs(at - one.occurred_at) <= SAME_WITHIN
            and gravity >= GRAVITY[SUPPRESSION_REASONS[one.kind]]
            for at, gravity in known.get(owners.get(match_key(one.email), 0), ())
        )
    ]
