"""A person's word over the rules: recorded as an event, in force at once, kept until it ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from typing import TypeVar

from nurture.core.assess import assess as rules_alone
from nurture.core.condition import Facts
from nurture.core.errors import MisuseError
from nurture.core.event import EventKind, NewEvent
from nurture.core.history import History
from nurture.core.lead import Gate, Lead, Stage, Temperature, Verdict
from nurture.core.moves import Move, MoveReason, heard
from nurture.core.overrides import NONE, Overridden
from nurture.core.project import Project
from nurture.core.stages import EntryGate, may_move
from nurture.engine import assess, intake
from nurture.engine.assess_again import BATCH, as_of_now
from nurture.engine.by_hand import Who
from nurture.engine.person import Person, look_at
from nurture.engine.runtime import Runtime, asked_by, today
from nurture.engine.story_notes import BY_HAND
from nurture.project.nearest import did_you_mean
from nurture.store import leads, overrides, records
from nurture.store.db import Connection

ACTION = "lead.overridden"

Chosen = TypeVar("Chosen", Stage, Gate, Temperature)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """How far a word reaches: until when, and for a waiver whether also against a plain fail."""

    until: datetime | None = None
    even_fail: bool = False


ALWAYS = Term()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """One override in force beside what the rules would say by themselves."""

    uid: str
    what: str
    value: str
    rules_say: str
    by: str
    reason: str
    at: datetime
    until: datetime | None


def move(
    runtime: Runtime, lead_id: int, who: Who, stage: str, term: Term = ALWAYS, *, now: datetime
) -> Stage:
    """Set the lead's stage, if both teams allow the move; return the stage it has then."""
    wanted = _one_of(stage, Stage, "stage")
    if wanted is Stage.ERASED:
        raise MisuseError("erasing is for good and goes its own way: nurture lead erase")
    with runtime.database.write() as connection:
        person = _person(runtime, connection, lead_id, now)
        before, stages = person.lead.standing.stage, person.project.qualification.stages
        if before is not wanted and not may_move(stages, before, wanted):
            allowed = ", ".join((*stages[before].forward, *stages[before].back)) or "nowhere"
            raise MisuseError(
                f"from {before} both teams allow no move to {wanted}; allowed: {allowed} "
                f"(qualification.yaml, stages.{before}.moves)"
            )
        event = (EventKind.STAGE_OVERRIDDEN, wanted.value)
        _record(runtime, connection, person.lead, event, (who, term), now)
    return _again(runtime, lead_id, now).standing.stage


def waive(
    runtime: Runtime, lead_id: int, who: Who, gate: str, term: Term = ALWAYS, *, now: datetime
) -> Verdict:
    """Let a gate count as passed in the person's name; return its answer then."""
    wanted = _one_of(gate, Gate, "gate")
    with runtime.database.write() as connection:
        person = _person(runtime, connection, lead_id, now)
        fails = person.found.standing.verdicts[wanted] is Verdict.FAIL
        if fails and not term.even_fail:
            raise MisuseError(
                f"the gate {wanted} fails on what is known, and a waiver answers only an open "
                "one; add --even-if-it-fails if that is what you mean"
            )
        event = (EventKind.GATE_WAIVED, wanted.value)
        _record(runtime, connection, person.lead, event, (who, term), now)
    return _again(runtime, lead_id, now).standing.verdicts[wanted]


def set_temperature(
    runtime: Runtime, lead_id: int, who: Who, said: str, term: Term = ALWAYS, *, now: datetime
) -> Temperature:
    """Set the lead's temperature; return what it has then."""
    wanted = _one_of(said, Temperature, "temperature")
    if wanted is Temperature.CLOSED:
        raise MisuseError("closed means forgetting the person for good: nurture lead erase")
    with runtime.database.write() as connection:
        person = _person(runtime, connection, lead_id, now)
        if person.lead.standing.stage in (Stage.SUSPECT, Stage.LEAD):
            raise MisuseError(
                f"lead {person.lead.uid} is at the stage {person.lead.standing.stage}; only "
                "prospects and later have a temperature"
            )
        event = (EventKind.TEMPERATURE_OVERRIDDEN, wanted.value)
        _record(runtime, connection, person.lead, event, (who, term), now)
    return _again(runtime, lead_id, now).standing.temperature


def take_back(runtime: Runtime, lead_id: int, who: Who, what: str, *, now: datetime) -> None:
    """End what stands by a person's word: stage, temperature or a gate."""
    with runtime.database.write() as connection:
        person = _person(runtime, connection, lead_id, now)
        standing = [one.what for one in person.history.overrides.all()]
        if what not in standing:
            said = f"; there is: {', '.join(standing)}" if standing else ""
            raise MisuseError(f"nothing stands by hand about {what!r}{said}")
        event = (EventKind.OVERRIDE_ENDED, what)
        _record(runtime, connection, person.lead, event, (who, ALWAYS), now)
    _again(runtime, lead_id, now)


def commit(runtime: Runtime, lead_id: int, who: Who, *, now: datetime) -> Stage:
    """Record that the person expressly agreed to commit; return the stage the lead has then."""
    with runtime.database.write() as connection:
        person = _person(runtime, connection, lead_id, now)
        event = (EventKind.COMMITMENT_GIVEN, "")
        _record(runtime, connection, person.lead, event, (who, ALWAYS), now)
    return _again(runtime, lead_id, now).standing.stage


def commitment_counts(project: Project) -> bool:
    """Say whether an express agreement is the way into the stage opportunity here."""
    return project.qualification.stages[Stage.OPPORTUNITY].entry is EntryGate.COMMITTED


def review(
    runtime: Runtime, connection: Connection, lead_id: int | None = None, *, now: datetime
) -> list[Reviewed]:
    """Return every override in force, or those of one lead, beside what the rules say."""
    project = runtime.in_force(connection).project
    uids = overrides.overridden_leads(connection, ACTION)
    ids = sorted(leads.ids_by_uid(connection, uids).values()) if lead_id is None else [lead_id]
    asked, day = asked_by(project), today(project, now)
    found: list[Reviewed] = []
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        moves = records.moves_of_all(connection, batch)
        for facts, told in as_of_now(connection, batch, asked, now=now, today=day):
            history = heard(facts, told, project, now)
            before = _before_hands(facts.lead, moves.get(facts.lead.id, ()))
            found.extend(_rows(facts, history, project, before, now))
    return found


def _before_hands(lead: Lead, moves: Sequence[Move]) -> Stage:
    """Return the stage before people moved the lead, the last time that they did, once or more."""
    hands = list(takewhile(lambda moved: moved.reason == MoveReason.BY_HAND, reversed(moves)))
    return hands[-1].before if hands else lead.standing.stage


def _rows(
    facts: Facts, history: History, project: Project, before: Stage, now: datetime
) -> Iterator[Reviewed]:
    if facts.lead.standing.stage is Stage.ERASED:
        return
    for one in history.overrides.all():
        alone = replace(history, overrides=NONE)
        yield Reviewed(
            uid=facts.lead.uid,
            what=one.what,
            value=one.value,
            rules_say=_without(facts, alone, project, (one.what, before), now),
            by=one.by,
            reason=one.reason,
            at=one.at,
            until=one.until,
        )


def _without(
    facts: Facts, history: History, project: Project, said: tuple[str, Stage], now: datetime
) -> str:
    """Return what the rules would say by themselves, of a stage from the one that was before."""
    what, before = said
    if what == Overridden.STAGE:
        lead = facts.lead
        facts = replace(facts, lead=replace(lead, standing=replace(lead.standing, stage=before)))
    standing = rules_alone(facts, history, project, now=now).standing
    match what:
        case Overridden.STAGE:
            return str(standing.stage)
        case Overridden.TEMPERATURE:
            return str(standing.temperature)
        case gate:
            return str(standing.verdicts[Gate(gate)])


def _one_of(said: str, known: type[Chosen], kind: str) -> Chosen:
    keys = [str(one.value) for one in known]
    if said not in keys:
        raise MisuseError(f"there is no {kind} {said!r}; {did_you_mean(said, keys)}")
    return known(said)


def _person(runtime: Runtime, connection: Connection, lead_id: int, now: datetime) -> Person:
    person = look_at(runtime, connection, lead_id, now=now)
    if person.lead.standing.stage is Stage.ERASED:
        raise MisuseError(f"lead {person.lead.uid} is erased; nothing can be done with it any more")
    return person


def _record(
    runtime: Runtime,
    connection: Connection,
    lead: Lead,
    event: tuple[EventKind, str],
    said: tuple[Who, Term],
    now: datetime,
) -> None:
    kind, subject = event
    who, term = said
    detail: dict[str, object] = {"by": who.name, "reason": who.reason}
    if term.until is not None:
        detail["until"] = term.until.isoformat()
    if term.even_fail:
        detail["even_fail"] = True
    new = NewEvent(
        lead_id=lead.id,
        kind=kind,
        subject=subject,
        occurred_at=now,
        source=BY_HAND,
        source_key=f"{lead.uid}/{kind}/{subject}/{now.isoformat()}",
        detail=detail,
    )
    project = runtime.in_force(connection).project
    intake.record(runtime, connection, [new], project=project, now=now)
    # Not the reason: it may name the person, and the audit outlives an erasure.
    records.note_audit(
        connection,
        actor=who.name,
        action=ACTION,
        subject=lead.uid,
        detail={"kind": kind.value, "subject": subject},
        now=now,
    )


def _again(runtime: Runtime, lead_id: int, now: datetime) -> Lead:
    """Assess the lead at once and return it as it stands then."""
    assess.run(runtime, now=now, lead_ids=[lead_id])
    with runtime.database.read() as connection:
        return leads.read(connection, [lead_id])[lead_id]
