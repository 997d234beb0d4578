"""Records of what was decided: decisions, stage moves, verdicts, tasks, audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.decision import AskPerson, Note
from nurture.core.enrollment import Enrollment
from nurture.core.lead import Gate, Stage, Verdict
from nurture.core.moves import Move
from nurture.store import sets
from nurture.store.db import Connection, stored
from nurture.store.tables import audit, decisions, stage_moves, tasks, verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """One decision as it was stored."""

    at: datetime
    sequence: str
    step: str
    rule: str
    outcome: str
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something a person is asked to do about a lead."""

    id: int
    lead_id: int
    title: str
    team: str
    created_at: datetime
    due_at: datetime
    done_at: datetime | None
    outcome: str


_NOTED = [
    *(decisions.c.lead_id, decisions.c.enrollment_id, decisions.c.release_id, decisions.c.at),
    *(decisions.c.sequence, decisions.c.step, decisions.c.rule, decisions.c.outcome),
    decisions.c.inputs,
]


def note_decisions(
    connection: Connection,
    noted: Sequence[tuple[Enrollment, Note]],
    *,
    now: datetime,
) -> None:
    """Record the choices made for enrollments."""
    at = stored(now)
    rows = [
        (
            *(enrollment.lead_id, enrollment.id, enrollment.release_id, at, enrollment.sequence),
            *(note.step, note.rule, note.outcome, dict(note.inputs)),
        )
        for enrollment, note in noted
    ]
    sets.add(connection, _NOTED, rows)


def note_leads(
    connection: Connection,
    noted: Sequence[tuple[int, str, str, Mapping[str, str]]],
    *,
    now: datetime,
) -> None:
    """Record choices about leads outside any sequence: (lead, rule, outcome, inputs)."""
    if noted:
        connection.execute(
            insert(decisions),
            [
                {"lead_id": i, "at": now, "rule": rule, "outcome": outcome, "inputs": dict(inputs)}
                for i, rule, outcome, inputs in noted
            ],
        )


def decisions_of(connection: Connection, lead_id: int) -> list[DecisionRecord]:
    """Return every decision about the lead, oldest first."""
    rows = connection.execute(
        select(decisions).where(decisions.c.lead_id == lead_id).order_by(decisions.c.id)
    )
    return [
        DecisionRecord(
            at=row.at,
            sequence=row.sequence,
            step=row.step,
            rule=row.rule,
            outcome=row.outcome,
            inputs=row.inputs,
        )
        for row in rows
    ]


def note_moves(connection: Connection, moved: Sequence[tuple[int, Move]], *, now: datetime) -> None:
    """Record stage moves with their evidence."""
    if moved:
        connection.execute(
            insert(stage_moves),
            [
                {
                    "lead_id": lead_id,
                    "at": now,
                    "before": move.before,
                    "after": move.after,
                    "reason": move.reason,
                    "evidence": dict(move.evidence),
                }
                for lead_id, move in moved
            ],
        )


def moves_of(connection: Connection, lead_id: int) -> list[tuple[datetime, Move]]:
    """Return the lead's stage moves, oldest first."""
    rows = connection.execute(
        select(stage_moves).where(stage_moves.c.lead_id == lead_id).order_by(stage_moves.c.id)
    )
    return [
        (
            row.at,
            Move(
                before=Stage(row.before),
                after=Stage(row.after),
                reason=row.reason,
                evidence=row.evidence,
            ),
        )
        for row in rows
    ]


def note_verdicts(
    connection: Connection,
    changed: Sequence[tuple[int, Gate, Verdict, Mapping[str, Any]]],
    *,
    now: datetime,
) -> None:
    """Record gates' answers that changed, with the values they rest on."""
    if changed:
        connection.execute(
            insert(verdicts),
            [
                {"lead_id": i, "gate": gate, "verdict": verdict, "at": now, "evidence": dict(why)}
                for i, gate, verdict, why in changed
            ],
        )


def verdicts_of(
    connection: Connection, lead_id: int
) -> list[tuple[datetime, Gate, Verdict, dict[str, Any]]]:
    """Return every change of a gate's answer, oldest first."""
    rows = connection.execute(
        select(verdicts).where(verdicts.c.lead_id == lead_id).order_by(verdicts.c.id)
    )
    return [(row.at, Gate(row.gate), Verdict(row.verdict), row.evidence) for row in rows]


def ask_people(
    connection: Connection,
    asked: Sequence[tuple[Enrollment, AskPerson]],
    *,
    now: datetime,
) -> None:
    """Create tasks; the same step asks once per visit."""
    if not asked:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        make(tasks).on_conflict_do_nothing(index_elements=["enrollment_id", "step", "visit"]),
        [
            {
                "lead_id": enrollment.lead_id,
                "enrollment_id": enrollment.id,
                "step": action.step,
                "visit": enrollment.visit,
                "title": action.title,
                "team": action.team,
                "created_at": now,
                "due_at": action.due_at,
            }
            for enrollment, action in asked
        ],
    )


def ask_about_lead(
    connection: Connection, *, lead_id: int, title: str, team: str, due_at: datetime, now: datetime
) -> None:
    """Create a task that no sequence waits for."""
    connection.execute(
        insert(tasks).values(lead_id=lead_id, title=title, team=team, created_at=now, due_at=due_at)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody is to look at, outside any sequence; the same key asks once."""

    lead_id: int
    key: str
    title: str
    team: str
    due_at: datetime


def ask_once(connection: Connection, asked: Sequence[Question], *, now: datetime) -> set[int]:
    """Create tasks for the questions that were never asked; return the leads they are about."""
    if not asked:
        return set()
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = (
        make(tasks)
        .on_conflict_do_nothing(
            index_elements=["lead_id", "step"],
            index_where=text("enrollment_id IS NULL AND step != ''"),
        )
        .returning(tasks.c.lead_id)
    )
    rows = [
        {
            "lead_id": one.lead_id,
            "step": one.key,
            "title": one.title,
            "team": one.team,
            "created_at": now,
            "due_at": one.due_at,
        }
        for one in asked
    ]
    return set(connection.scalars(statement, rows))


def finish_task(connection: Connection, task_id: int, *, outcome: str, now: datetime) -> int | None:
    """Mark a task as done and return its lead; None if it is unknown or done already."""
    return connection.scalar(
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.done_at.is_(None))
        .values(done_at=now, outcome=outcome)
        .returning(tasks.c.lead_id)
    )


def open_tasks(connection: Connection) -> list[Task]:
    """Return what people are asked to do, most urgent first."""
    rows = connection.execute(
        select(tasks).where(tasks.c.done_at.is_(None)).order_by(tasks.c.due_at, tasks.c.id)
    )
    return [
        Task(
            id=row.id,
            lead_id=row.lead_id,
            title=row.title,
            team=row.team,
            created_at=row.created_at,
            due_at=row.due_at,
            done_at=row.done_at,
            outcome=row.outcome,
        )
        for row in rows
    ]


def note_audit(
    connection: Connection,
    *,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    now: datetime,
) -> None:
    """Record who did what; never personal data."""
    connection.execute(
        insert(audit).values(
            at=now, actor=actor, action=action, subject=subject, detail=dict(detail)
        )
    )
