"""What would change a lead's standing: answers that qualify, and limits that silence crosses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import combinations, product

from nurture.core.condition import (
    Compare,
    Condition,
    Contains,
    DatePast,
    DateWithin,
    OneOf,
    Ref,
    ValueType,
    judge,
    leaves,
    refs_of,
)
from nurture.core.lead import ENDED, QUALIFYING_GATES, Gate, Stage, Value, Verdict
from nurture.core.next_check import engagement_for
from nurture.core.project import GateRule
from nurture.core.score import MILLI, crossing_day
from nurture.engine.explain import Node, explain_rule, leaves_of
from nurture.engine.explained import Crossing, GateExplained
from nurture.engine.person import Person
from nurture.engine.words import both

MOST_ANSWERS = 2
"""How many answers at once are tried to open a gate; more than that is no small change."""
MOST_TRIED = 400


def smallest_changes(person: Person, *, now: datetime) -> Iterator[str]:
    """Say for every gate in the way the fewest answers that would open it."""
    if person.found.standing.stage in ENDED:
        return
    verdicts = person.found.standing.verdicts
    for rule in person.project.qualification.gates:
        if verdicts[rule.gate] is not Verdict.PASS:
            yield _change(person, rule, now)
    if verdicts[Gate.NURTURED] is not Verdict.PASS:
        yield from _touches_missing(person)


def _change(person: Person, rule: GateRule, now: datetime) -> str:
    for size in range(1, MOST_ANSWERS + 1):
        found = _opening(person, rule, size, now)
        if found:
            return f"the gate {rule.gate} passes if {both(found)}"
    return f"no one or two answers that we know of would open the gate {rule.gate}"


def _opening(person: Person, rule: GateRule, size: int, now: datetime) -> tuple[str, ...]:
    """Return what would have to be true, of so many answers that open the gate; () if none do."""
    before = [leaf.answer for leaf in leaves_of(_tree(person, rule, now))]
    best: tuple[str, ...] = ()
    tried = 0
    for refs in combinations(_askable(person, rule), size):
        for values in product(*(_candidates(person, rule.when, ref) for ref in refs)):
            tried += 1
            if tried > MOST_TRIED:
                return best
            then = _knowing(person, dict(zip(refs, values, strict=True)))
            if judge(rule.when, then.facts, now=now) is not Verdict.PASS:
                continue
            after = list(leaves_of(_tree(then, rule, now)))
            told = tuple(
                leaf.text
                for was, leaf in zip(before, after, strict=True)
                if leaf.answer is Verdict.PASS and was is not Verdict.PASS
            )
            if told and (not best or len(told) < len(best)):
                best = told
    return best


def _tree(person: Person, rule: GateRule, now: datetime) -> Node:
    return explain_rule(person, rule.text, rule.when, now=now, gate=True)


def _askable(person: Person, rule: GateRule) -> list[Ref]:
    """Return the fields that the gate reads, what it asks for first."""
    refs = [ref for ref in refs_of(rule.when) if ref.text in person.project.fields]
    return sorted(refs, key=lambda ref: (ref.text not in rule.ask, refs.index(ref)))


def _candidates(person: Person, condition: Condition, ref: Ref) -> list[Value]:
    """Return values of the field at which the condition could turn, written ones first."""
    found: list[Value] = []
    for leaf in leaves(condition):
        match leaf:
            case Compare(at, _, value) if at == ref:
                found.extend(_near(value))
            case OneOf(at, values) if at == ref:
                found.extend(values)
            case Contains(at, choice) if at == ref:
                found.append((choice,))
            case DateWithin(at, days) if at == ref:
                found.extend(_days(person, (0, days, days + 1, -1)))
            case DatePast(at) if at == ref:
                found.extend(_days(person, (0, 1)))
            case _:
                pass
    found.extend(_any(person, ref))
    return list(dict.fromkeys(found))


def _near(value: Value) -> tuple[Value, ...]:
    if isinstance(value, int) and not isinstance(value, bool):
        return value, value - 1, value + 1
    return (value,)


def _days(person: Person, ahead: Iterable[int]) -> Iterator[str]:
    for days in ahead:
        yield (person.facts.today + timedelta(days=days)).isoformat()


def _any(person: Person, ref: Ref) -> Iterator[Value]:
    """Yield values that nobody wrote: what is asked for may be anything but what is written."""
    choices = person.project.fields[ref.text].choices
    match ref.type:
        case ValueType.BOOL:
            yield from (True, False)
        case ValueType.CHOICES:
            yield from ((choice,) for choice in choices)
        case ValueType.CHOICE:
            yield from choices
        case ValueType.TEXT:
            yield "something else"
        case ValueType.DATE:
            yield from _days(person, (0,))
        case ValueType.NUMBER:
            yield 1


def _knowing(person: Person, answers: Mapping[Ref, Value]) -> Person:
    """Return the person as if these answers had been given."""
    lead = person.facts.lead
    own, theirs = dict(lead.profile), dict(lead.account)
    for ref, value in answers.items():
        (own if ref.owner == "lead" else theirs)[ref.name] = value
    facts = replace(person.facts, lead=replace(lead, profile=own, account=theirs))
    return replace(person, facts=facts)


# -- what is missing -----------------------------------------------------------------------------


def missing(person: Person, gates: Sequence[GateExplained], *, now: datetime) -> Iterator[str]:
    """Say what stands between the lead and sales, most fundamental first."""
    stage = person.found.standing.stage
    if stage in ENDED:
        yield f"nothing leads on from the stage {person.words.stage(stage)}"
        yield from _excluded(person, now)
        return
    if person.lead.suppressed:
        yield f"no mail may be sent and nothing is handed over: {person.lead.suppressed}"
    for gate in gates:
        if gate.verdict is Verdict.PASS:
            continue
        if gate.gate is Gate.NURTURED:
            yield from _touches_missing(person)
        elif gate.verdict is Verdict.FAIL:
            yield f"the gate {gate.gate} fails: {both(_failing(gate))}"
        else:
            asks = " ".join(gate.ask) or "nothing is left to ask"
            yield f"the gate {gate.gate} is open; to be asked: {asks}"
    if stage is Stage.PROSPECT:
        for rule in person.project.qualification.traits:
            value = person.found.standing.traits[rule.trait]
            if value < rule.minimum:
                yield f"for an opportunity: {rule.trait} is {value} and must be {rule.minimum}"
    handoff, readiness = person.project.qualification.handoff, person.found.standing.readiness
    if handoff.reached_by(stage) and readiness < handoff.floor:
        yield f"readiness is {readiness}, and sales wants at least {handoff.floor}"
    pin = person.history.overrides.stage
    if pin is not None and pin.value == stage:
        until = f" until {person.zones.day(pin.until)}" if pin.until else ""
        yield f"{pin.by} keeps them at the stage {person.words.stage(stage)} by hand{until}"
    elif stage is Stage.LEAD and not _open(gates):
        yield "nothing: the next assessment makes a prospect of this lead"


def _excluded(person: Person, now: datetime) -> Iterator[str]:
    """Say which exclusion keeps the lead out, and by what."""
    for rule in person.project.qualification.fit.exclusions:
        tree = explain_rule(person, rule.text, rule.when, now=now)
        if tree.answer is Verdict.PASS:
            held = both(leaf.text for leaf in leaves_of(tree) if leaf.answer is Verdict.PASS)
            yield f"they are excluded as {rule.reason}: {held}"


def _failing(gate: GateExplained) -> Iterator[str]:
    for leaf in leaves_of(gate.tree) if gate.tree else ():
        if leaf.answer is Verdict.FAIL:
            yield f"it wants that {leaf.text}" + (f", and {leaf.because}" if leaf.because else "")


def _open(gates: Sequence[GateExplained]) -> bool:
    return any(g.gate in QUALIFYING_GATES and g.verdict is not Verdict.PASS for g in gates)


def _touches_missing(person: Person) -> Iterator[str]:
    rule, history = person.project.qualification.nurtured, person.history
    short = rule.touches - history.touches
    if short > 0:
        yield f"they have to know us better: {short} more touch{'' if short == 1 else 'es'}"
    elif history.first_touch is not None:
        from_ = history.first_touch + timedelta(seconds=rule.span_seconds)
        yield f"they have to know us longer: one more touch after {person.zones.both(from_)}"


# -- what silence does ---------------------------------------------------------------------------


def next_crossing(person: Person) -> Crossing | None:
    """Return the first band that readiness or engagement leaves if nothing is heard from them."""
    rules, standing = person.project.qualification, person.found.standing
    limits = [
        ("readiness", name, low, engagement_for(person.project, standing.fit, low))
        for name, low in rules.readiness.bands.items()
        if low <= standing.readiness
    ]
    limits += [
        ("engagement", name, low, low * MILLI)
        for name, low in rules.engagement.bands.items()
        if low * MILLI <= standing.engagement
    ]
    today = person.facts.today.toordinal()
    found = []
    for axis, name, low, edge in limits:
        if edge is None:
            continue
        day = crossing_day(rules.engagement, person.history.tallies, [edge], day=today)
        if day is not None:
            on = date.fromordinal(day)
            found.append(Crossing(axis=axis, limit=low, band=name, on=on))
    # On the same day the one that sales reads comes first.
    return min(found, key=lambda crossing: (crossing.on, -crossing.limit), default=None)
