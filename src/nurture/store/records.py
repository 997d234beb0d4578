"""Records of what was decided: decisions, stage moves, verdicts, tasks, audit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.decision import AskPerson, Note
from nurture.core.enrollment import Enrollment
from nurture.core.lead import Gate, Stage, Verdict
from nurture.core.moves import Move
from nurture.core.recheck import PASSING
from nurture.store import sets
from nurture.store.db import Connection, stored
from nurture.store.sets import among
from nurture.store.tables import audit, decisions, leads, stage_moves, tasks, verdicts


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
    return [(row.at, _move(row)) for row in rows]


def moves_of_all(connection: Connection, lead_ids: Sequence[int]) -> dict[int, list[Move]]:
    """Return the stage moves of several leads, by lead, oldest first."""
    found: dict[int, list[Move]] = {}
    rows = connection.execute(
        select(stage_moves)
        .where(among(stage_moves.c.lead_id, lead_ids))
        .order_by(stage_moves.c.lead_id, stage_moves.c.id)
    )
    for row in rows:
        found.setdefault(row.lead_id, []).append(_move(row))
    return found


def _move(row: Row[Any]) -> Move:
    return Move(
        before=Stage(row.before), after=Stage(row.after), reason=row.reason, evidence=row.evidence
    )


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


SETTLED = "no longer asked"
"""The outcome of a question whose reason is gone; nobody did anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody is to look at, outside any sequence; the same key asks once."""

    lead_id: int
    key: str
    title: str
    team: str
    due_at: datetime


def ask_once(
    connection: Connection, asked: Sequence[Question], *, now: datetime
) -> set[tuple[int, str]]:
    """Create tasks for the questions that were never asked; return their leads and keys.

    What a person answered is not asked again; what had settled itself is, if it is open again.
    """
    if not asked:
        return set()
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    new = make(tasks)
    again = {name: new.excluded[name] for name in ("title", "team", "created_at", "due_at")}
    statement = new.on_conflict_do_update(
        index_elements=["lead_id", "step"],
        index_where=text("enrollment_id IS NULL AND step != ''"),
        set_={**again, "done_at": None, "outcome": ""},
        where=tasks.c.outcome == SETTLED,
    ).returning(tasks.c.lead_id, tasks.c.step)
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
    return {(row.lead_id, row.step) for row in connection.execute(statement, rows)}


def settle_questions(
    connection: Connection, standing: Mapping[int, Collection[str]], *, now: datetime
) -> list[tuple[int, str]]:
    """Close questions about these leads that would not be asked any more; return lead and title.

    `standing` are the keys that would still be asked, by lead.
    """
    rows = connection.execute(
        select(tasks.c.id, tasks.c.lead_id, tasks.c.step, tasks.c.title).where(
            among(tasks.c.lead_id, list(standing)),
            tasks.c.enrollment_id.is_(None),
            tasks.c.done_at.is_(None),
            or_(*(tasks.c.step.startswith(begin) for begin in PASSING)),
        )
    )
    over = [row for row in rows if row.step not in standing[row.lead_id]]
    if over:
        connection.execute(
            update(tasks)
            .where(among(tasks.c.id, [row.id for row in over]))
            .values(done_at=now, outcome=SETTLED)
        )
    return [(row.lead_id, row.title) for row in over]


def finish_task(
    connection: Connection,
    task_id: int,
    *,
    outcome: str,
    minutes: int | None = None,
    now: datetime,
) -> int | None:
    """Mark a task as done and return its lead; None if it is unknown or done already."""
    stage = select(leads.c.stage).where(leads.c.id == tasks.c.lead_id).scalar_subquery()
    return connection.scalar(
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.done_at.is_(None))
        .values(done_at=now, outcome=outcome, minutes=minutes, stage=stage)
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


def note_audits(
    connection: Connection, subjects: Sequence[str], *, actor: str, action: str, now: datetime
) -> None:
    """Record that somebody did the same with each of the subjects; never personal data."""
    if subjects:
        row = {"at": now, "actor": actor, "action": action, "detail": {}}
        connection.execute(insert(audit), [{**row, "subject": each} for each in subjects])


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
