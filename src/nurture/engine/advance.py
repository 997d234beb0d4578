"""Advance enrollments that are due: claim, read, decide, store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import lru_cache

from nurture.core.decide import decide
from nurture.core.decision import (
    AddScore,
    ArchiveLead,
    AskPerson,
    Decision,
    End,
    PlanMessage,
    SetFields,
    Situation,
    TakeBack,
)
from nurture.core.enrollment import Enrollment
from nurture.core.event import EventKind, NewEvent
from nurture.core.lead import Lead, Stage
from nurture.core.message import MessageState
from nurture.core.moves import Move
from nurture.core.project import Project
from nurture.core.sequence import (
    EmailStep,
    FormStep,
    HandoffStep,
    Sequence as NurtureSequence,
    TaskStep,
    WhenCapped,
)
from nurture.core.token import public_id
from nurture.engine import intake
from nurture.engine.runtime import Runtime, asked_inside, today
from nurture.engine.values import template_values
from nurture.store import dispatch, enrollments, history, leads, leases, messages, records, sending
from nurture.store.db import Connection

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=2)
FIRST_SET_ASIDE = timedelta(minutes=10)
LONGEST_SET_ASIDE = timedelta(days=1)
_MOVING = (SetFields, AddScore, ArchiveLead, TakeBack)
"""Actions that change the lead's own row."""


@dataclass(slots=True, kw_only=True)
class Advanced:
    """How many enrollments a pass looked at, and what came of it."""

    enrollments: int = 0
    planned: int = 0
    ended: int = 0
    waiting: int = 0
    archived: int = 0
    tasks: int = 0
    stale: int = 0
    failed: int = 0


@dataclass(slots=True, kw_only=True)
class _Decided:
    enrollment: Enrollment
    lead: Lead
    project: Project
    decision: Decision
    mails: Sequence[messages.NewMessage]


@dataclass(slots=True, kw_only=True)
class _Batch:
    decided: list[_Decided] = field(default_factory=list)
    failed: list[tuple[Enrollment, str]] = field(default_factory=list)
    is_leased: bool = True


def run(
    runtime: Runtime, *, now: datetime, limit: int = 1000, lead_ids: Sequence[int] | None = None
) -> Advanced:
    """Decide and store every due enrollment of one batch and return what happened.

    Call it until `enrollments` is 0.
    """
    counts = Advanced()
    with runtime.database.lease() as connection:
        claim = enrollments.claim(connection, now=now, lease=LEASE, limit=limit, lead_ids=lead_ids)
    claimed = claim.rows
    if not claimed:
        return counts
    with runtime.database.read() as connection:
        batch = _decide(runtime, connection, claimed, now)
    batch.is_leased = claim.lease_id is not None
    try:
        with runtime.database.write() as connection:
            counts = _store(runtime, connection, batch, now)
    except Exception:
        # Something in the batch cannot be stored: find it alone, so that it stops nobody else.
        log.exception("a batch of %s could not be stored at once; storing one by one", len(claimed))
        counts = _store_singly(runtime, batch, now)
    leases.give_back(runtime.database, claim)
    counts.enrollments = len(claimed)
    return counts


def _decide(
    runtime: Runtime, connection: Connection, claimed: Sequence[Enrollment], now: datetime
) -> _Batch:
    people = leads.read(connection, sorted({e.lead_id for e in claimed}))
    projects = runtime.projects(connection, {e.release_id for e in claimed})
    situate = _situations(runtime, connection, claimed, people, now)
    batch = _Batch()
    for enrollment in claimed:
        try:
            project = projects(enrollment.release_id)
            lead = people[enrollment.lead_id]
            sequence = project.sequences[enrollment.sequence]
            found = decide(enrollment, sequence, situate(enrollment), project, now=now)
            mails = [
                _message(runtime, enrollment, lead, project, found.visit, action, now)
                for action in found.actions
                if isinstance(action, PlanMessage)
            ]
        except Exception as error:
            # One bad enrollment must neither stop the pass nor be met again at once.
            log.exception("enrollment=%s set aside", enrollment.id)
            batch.failed.append((enrollment, f"{type(error).__name__}: {error}"[:200]))
        else:
            batch.decided.append(
                _Decided(
                    enrollment=enrollment, lead=lead, project=project, decision=found, mails=mails
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
    """Read what the batch's own sequences ask, in set queries; return how to look one up."""
    lead_ids, ids = list(people), [enrollment.id for enrollment in claimed]
    sequences = _sequences(runtime, connection, claimed)
    steps = {type(step) for sequence in sequences for step in sequence.steps}
    day = today(runtime.in_force(connection).project, now)
    facts = history.read_facts(connection, people, asked_inside(sequences), now=now, today=day)
    mailed = history.mailed(connection, lead_ids, now=now)
    # Only who is in a sequence for so long can have a mail there that waits for so long.
    long_ago = now - history.LONGEST_HELD
    if old := {e.lead_id for e in claimed if e.entered_at <= long_ago}:
        mailed.unsettled |= sending.waiting_since(connection, old, before=long_ago)
    waiting = sending.waiting(connection, lead_ids) if _some_replace(sequences) else {}
    done = history.tasks_done(connection, ids) if TaskStep in steps else set()
    views = history.read_handoffs(connection, people) if HandoffStep in steps else {}

    def situation(enrollment: Enrollment) -> Situation:
        view = views.get(enrollment.lead_id)
        return Situation(
            facts=facts[enrollment.lead_id],
            recent_sends=mailed.recent.get(enrollment.lead_id, ()),
            unsettled=enrollment.id in mailed.unsettled,
            task_done=(enrollment.id, enrollment.step, enrollment.visit) in done,
            handoff_state=view.state if view else "",
            handoff_answer=view.answer if view else None,
            waiting=waiting.get(enrollment.lead_id, ()),
        )

    return situation


def _some_replace(sequences: Sequence[NurtureSequence]) -> bool:
    return any(
        isinstance(step, EmailStep | FormStep) and step.when_capped is WhenCapped.REPLACE
        for sequence in sequences
        for step in sequence.steps
    )


def _sequences(
    runtime: Runtime, connection: Connection, claimed: Sequence[Enrollment]
) -> list[NurtureSequence]:
    """Return the sequences as the releases have them that the enrollments are pinned to."""
    found = []
    for release_id, name in {(e.release_id, e.sequence) for e in claimed}:
        project = runtime.projects(connection, {release_id})
        with suppress(Exception):
            found.append(project(release_id).sequences[name])
    return found


def _store(runtime: Runtime, connection: Connection, batch: _Batch, now: datetime) -> Advanced:
    # Leads before enrollments: whoever locks both does so in this order.
    known = _held(connection, batch)
    seen = {d.enrollment.id: d.enrollment.version for d in batch.decided}
    still = enrollments.unchanged(
        connection, seen | {enrollment.id: enrollment.version for enrollment, _ in batch.failed}
    )
    for enrollment, reason in batch.failed:
        pause = min(FIRST_SET_ASIDE * 2 ** min(enrollment.failures, 10), LONGEST_SET_ASIDE)
        enrollments.set_aside(
            connection, enrollment, until=now + pause, reason=f"set aside: {reason}"
        )
    decided = [d for d in known if d.enrollment.id in still]
    enrollments.settle(connection, [(d.enrollment, d.decision) for d in decided], now=now)
    records.note_decisions(
        connection, [(d.enrollment, note) for d in decided for note in d.decision.notes], now=now
    )
    replaced = [a for d in decided for a in d.decision.actions if isinstance(a, TakeBack)]
    stopped = [(a.message_id, MessageState.CANCELLED, a.reason) for a in replaced]
    dispatch.stop(connection, stopped, now=now)
    planned = [mail for d in decided for mail in d.mails]
    messages.plan(connection, planned, now=now)
    asked, archived = _act(runtime, connection, decided, now)
    ended = [d for d in decided if isinstance(d.decision.then, End)]
    # A lead that leaves a sequence may be due for another one, or for the inactive file.
    leads.touch(connection, [d.enrollment.lead_id for d in ended], now=now)
    return Advanced(
        planned=len(planned),
        ended=len(ended),
        waiting=len(decided) - len(ended),
        archived=archived,
        tasks=asked,
        stale=len(seen) - len(decided),
        failed=len(batch.failed),
    )


def _held(connection: Connection, batch: _Batch) -> list[_Decided]:
    """Lock the leads that are moved; return the decisions that rest on leads as they still are."""
    moved = _leads_moved_by(connection, batch.decided)
    if batch.is_leased:
        leads.hold(connection, moved)
        return batch.decided
    # No lease tells whoever wakes these enrollments that somebody is at them.
    seen = {d.lead.id: d.lead.version for d in batch.decided}
    leads.hold(connection, moved | seen.keys())
    same = leads.unchanged(connection, seen)
    return [d for d in batch.decided if d.lead.id in same]


def _leads_moved_by(connection: Connection, decided: Sequence[_Decided]) -> set[int]:
    """Return the leads whose rows the decisions change; facts of an account concern everybody."""
    moved = {
        d.lead.id
        for d in decided
        if isinstance(d.decision.then, End)
        or any(isinstance(action, _MOVING) for action in d.decision.actions)
    }
    accounts = {
        d.lead.account_id
        for d in decided
        if any(isinstance(a, SetFields) for a in d.decision.actions)
    }
    if accounts:
        moved.update(*leads.colleagues(connection, sorted(accounts)).values())
    return moved


def _store_singly(runtime: Runtime, batch: _Batch, now: datetime) -> Advanced:
    failed = list(batch.failed)
    done = []
    for decided in batch.decided:
        try:
            with runtime.database.write() as connection:
                one = _Batch(decided=[decided], is_leased=batch.is_leased)
                done.append(_store(runtime, connection, one, now))
        except Exception as error:
            log.exception("enrollment=%s set aside", decided.enrollment.id)
            failed.append((decided.enrollment, f"{type(error).__name__}: {error}"[:200]))
    with runtime.database.write() as connection:
        done.append(_store(runtime, connection, _Batch(failed=failed), now))
    names = [f.name for f in fields(Advanced)]
    return Advanced(**{name: sum(getattr(counts, name) for counts in done) for name in names})


def _message(
    runtime: Runtime, enrollment: Enrollment, lead: Lead, project: Project, visit: int,
    action: PlanMessage, now: datetime,
) -> messages.NewMessage:  # fmt: skip
    step = f"{action.step}/{visit}"
    # Not the row's id: the public id is the same wherever the same thing happens.
    passage = _passage(enrollment.sequence, enrollment.entered_at)
    template = project.templates[action.template]
    return messages.NewMessage(
        uid=public_id(runtime.secrets.identity, f"message/{lead.uid}/{passage}/{step}"),
        lead_id=enrollment.lead_id,
        enrollment_id=enrollment.id,
        release_id=enrollment.release_id,
        sequence=enrollment.sequence,
        step=action.step,
        visit=visit,
        template=action.template,
        template_version=template.version,
        topic=action.topic,
        window=action.window,
        form=action.form,
        slots=template_values(project, lead, now=now, read=runtime.read_by(project, template)),
        expires_at=action.expires_at,
    )


# Many of a batch entered in the same moment.
@lru_cache(maxsize=4096)
def _passage(sequence: str, entered_at: datetime) -> str:
    return f"{sequence}/{entered_at.isoformat()}"


def _act(
    runtime: Runtime, connection: Connection, decided: Sequence[_Decided], now: datetime
) -> tuple[int, int]:
    """Store what decisions ask for besides mail; return how many tasks and archived leads."""
    asked, archived = [], []
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
                    event = _event(d, action, now)
                    intake.record(runtime, connection, [event], project=d.project, now=now)
                    if isinstance(action, ArchiveLead):
                        archived.append((d.lead, action.reason))
                case PlanMessage() | TakeBack():
                    pass
    records.ask_people(connection, asked, now=now)
    if archived:
        leads.archive(connection, [lead.id for lead, _ in archived], now=now)
        moves = [
            (lead.id, Move(before=lead.standing.stage, after=Stage.INACTIVE, reason=reason))
            for lead, reason in archived
        ]
        records.note_moves(connection, moves, now=now)
    return len(asked), len(archived)


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
