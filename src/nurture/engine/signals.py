"""Work signals: what a known person did becomes a fact of the ledger, the rest stays with accounts.

Of somebody we do not know nothing is kept: the signal is counted, and that is all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nurture.core.errors import RefusedInput
from nurture.core.event import NewEvent
from nurture.core.lead import Stage
from nurture.core.project import Project
from nurture.core.signal import Signal, read_line
from nurture.engine import intake
from nurture.engine.runtime import Runtime
from nurture.store import account_signals, accounts, leads
from nurture.store.db import Connection

PROVIDER = "signals"
"""Under what name the hook's posts are stored until they are worked."""
CHUNK = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A line that is no signal, and why."""

    line: int
    reason: str


@dataclass(slots=True, kw_only=True)
class Taken:
    """What became of signals."""

    signals: int = 0
    recorded: int = 0
    on_accounts: int = 0
    unchanged: int = 0
    unknown: int = 0
    refused: list[Refused] = field(default_factory=list)


def take(
    runtime: Runtime,
    connection: Connection,
    found: Sequence[Signal],
    counts: Taken,
    *,
    project: Project | None,
    now: datetime,
) -> None:
    """Record signals about known people and organizations, and add to the counts."""
    counts.signals += len(found)
    people = _people(connection, found)
    keys = accounts.by_keys(connection, {f"domain:{s.domain}" for s in found if s.domain})
    events, kept = [], []
    for signal in found:
        lead_id = people.get(signal.person or signal.lead)
        account_id = keys.get(f"domain:{signal.domain}")
        if lead_id is not None:
            events.append(_event(signal, lead_id, now))
        elif account_id is not None:
            kept.append(_kept(signal, account_id, now))
        else:
            counts.unknown += 1
    fresh = len(intake.record(runtime, connection, events, project=project, now=now))
    new = account_signals.append(connection, kept, now=now)
    counts.recorded += fresh
    counts.on_accounts += new
    counts.unchanged += len(events) + len(kept) - fresh - new


def _people(connection: Connection, found: Sequence[Signal]) -> dict[str, int]:
    """Return the leads by what the signals call them; the erased are nobody."""
    named = leads.ids_by_match_key(connection, {s.person for s in found if s.person})
    named |= leads.ids_by_uid(connection, {s.lead for s in found if s.lead})
    there = leads.read(connection, sorted(set(named.values())))
    return {
        name: lead_id
        for name, lead_id in named.items()
        if there[lead_id].standing.stage is not Stage.ERASED
    }


def _event(signal: Signal, lead_id: int, now: datetime) -> NewEvent:
    return NewEvent(
        lead_id=lead_id,
        kind=signal.kind,
        subject=signal.subject,
        # Another clock may run ahead of ours; nothing happens in the future.
        occurred_at=min(signal.occurred_at, now),
        source=_source(signal),
        source_key=signal.id,
        human=signal.human,
        detail={"note": signal.note} if signal.note else {},
    )


def _kept(signal: Signal, account_id: int, now: datetime) -> account_signals.NewSignal:
    return account_signals.NewSignal(
        account_id=account_id,
        kind=signal.kind,
        subject=signal.subject,
        occurred_at=min(signal.occurred_at, now),
        source=_source(signal),
        source_key=signal.id,
        human=signal.human,
    )


def _source(signal: Signal) -> str:
    return f"signal:{signal.source}" if signal.source else "signal"


def take_file(runtime: Runtime, content: bytes, *, now: datetime) -> Taken:
    """Take a file with one signal a line; lines that are none are told with their number.

    Each chunk of lines is one transaction; the same file twice changes nothing.
    """
    counts = Taken()
    found = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(read_line(line, now=now))
        except RefusedInput as error:
            counts.refused.append(Refused(line=number, reason=str(error)))
    for start in range(0, len(found), CHUNK):
        with runtime.database.write() as connection:
            project = runtime.in_force(connection).project
            chunk = found[start : start + CHUNK]
            take(runtime, connection, chunk, counts, project=project, now=now)
    return counts
