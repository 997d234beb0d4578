"""Who is due to leave: silent for longer than their stage allows, or kept for long enough."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.core.condition import And, Compare, Operator, Ref, Silent, ValueType
from nurture.core.lead import IN_PLAY
from nurture.engine.runtime import Runtime, today
from nurture.store import lifecycle, segment_sql

MOST_COUNTED = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    """How many leads are due to leave. A sequence that is still open keeps a silent one for now."""

    silent: int
    retention_over: int


def overdue(runtime: Runtime, *, now: datetime) -> Overdue:
    """Count who would go, without moving anybody."""
    with runtime.database.read() as connection:
        project = runtime.in_force(connection).project
        silent = sum(
            segment_sql.count(
                connection,
                And((_at_stage(definition.stage), Silent(definition.silence_seconds))),
                now=now,
                today=today(project, now),
            )
            for definition in project.qualification.stages.values()
            if definition.silence_seconds is not None and definition.stage in IN_PLAY
        )
        kept = timedelta(seconds=project.workspace.retention_inactive_seconds)
        stale = lifecycle.inactive_since(connection, before=now - kept, limit=MOST_COUNTED)
    return Overdue(silent=silent, retention_over=len(stale))


def _at_stage(stage: str) -> Compare:
    return Compare(Ref("", "stage", ValueType.CHOICE), Operator.EQ, str(stage))
