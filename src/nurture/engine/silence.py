"""Who is due to leave: silent for longer than their stage allows, or kept for long enough."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.core.lead import IN_PLAY
from nurture.engine.runtime import Runtime
from nurture.store import lifecycle

MOST_COUNTED = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """How many leads are due to leave; a sequence that is still open keeps a silent one for now."""

    silent: int
    still_in_a_sequence: int
    retention_over: int


def overdue(runtime: Runtime, *, now: datetime) -> Overdue:
    """Count who would go, without moving anybody."""
    silent = kept_back = 0
    with runtime.database.read() as connection:
        project = runtime.in_force(connection).project
        for definition in project.qualification.stages.values():
            if definition.silence_seconds is None or definition.stage not in IN_PLAY:
                continue
            before = now - timedelta(seconds=definition.silence_seconds)
            at_rest, in_sequence = lifecycle.silent_since(connection, definition.stage, before)
            silent += at_rest
            kept_back += in_sequence
        kept = timedelta(seconds=project.workspace.retention_inactive_seconds)
        stale = lifecycle.inactive_since(connection, before=now - kept, limit=MOST_COUNTED)
    return Overdue(silent=silent, still_in_a_sequence=kept_back, retention_over=len(stale))
