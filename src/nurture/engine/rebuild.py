"""Rebuild what is derived: profiles and standings once more from facts, and what differed.

There are two kinds of differences: what was *wrong* (a stored value is not what its facts gave
when it was stored; that must never happen) and what has *moved* with time since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from nurture.core.condition import OneOf, Ref, ValueType
from nurture.core.lead import Lead, Profile, Stage
from nurture.engine import assess, traces
from nurture.engine.assess_again import scores_that_differ
from nurture.engine.runtime import Runtime, today
from nurture.store import leads, profiles
from nurture.store.db import Connection
from nurture.store.invariants import settled_leads
from nurture.store.segment_sql import Page, matching

BATCH = 1000
MOST_NAMED = 50

_KNOWN = OneOf(
    Ref("", "stage", ValueType.CHOICE), tuple(sorted(set(map(str, Stage)) - {str(Stage.ERASED)}))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One stored value that is another one now."""

    uid: str
    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """How many leads were rebuilt, what had been wrong, and what has moved since.

    `clicks` were judged otherwise than before, as a person's or a machine's.
    """

    leads: int
    clicks: int
    wrong: tuple[str, ...]
    moved: tuple[Difference, ...]
    moved_leads: int


def run(
    runtime: Runtime,
    *,
    now: datetime,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Rebuilt:
    """Recompute all but the erased; with `dry_run`, only compare what is stored with its facts.

    `progress` is told how many leads are done.
    """
    # First: a score rests on the verdicts.
    clicks = traces.run_again(runtime, now=now, dry_run=dry_run)
    with runtime.database.read() as connection:
        wrong = [*scores_that_differ(runtime, connection, now=now)[1]]
        wrong += _profiles_that_differ(connection, now)
    moved: list[Difference] = []
    count = moved_leads = 0
    for ids in [] if dry_run else _pages(runtime, now):
        found = _again(runtime, ids, now)
        moved += found
        moved_leads += len({one.uid for one in found})
        count += len(ids)
        if progress is not None:
            progress(count)
    return Rebuilt(
        leads=count,
        clicks=clicks,
        wrong=tuple(wrong),
        moved=tuple(moved[:MOST_NAMED]),
        moved_leads=moved_leads,
    )


def _pages(runtime: Runtime, now: datetime) -> Iterator[list[int]]:
    last = 0
    while True:
        with runtime.database.read() as connection:
            day = today(runtime.in_force(connection).project, now)
            page = Page(limit=BATCH, after_id=last)
            ids = matching(connection, _KNOWN, page, now=now, today=day)
        if not ids:
            return
        yield ids
        last = ids[-1]


def _again(runtime: Runtime, ids: Sequence[int], now: datetime) -> list[Difference]:
    with runtime.database.write() as connection:
        before = leads.read(connection, ids)
        leads.touch(connection, ids, now=now)
    while assess.run(runtime, now=now, limit=BATCH, lead_ids=ids).leads:
        pass
    with runtime.database.read() as connection:
        after = leads.read(connection, ids)
    return [
        Difference(uid=before[i].uid, field=name, before=old, after=new)
        for i in ids
        for (name, old), (_, new) in zip(_told(before[i]), _told(after[i]), strict=True)
        if old != new
    ]


def _told(lead: Lead) -> Iterator[tuple[str, str]]:
    standing = lead.standing
    yield "stage", str(standing.stage)
    yield "temperature", str(standing.temperature)
    yield "grade", standing.grade
    yield "fit", str(standing.fit)
    yield "engagement", str(standing.engagement)
    yield "readiness", str(standing.readiness)
    for gate, verdict in standing.verdicts.items():
        yield f"gate {gate}", str(verdict)
    for trait, value in standing.traits.items():
        yield str(trait), str(value)
    # Which fields have other values, not the values: those are personal.
    yield "profile", _known(lead.profile)
    yield "account", _known(lead.account)


def _known(profile: Profile) -> str:
    return ", ".join(sorted(profile))


def _profiles_that_differ(connection: Connection, now: datetime) -> list[str]:
    """Return leads whose stored profile is not what their facts gave at the last assessment."""
    broken = []
    for at, ids in settled_leads(connection, now=now).items():
        for start in range(0, len(ids), BATCH):
            batch = leads.read(connection, ids[start : start + BATCH])
            own, _ = profiles.current_profiles(connection, lead_ids=list(batch), now=at)
            broken += [
                f"lead {lead.uid}: the stored profile is not what its facts say"
                for lead in batch.values()
                if dict(lead.profile) != leads.as_profile(own[lead.id])
            ]
    return broken[:MOST_NAMED]
