"""Explain a lead's scores: rows that add up exactly, gates with evidence, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from nurture.core.lead import (
    ENDED,
    QUALIFYING_GATES,
    Gate,
    Stage,
    Standing,
    Trait,
    Verdict,
)
from nurture.core.score import MILLI, Contribution
from nurture.engine.explain import Node, explain_rule, leaves_of
from nurture.engine.moments import say_seconds
from nurture.engine.outlook import Look, looks_ahead
from nurture.engine.person import Person
from nurture.engine.words import both


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One row of a score in milli-points; the `net` of all rows of an axis is its value."""

    group: str
    rule: str
    what: str
    count: int
    last_on: date | None
    raw: int
    net: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One score with the rows that add up to it."""

    name: str
    value: int
    rows: tuple[ScoreRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateExplained:
    """A gate's answer now, the rule in plain words, its evidence, and what to ask for."""

    gate: Gate
    verdict: Verdict
    rule: str
    tree: Node | None
    evidence: tuple[str, ...]
    ask: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TraitExplained:
    """Pain, interest or fit: the value, the least that counts, and the row that gave it."""

    trait: Trait
    value: int
    minimum: int
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreExplained:
    """Everything behind a lead's standing, as of one moment.

    `stored` is what the last assessment found, which rules act on until the next.
    """

    uid: str
    as_of: datetime
    stage: Stage
    grade: str
    coverage_percent: int
    engagement: Axis
    fit: Axis
    readiness: Axis
    gates: tuple[GateExplained, ...]
    traits: tuple[TraitExplained, ...]
    missing: tuple[str, ...]
    next_look: Look | None
    stored: Standing

    @property
    def axes(self) -> tuple[Axis, Axis, Axis]:
        """The three scores, side by side and never summed."""
        return self.engagement, self.fit, self.readiness


def explain_score(person: Person, *, now: datetime) -> ScoreExplained:
    """Return why the lead's scores, gates and traits are what they are at this moment."""
    engaged, fitting = person.found.scores
    standing = person.found.standing
    gates = tuple(_gates(person, now))
    looks = [] if standing.stage in ENDED else looks_ahead(person, now=now)
    return ScoreExplained(
        uid=person.lead.uid,
        as_of=now,
        stage=standing.stage,
        grade=standing.grade,
        coverage_percent=fitting.coverage_percent,
        engagement=Axis(name="engagement", value=engaged.value, rows=_rows(person, engaged.rows)),
        fit=Axis(name="fit", value=fitting.score.value, rows=_rows(person, fitting.score.rows)),
        readiness=_readiness(person),
        gates=gates,
        traits=tuple(_traits(person, now)),
        missing=tuple(_missing(person, gates)),
        next_look=looks[0] if looks else None,
        stored=person.lead.standing,
    )


# -- rows ----------------------------------------------------------------------------------------


def _rows(person: Person, rows: Sequence[Contribution]) -> tuple[ScoreRow, ...]:
    said = _said(person)
    return tuple(
        ScoreRow(
            group=row.group,
            rule=row.rule,
            what=said.get((row.group, row.rule), _CAP if row.rule == "cap" else ""),
            count=row.count,
            last_on=date.fromordinal(row.last_day) if row.last_day is not None else None,
            raw=row.raw,
            net=row.net,
        )
        for row in rows
    )


_CAP = "held at its limit"


def _said(person: Person) -> dict[tuple[str, str], str]:
    """Return in plain words what each rule counts."""
    rules, words = person.project.qualification, person.words
    found = {("manual", "adjusted"): "points added by sequences or by hand"}
    for group in rules.engagement.groups:
        for rule in group.rules:
            found[group.id, rule.id] = words.happened(rule.kind, rule.subject or None)
    for fit_rule in rules.fit.rules:
        field = person.project.fields.get(fit_rule.key)
        found["fit", fit_rule.id] = (
            words.rule(fit_rule.text) if fit_rule.when is not None else field.label if field else ""
        )
    return found


def _readiness(person: Person) -> Axis:
    """Return readiness as a row sum too: both weighted parts, and what rounding took away."""
    weights, standing = person.project.qualification.readiness, person.found.standing
    parts = (
        ("fit", weights.fit_weight, standing.fit),
        ("engagement", weights.engagement_weight, standing.engagement),
    )
    rows = [
        ScoreRow(
            group="readiness",
            rule=name,
            what=f"{weight} % of {name}",
            count=0,
            last_on=None,
            raw=value,
            net=weight * value // 100,
        )
        for name, weight, value in parts
    ]
    rest = standing.readiness * MILLI - sum(row.net for row in rows)
    if rest:
        rows.append(
            ScoreRow(
                group="readiness",
                rule="rounded",
                what="rounded down to a whole number from 0 to 100",
                count=0,
                last_on=None,
                raw=0,
                net=rest,
            )
        )
    return Axis(name="readiness", value=standing.readiness * MILLI, rows=tuple(rows))


# -- gates and traits ----------------------------------------------------------------------------


def _gates(person: Person, now: datetime) -> Iterator[GateExplained]:
    for rule in person.project.qualification.gates:
        tree = explain_rule(person, rule.text, rule.when, now=now, gate=True)
        fields = person.project.fields
        asks = [fields[key] for key in rule.ask if key in fields]
        known = person.provenance.in_force(now)
        yield GateExplained(
            gate=rule.gate,
            verdict=person.found.standing.verdicts[rule.gate],
            rule=person.words.rule(rule.text),
            tree=tree,
            evidence=tuple(f"{leaf.text}: {leaf.because}" for leaf in leaves_of(tree)),
            ask=tuple(f.question or f.label for f in asks if f.key not in known),
        )
    yield _nurtured(person)


def _nurtured(person: Person) -> GateExplained:
    rule, history = person.project.qualification.nurtured, person.history
    evidence = [f"{history.touches} of {rule.touches} touches on different days"]
    if history.first_touch and history.last_touch:
        span = int((history.last_touch - history.first_touch).total_seconds())
        evidence.append(
            f"from {person.zones.day(history.first_touch)} to "
            f"{person.zones.day(history.last_touch)}: {say_seconds(span)} "
            f"of {say_seconds(rule.span_seconds)}"
        )
    return GateExplained(
        gate=Gate.NURTURED,
        verdict=person.found.standing.verdicts[Gate.NURTURED],
        rule=f"{rule.touches} touches over {say_seconds(rule.span_seconds)}",
        tree=None,
        evidence=tuple(evidence),
        ask=(),
    )


def _traits(person: Person, now: datetime) -> Iterator[TraitExplained]:
    for rule in person.project.qualification.traits:
        value = person.found.standing.traits[rule.trait]
        because = "no row of the rule matches"
        for row in rule.rows:
            tree = explain_rule(person, row.text, row.when, now=now)
            if tree.answer is Verdict.PASS:
                because = person.words.rule(row.text)
                break
        yield TraitExplained(trait=rule.trait, value=value, minimum=rule.minimum, because=because)


# -- what is missing -----------------------------------------------------------------------------


def _missing(person: Person, gates: Sequence[GateExplained]) -> Iterator[str]:
    """Say what stands between the lead and sales, most fundamental first."""
    stage = person.found.standing.stage
    if stage in ENDED:
        yield f"nothing leads on from the stage {person.words.stage(stage)}"
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
    if stage is Stage.LEAD and not _open(gates):
        yield "nothing: the next assessment makes a prospect of this lead"


def _failing(gate: GateExplained) -> Iterator[str]:
    for leaf in leaves_of(gate.tree) if gate.tree else ():
        if leaf.answer is Verdict.FAIL:
            yield f"it wants that {leaf.text}, and {leaf.because}"


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
