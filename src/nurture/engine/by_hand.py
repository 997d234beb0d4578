"""What a person decides by hand. Each act says who did it and why, and leaves an audit row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from nurture.core.decision import End, Note
from nurture.core.errors import MisuseError
from nurture.core.event import EventKind, NewEvent
from nurture.core.lead import Lead, Stage
from nurture.engine import intake, throttle
from nurture.engine.erase import erase_leads, finish
from nurture.engine.runtime import Runtime
from nurture.engine.story_notes import BY_HAND, LEFT
from nurture.store import (
    buckets,
    by_hand,
    enrollments,
    handoffs,
    leads,
    pauses,
    records,
    refusals,
    switches,
)
from nurture.store.db import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who acts, and why."""

    name: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}" if self.reason else self.name


def _audit(connection: Connection, who: Who, action: str, subject: str, *, now: datetime) -> None:
    # Not the reason: it may name the person, and the audit outlives an erasure.
    records.note_audit(
        connection, actor=who.name, action=action, subject=subject, detail={}, now=now
    )


def _lead(connection: Connection, lead_id: int) -> Lead:
    lead = leads.read(connection, [lead_id])[lead_id]
    if lead.standing.stage is Stage.ERASED:
        raise MisuseError(f"lead {lead.uid} is erased; nothing can be done with it any more")
    return lead


# -- leads ---------------------------------------------------------------------------------------


def pause_lead(
    runtime: Runtime, lead_id: int, who: Who, *, until: datetime | None, now: datetime
) -> None:
    """Leave the lead's sequences and mails alone until the time, or until resumed."""
    with runtime.database.write() as connection:
        lead = _lead(connection, lead_id)
        pauses.pause(connection, lead_id, reason=str(who), until=until, now=now)
        _audit(connection, who, "lead.paused", lead.uid, now=now)


def resume_lead(runtime: Runtime, lead_id: int, who: Who, *, now: datetime) -> bool:
    """Let the lead's work go on at the next tick; say whether it was paused."""
    with runtime.database.write() as connection:
        lead = _lead(connection, lead_id)
        if pauses.pause_of(connection, lead_id, now=now) is None:
            return False
        pauses.resume(connection, lead_id)
        _audit(connection, who, "lead.resumed", lead.uid, now=now)
    return True


def leave_sequences(
    runtime: Runtime, lead_id: int, who: Who, *, sequence: str | None, now: datetime
) -> list[str]:
    """End the lead's open passage through the sequence, or through all; return their names."""
    with runtime.database.write() as connection:
        lead = _lead(connection, lead_id)
        wanted = [
            enrollment
            for enrollment, _ in enrollments.of_lead(connection, lead_id)
            if sequence in (None, enrollment.sequence)
        ]
        if not wanted:
            where = f"the sequence {sequence!r}" if sequence else "any sequence"
            raise MisuseError(f"lead {lead.uid} is not in {where}")
        # Holding the rows makes a decision that is being taken right now come too late.
        held = enrollments.unchanged(connection, {e.id: e.version for e in wanted})
        ending = [enrollment for enrollment in wanted if enrollment.id in held]
        reason = who.reason or "taken out"
        enrollments.end(connection, [(e, End(step=e.step, reason=reason)) for e in ending], now=now)
        by_hand.take_back(
            connection, lead_id, [e.id for e in ending], reason=f"{BY_HAND}: {reason}", now=now
        )
        records.note_decisions(
            connection,
            [
                (e, Note(step=e.step, rule=f"{BY_HAND} of {who.name}", outcome=f"{LEFT}{reason}"))
                for e in ending
            ],
            now=now,
        )
        leads.touch(connection, [lead_id], now=now)
        _audit(connection, who, "lead.exited", lead.uid, now=now)
    return [enrollment.sequence for enrollment in ending]


def revive(runtime: Runtime, lead_id: int, who: Who, *, now: datetime) -> None:
    """Record that an inactive lead is alive; the next assessment brings it back."""
    with runtime.database.write() as connection:
        lead = _lead(connection, lead_id)
        if lead.standing.stage is not Stage.INACTIVE:
            raise MisuseError(
                f"lead {lead.uid} is at the stage {lead.standing.stage}; "
                "only who is in the inactive file can be revived"
            )
        event = NewEvent(
            lead_id=lead_id,
            kind=EventKind.LEAD_REVIVED,
            occurred_at=now,
            source=BY_HAND,
            source_key=f"{lead.uid}/revived/{now.isoformat()}",
            detail={"note": str(who)},
        )
        project = runtime.in_force(connection).project
        intake.record(runtime, connection, [event], project=project, now=now)
        _audit(connection, who, "lead.revived", lead.uid, now=now)


def erase(runtime: Runtime, lead_id: int, who: Who, *, now: datetime) -> None:
    """Erase the lead for good."""
    with runtime.database.write() as connection:
        lead = _lead(connection, lead_id)
        pauses.resume(connection, lead_id)
        erase_leads(runtime, connection, [lead_id], reason="by hand", now=now)
        _audit(connection, who, "lead.erasure_ordered", lead.uid, now=now)
    finish(runtime)


# -- tasks and handoffs --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a task was done. `talked`: on the phone with the person; that is a sign of life.

    `minutes` is what it cost, None if nobody said.
    """

    talked: bool = False
    minutes: int | None = None


NOTHING_SAID = Done()


def finish_task(
    runtime: Runtime, task_id: int, who: Who, *, done: Done = NOTHING_SAID, now: datetime
) -> int:
    """Mark a task as done, `who.reason` being its outcome, and return its lead."""
    with runtime.database.write() as connection:
        lead_id = records.finish_task(
            connection, task_id, outcome=who.reason, minutes=done.minutes, now=now
        )
        if lead_id is None:
            raise MisuseError(f"no task {task_id} is open; see `nurture task list`")
        kinds = [EventKind.TASK_DONE, *([EventKind.CALL_LOGGED] if done.talked else [])]
        happened = [
            NewEvent(
                lead_id=lead_id,
                kind=kind,
                occurred_at=now,
                source="task",
                source_key=f"{task_id}/{kind}",
                detail={"note": str(who)},
            )
            for kind in kinds
        ]
        project = runtime.in_force(connection).project
        intake.record(runtime, connection, happened, project=project, now=now)
        _audit(connection, who, "task.done", str(task_id), now=now)
    return lead_id


def replay_handoff(runtime: Runtime, uid: str, who: Who, *, now: datetime) -> None:
    """Send a handoff again, under its id and with its bytes."""
    with runtime.database.write() as connection:
        handoff = handoffs.by_uid(connection, uid)
        if handoff is None:
            raise MisuseError(f"no handoff is called {uid!r}; see `nurture handoff list`")
        if not handoff.body or not handoffs.replay(connection, handoff.id, now=now):
            raise MisuseError(
                f"handoff {uid} is {handoff.state}; only a delivered or dead one is sent again"
            )
        _audit(connection, who, "handoff.replayed", uid, now=now)


# -- sending -------------------------------------------------------------------------------------


def pause_sending(runtime: Runtime, who: Who, *, until: datetime | None, now: datetime) -> None:
    """Stop all mail before it leaves; what is planned waits."""
    with runtime.database.write() as connection:
        switches.halt(connection, switches.SENDING, reason=str(who), until=until, now=now)
        _audit(connection, who, "sending.paused", "", now=now)


def resume_sending(runtime: Runtime, who: Who, *, now: datetime) -> Sequence[str]:
    """Lift the pause and every halt of a transport; return what was off."""
    with runtime.database.write() as connection:
        names = [name for name, _, _ in switches.all_halted(connection, now=now)]
        names += [f"{switches.SLOW}{name}" for name, _, _ in switches.slowed(connection, now=now)]
        for name in names:
            switches.resume(connection, name)
            if name.startswith((switches.BREAKER, switches.SLOW)):
                # Counted afresh, or what was forgiven would trip it again at once.
                domain = name.partition(":")[2]
                buckets.empty(connection, throttle.SENT_IN_A_DAY + domain, now=now)
        refusals.forget_rows(connection)
        # About sending and not about a person: the reason may be kept.
        records.note_audit(
            connection,
            actor=who.name,
            action="sending.resumed",
            subject=", ".join(names),
            detail={"reason": who.reason} if who.reason else {},
            now=now,
        )
    return names
