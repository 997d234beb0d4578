"""Advance enrollments that are due: claim, read, decide, store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from nurture.core.assess import Move
from nurture.core.decide import (
    AddScore,
    ArchiveLead,
    AskPerson,
    Decision,
    End,
    PlanMessage,
    SetFields,
    Situation,
    decide,
)
from nurture.core.enrollment import Enrollment
from nurture.core.event import EventKind, NewEvent
from nurture.core.lead import Lead, Stage
from nurture.core.project import Project
from nurture.core.token import public_id
from nurture.engine import intake
from nurture.engine.runtime import Runtime, asked_by, today
from nurture.engine.values import template_values
from nurture.store import enrollments, history, leads, messages, records
from nurture.store.db import Connection

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
FIRST_SET_ASIDE = timedelta(minutes=10)
LONGEST_SET_ASIDE = timedelta(days=1)


@dataclass(slots=True, kw_only=True)
class Advanced:
    """How many enrollments a pass looked at, and what came of it."""

    enrollments: int = 0
    planned: int = 0
    ended: int = 0
    parked: int = 0
    archived: int = 0
    tasks: int = 0
    stale: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    enrollment: Enrollment
    lead: Lead
    project: Project
    decision: Decision


@dataclass(slots=True, kw_only=True)
class _Batch:
    decided: list[_Decided] = field(default_factory=list)
    failed: list[tuple[Enrollment, str]] = field(default_factory=list)


def run(
    runtime: Runtime, *, now: datetime, limit: int = 1000, lead_ids: Sequence[int] | None = None
) -> Advanced:
    """Decide and store every due enrollment of one batch and return what happened.

    Call it until `enrollments` is 0.
    """
    counts = Advanced()
    with runtime.database.write() as connection:
        claimed = enrollments.claim(
            connection, now=now, lease=LEASE, limit=limit, lead_ids=lead_ids
        )
    if not claimed:
        return counts
    counts.enrollments = len(claimed)
    with runtime.database.read() as connection:
        batch = _decide(runtime, connection, claimed, now)
    try:
        with runtime.database.write() as connection:
            _store(runtime, connection, batch, counts, now)
    except Exception:
        # Something in the batch cannot be stored: find it alone, so that it stops nobody else.
        log.exception("a batch of %s could not be stored at once; storing one by one", len(claimed))
        _store_singly(runtime, batch, counts, now)
    return counts


def _decide(
    runtime: Runtime, connection: Connection, claimed: Sequence[Enrollment], now: datetime
) -> _Batch:
    people = leads.read(connection, sorted({e.lead_id for e in claimed}))
    situate = _situations(runtime, connection, claimed, people, now)
    batch = _Batch()
    for enrollment in claimed:
        try:
            project = runtime.project(connection, enrollment.release_id)
            sequence = project.sequences[enrollment.sequence]
            found = decide(enrollment, sequence, situate(enrollment), project, now=now)
        except Exception as error:
            # One bad enrollment must neither stop the pass nor be met again at once.
            log.exception("enrollment=%s set aside", enrollment.id)
            batch.failed.append((enrollment, f"{type(error).__name__}: {error}"[:200]))
        else:
            batch.decided.append(
                _Decided(
                    enrollment=enrollment,
                    lead=people[enrollment.lead_id],
                    project=project,
                    decision=found,
                )
            )
    return batch


def _situations(
    runtime: Runtime,
    connection: Connection,
    claimed: Sequence[Enrollment],
    people: dict[int, Lead],
    now: datetime,
) -> Callable[[Enrollment], Situation]:
    """Read everything the batch needs in set queries; return how to look one enrollment up."""
    project = runtime.in_force(connection).project
    lead_ids, ids = list(people), [enrollment.id for enrollment in claimed]
    facts = history.read_facts(
        connection, people, asked_by(project), now=now, today=today(project, now)
    )
    sends = history.recent_sends(connection, lead_ids, now=now)
    unsettled = history.unsettled(connection, ids)
    done = history.tasks_done(connection, ids)
    views = history.read_handoffs(connection, people)

    def situation(enrollment: Enrollment) -> Situation:
        view = views.get(enrollment.lead_id)
        return Situation(
            facts=facts[enrollment.lead_id],
            recent_sends=sends.get(enrollment.lead_id, ()),
            unsettled=enrollment.id in unsettled,
            task_done=(enrollment.id, enrollment.step, enrollment.visit) in done,
            handoff_state=view.state if view else "",
            handoff_answer=view.answer if view else None,
        )

    return situation


def _store(
    runtime: Runtime, connection: Connection, batch: _Batch, counts: Advanced, now: datetime
) -> None:
    for enrollment, reason in batch.failed:
        pause = min(FIRST_SET_ASIDE * 2 ** min(enrollment.failures, 10), LONGEST_SET_ASIDE)
        enrollments.set_aside(
            connection, enrollment, until=now + pause, reason=f"set aside: {reason}"
        )
    counts.failed = len(batch.failed)
    seen = {d.enrollment.id: d.enrollment.version for d in batch.decided}
    still = enrollments.unchanged(connection, seen)
    decided = [d for d in batch.decided if d.enrollment.id in still]
    stale = [d.enrollment.id for d in batch.decided if d.enrollment.id not in still]
    enrollments.release(connection, stale)
    counts.stale = len(stale)
    if not decided:
        return
    enrollments.settle(connection, [(d.enrollment, d.decision) for d in decided], now=now)
    records.note_decisions(
        connection, [(d.enrollment, note) for d in decided for note in d.decision.notes], now=now
    )
    planned = [
        _message(runtime, d, action)
        for d in decided
        for action in d.decision.actions
        if isinstance(action, PlanMessage)
    ]
    messages.plan(connection, planned, now=now)
    _act(runtime, connection, decided, counts, now)
    ended = [d for d in decided if isinstance(d.decision.then, End)]
    # A lead that leaves a sequence may be due for another one, or for the inactive file.
    leads.touch(connection, [d.enrollment.lead_id for d in ended], now=now)
    counts.planned += len(planned)
    counts.ended += len(ended)
    counts.parked += len(decided) - len(ended)


def _store_singly(runtime: Runtime, batch: _Batch, counts: Advanced, now: datetime) -> None:
    failed = list(batch.failed)
    for decided in batch.decided:
        try:
            with runtime.database.write() as connection:
                _store(runtime, connection, _Batch(decided=[decided]), counts, now)
        except Exception as error:
            log.exception("enrollment=%s set aside", decided.enrollment.id)
            failed.append((decided.enrollment, f"{type(error).__name__}: {error}"[:200]))
    with runtime.database.write() as connection:
        _store(runtime, connection, _Batch(failed=failed), counts, now)


def _message(runtime: Runtime, decided: _Decided, action: PlanMessage) -> messages.NewMessage:
    enrollment, project = decided.enrollment, decided.project
    step = f"{action.step}/{decided.decision.visit}"
    # Not the row's id: the public id is the same wherever the same thing happens.
    passage = f"{enrollment.sequence}/{enrollment.entered_at.isoformat()}"
    public = f"message/{decided.lead.uid}/{passage}/{step}"
    template = project.templates[action.template]
    return messages.NewMessage(
        uid=public_id(runtime.secrets.identity, public),
        dedupe_key=f"{enrollment.id}/{step}",
        lead_id=enrollment.lead_id,
        enrollment_id=enrollment.id,
        release_id=enrollment.release_id,
        sequence=enrollment.sequence,
        step=action.step,
        template=action.template,
        template_version=template.version,
        topic=action.topic,
        window=action.window,
        form=action.form,
        slots=template_values(project, template, decided.lead),
        expires_at=action.expires_at,
    )


def _act(
    runtime: Runtime,
    connection: Connection,
    decided: Sequence[_Decided],
    counts: Advanced,
    now: datetime,
) -> None:
    """Store what decisions ask for besides mail."""
    asked, happened = [], []
    for d in decided:
        for action in d.decision.actions:
            match action:
                case AskPerson():
                    asked.append((d.enrollment, action))
                case SetFields(values=values):
                    source = f"sequence {d.enrollment.sequence}"
                    answers = intake.answers_about(
                        d.lead, values.items(), source=source, occurred_at=now
                    )
                    intake.store_answers(connection, answers, project=d.project, now=now)
                case AddScore() | ArchiveLead():
                    happened.append((d, _event(d, action, now)))
                case PlanMessage():
                    pass
    records.ask_people(connection, asked, now=now)
    counts.tasks += len(asked)
    for d, event in happened:
        intake.record(runtime, connection, [event], project=d.project, now=now)
    archived = [(d.lead, e.subject) for d, e in happened if e.kind is EventKind.LEAD_ARCHIVED]
    if archived:
        leads.archive(connection, [lead.id for lead, _ in archived], now=now)
        moves = [
            (lead.id, Move(before=lead.standing.stage, after=Stage.INACTIVE, reason=reason))
            for lead, reason in archived
        ]
        records.note_moves(connection, moves, now=now)
        counts.archived += len(archived)


def _event(d: _Decided, action: AddScore | ArchiveLead, now: datetime) -> NewEvent:
    score = isinstance(action, AddScore)
    return NewEvent(
        lead_id=d.lead.id,
        kind=EventKind.SCORE_ADJUSTED if score else EventKind.LEAD_ARCHIVED,
        subject=action.reason,
        occurred_at=now,
        source="sequence",
        source_key=f"{d.enrollment.id}/{action.step}/{d.decision.visit}",
        points=action.points if isinstance(action, AddScore) else 0,
    )
