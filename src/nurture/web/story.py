"""One lead's story: everything that happened, was decided and was sent, in one order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from nurture.store import events, records, timeline
from nurture.store.db import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing in the story. `kind` is event, mail, move, verdict or decision."""

    at: datetime
    kind: str
    what: str
    about: str
    why: str = ""


def story(connection: Connection, lead_id: int) -> list[Line]:
    """Return the story, oldest first."""
    lines = [*_events(connection, lead_id), *_mails(connection, lead_id)]
    lines.extend(_decisions(connection, lead_id))
    # What happened comes before what followed from it at the same moment.
    order = ("event", "verdict", "move", "decision", "mail")
    return sorted(lines, key=lambda line: (line.at, order.index(line.kind)))


def _events(connection: Connection, lead_id: int) -> Iterator[Line]:
    for event in events.of_lead(connection, lead_id):
        yield Line(
            at=event.occurred_at,
            kind="event",
            what=str(event.kind),
            about=event.subject,
            why="" if event.human else "by a machine",
        )


def _mails(connection: Connection, lead_id: int) -> Iterator[Line]:
    for row in timeline.messages_of(connection, lead_id):
        delivery = "" if row["delivery"] == "none" else f", {row['delivery']}"
        yield Line(
            at=row["accepted_at"] or row["planned_at"],
            kind="mail",
            what=f"mail {row['state']}{delivery}",
            about=row["template"],
            why=row["reason"],
        )


def _decisions(connection: Connection, lead_id: int) -> Iterator[Line]:
    for at, move in records.moves_of(connection, lead_id):
        yield Line(
            at=at,
            kind="move",
            what=f"{move.before} → {move.after}",
            about="stage",
            why=move.reason,
        )
    for at, gate, verdict, _ in records.verdicts_of(connection, lead_id):
        yield Line(at=at, kind="verdict", what=str(verdict), about=f"gate {gate}")
    for made in records.decisions_of(connection, lead_id):
        yield Line(
            at=made.at,
            kind="decision",
            what=made.outcome,
            about=" ".join(part for part in (made.sequence, made.step) if part),
            why=made.rule,
        )
