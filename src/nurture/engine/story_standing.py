"""Tell how a lead's standing changed: gates, stages, handoffs, each with its evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from nurture.core.condition import Ref, refs_of
from nurture.core.event import SIGNS_OF_LIFE, Event
from nurture.core.lead import QUALIFYING_GATES, Gate, Stage, Value, Verdict
from nurture.core.moves import Move, MoveReason
from nurture.engine.moments import say_seconds
from nurture.engine.person import Person
from nurture.engine.story_lines import LineKind, StoryLine, one_line
from nurture.engine.story_sequences import AT_ONCE
from nurture.engine.words import both
from nurture.project.names import names_of
from nurture.store.handoffs import Handoff

VerdictRow = tuple[datetime, Gate, Verdict, Mapping[str, Any]]

_EXCLUDED = f"{MoveReason.EXCLUDED}: "


def tell_gates(
    person: Person, verdicts: Sequence[VerdictRow], moves: Sequence[tuple[datetime, Move]]
) -> Iterator[StoryLine]:
    """Yield a line for each change of a gate's answer."""
    told_by_move = {at for at, move in moves if move.reason == MoveReason.QUALIFIED}
    for at, gate, verdict, evidence in verdicts:
        said = {Verdict.PASS: "passes", Verdict.FAIL: "fails", Verdict.UNKNOWN: "is open again"}
        folded = at in told_by_move and gate in QUALIFYING_GATES and verdict is Verdict.PASS
        yield StoryLine(
            at=at,
            kind=LineKind.GATE,
            what=f"The gate {gate} {said[verdict]}",
            why=_touches(person) if gate is Gate.NURTURED else _evidence(person, evidence, at),
            minor=folded,
        )


def _touches(person: Person) -> str:
    rule = person.project.qualification.nurtured
    return f"it wants {rule.touches} touches over {say_seconds(rule.span_seconds)}"


def _evidence(person: Person, evidence: Mapping[str, Any], at: datetime) -> str:
    """Return the values that a gate read, with where they are from."""
    references = names_of(person.project).references()
    said = []
    for text, value in evidence.items():
        ref = references.get(text)
        if ref is not None:
            plain: Value | None = tuple(value) if isinstance(value, list) else value
            said.append(_value(person, ref, plain, at))
    return ", ".join(said)


def _value(person: Person, ref: Ref, value: Value | None, at: datetime) -> str:
    label = person.words.label(ref)
    if value is None:
        return f"{label} is not known"
    told = person.provenance.at(ref.text, at)
    origin = f" ({told.said(person.words, person.zones)})" if told else ""
    return f"{label} is {person.words.value(ref, value)}{origin}"


# -- stages --------------------------------------------------------------------------------------

_BECAME = {
    Stage.SUSPECT: "Became a suspect",
    Stage.LEAD: "Is a lead again",
    Stage.PROSPECT: "Became a prospect",
    Stage.OPPORTUNITY: "Became an opportunity",
    Stage.CUSTOMER: "Became a customer",
    Stage.INACTIVE: "Went to the inactive file",
    Stage.DISQUALIFIED: "Was ruled out",
    Stage.LOST: "Was lost",
    Stage.ERASED: "Was erased",
}


def tell_moves(
    person: Person, moves: Sequence[tuple[datetime, Move]], happened: Sequence[Event]
) -> Iterator[StoryLine]:
    """Yield a line for each change of stage."""
    for at, move in moves:
        became = _BECAME[move.after]
        if move.after is Stage.LEAD and move.before is Stage.SUSPECT:
            became = "Became a lead"
        yield StoryLine(
            at=at,
            kind=LineKind.STAGE,
            what=f"{became} (from {person.words.stage(move.before)})",
            why=_why_moved(person, move, at, happened),
        )


def _why_moved(person: Person, move: Move, at: datetime, happened: Sequence[Event]) -> str:
    match move.reason:
        case MoveReason.QUALIFIED:
            refs = _gate_refs(person, QUALIFYING_GATES)
            return f"all three gates pass: {_known(person, refs, at)}"
        case MoveReason.GATE_FAILED:
            failed = [g for g in QUALIFYING_GATES if move.evidence.get(str(g)) == Verdict.FAIL]
            said = _known(person, _gate_refs(person, failed), at)
            return f"the gate {both(map(str, failed))} fails: {said}"
        case MoveReason.TRAITS:
            rules = person.project.qualification.traits
            parts = [f"{r.trait} {move.evidence.get(str(r.trait), '?')}" for r in rules]
            return f"{both(parts)} of 3, and {rules[0].minimum} is enough" if rules else ""
        case MoveReason.SILENT:
            return _silence(person, move, at, happened)
        case MoveReason.REVIVED:
            return "showed a sign of life after being archived"
        case MoveReason.RECYCLED | MoveReason.WON | MoveReason.LOST:
            said = one_line(move.evidence.get("sales said", ""))
            told = f': "{said}"' if said and not said.startswith("handoff.") else ""
            return f"{move.reason}{told}"
        case MoveReason.BY_HAND:
            return f'{move.evidence.get("by", "")}: "{one_line(move.evidence.get("why", ""))}"'
        case str(reason) if reason.startswith(_EXCLUDED):
            return _exclusion(person, reason.removeprefix(_EXCLUDED), at)
        case reason:
            return f"archived: {reason}" if move.after is Stage.INACTIVE else reason


def _gate_refs(person: Person, gates: Iterable[Gate]) -> list[Ref]:
    rules = [rule for rule in person.project.qualification.gates if rule.gate in set(gates)]
    return list(dict.fromkeys(ref for rule in rules for ref in refs_of(rule.when)))


def _known(person: Person, refs: Sequence[Ref], at: datetime) -> str:
    """Return what was known then of the references, with where it is from."""
    found = ((ref, person.provenance.at(ref.text, at)) for ref in refs)
    said = [_value(person, ref, told.value, at) for ref, told in found if told is not None]
    return ", ".join(said) or "on what was known then"


def _silence(person: Person, move: Move, at: datetime, happened: Sequence[Event]) -> str:
    alive = [
        e.occurred_at for e in happened
        if e.human and e.kind in SIGNS_OF_LIFE and e.occurred_at <= at
    ]  # fmt: skip
    last = max([*alive, person.lead.captured_at])
    definition = person.project.qualification.stages.get(move.before)
    limit = definition.silence_seconds if definition else None
    allowed = (
        f"; the limit for {person.words.stage(move.before)} is {say_seconds(limit)}"
        if limit
        else ""
    )
    return f"no sign of life since {person.zones.both(last)}{allowed}"


def _exclusion(person: Person, reason: str, at: datetime) -> str:
    for rule in person.project.qualification.fit.exclusions:
        if rule.reason == reason:
            known = _known(person, refs_of(rule.when), at)
            return f"{reason}: {known}"
    return reason


# -- handoffs ------------------------------------------------------------------------------------


def tell_handoffs(person: Person, handoffs: Sequence[Handoff]) -> Iterator[StoryLine]:
    """Yield the lines of each handoff to sales, from waiting to answered."""
    for handoff in handoffs:
        yield _waiting(handoff)
        if handoff.released_at is not None:
            yield _released(person, handoff, handoff.released_at)
        if handoff.overdue_at is not None:
            yield StoryLine(
                at=handoff.overdue_at,
                kind=LineKind.HANDOFF,
                what=f"Sales ({handoff.endpoint}) had not answered in time",
                why=f"the answer was due by {_at(person, handoff.accept_by)}",
            )


def _waiting(handoff: Handoff) -> StoryLine:
    at_once = (
        handoff.released_at is not None and handoff.released_at - handoff.created_at <= AT_ONCE
    )
    withdrawn = f"; withdrawn later: {handoff.reason}" if handoff.state == "withdrawn" else ""
    return StoryLine(
        at=handoff.created_at,
        kind=LineKind.HANDOFF,
        what=f"Qualified to be handed to sales ({handoff.endpoint}){withdrawn}",
        why=f"far enough, and known to us long enough; readiness {handoff.readiness} of 100",
        minor=at_once,
    )


def _released(person: Person, handoff: Handoff, released_at: datetime) -> StoryLine:
    match handoff.state:
        case "delivered" if handoff.delivered_at is not None:
            came = f"received {person.zones.both(handoff.delivered_at)}"
        case "dead":
            came = f"it could not be delivered in {handoff.tries} tries: {one_line(handoff.reason)}"
        case _:
            tries = f" after {handoff.tries} tries" if handoff.tries else ""
            came = f"not delivered yet{tries}"
    due = f"; an answer was asked for by {_at(person, handoff.accept_by)}"
    return StoryLine(
        at=released_at,
        kind=LineKind.HANDOFF,
        what=f"Handed to sales ({handoff.endpoint}) as {handoff.uid}; {came}",
        why=f"qualified with readiness {handoff.readiness} of 100; the dossier was "
        f"{handoff.completeness} % complete{due}",
    )


def _at(person: Person, at: datetime | None) -> str:
    return person.zones.both(at) if at is not None else "no fixed time"
