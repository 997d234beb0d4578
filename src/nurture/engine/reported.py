"""What a provider reports about an address without naming a mail of ours: the address is stopped.

No mail is touched by a guess. Of somebody we know it is recorded as a fact; of an address that
nobody here has, only its keyed hash goes to the stop list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nurture.core.address import match_key
from nurture.core.event import EventKind, NewEvent
from nurture.core.project import Project
from nurture.engine import intake
from nurture.engine.intake import SUPPRESSION_REASONS
from nurture.engine.runtime import Runtime
from nurture.store import leads, profiles
from nurture.store.db import Connection

STOPS = frozenset(
    {
        EventKind.MESSAGE_BOUNCED,
        EventKind.MESSAGE_DROPPED,
        EventKind.MESSAGE_COMPLAINED,
        EventKind.MESSAGE_UNSUBSCRIBED,
    }
)
"""What stops an address even where no mail is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Something that stops an address. `key` is the same however often it is reported."""

    key: str
    kind: EventKind
    email: str
    occurred_at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """How many reports were news about a lead, and how many about an address of nobody."""

    leads: int = 0
    strangers: int = 0


def take(
    runtime: Runtime,
    connection: Connection,
    source: str,
    reports: Sequence[Report],
    *,
    project: Project | None,
    now: datetime,
) -> Stopped:
    """Record the reports about people we know, and stop every address at once."""
    owners = owned(connection, reports)
    leads.hold(connection, owners.values())
    new = [
        NewEvent(
            lead_id=owners[match_key(report.email)],
            kind=report.kind,
            occurred_at=report.occurred_at,
            source=source,
            source_key=report.key,
            detail={"reason": report.reason} if report.reason else {},
        )
        for report in reports
        if match_key(report.email) in owners
    ]
    strangers = [report for report in reports if match_key(report.email) not in owners]
    listed = _list(runtime, connection, strangers, now)
    fresh = intake.record_held(runtime, connection, new, project=project, now=now)
    return Stopped(leads=len(fresh), strangers=listed)


def owned(connection: Connection, reports: Sequence[Report]) -> dict[str, int]:
    """Return the leads that the reports are about, by normalised address."""
    return leads.ids_by_match_key(connection, {match_key(report.email) for report in reports})


def _list(
    runtime: Runtime, connection: Connection, strangers: Sequence[Report], now: datetime
) -> int:
    hashed = [(intake.address_hash(runtime, one.email), one) for one in strangers]
    before = profiles.suppressed(connection, {key for key, _ in hashed})
    for kind in sorted(STOPS):
        told = {
            key: (SUPPRESSION_REASONS[kind], "reported by the provider")
            for key, one in hashed
            if one.kind is kind
        }
        profiles.suppress(connection, told, now=now)
    return len({key for key, _ in hashed} - set(before))
