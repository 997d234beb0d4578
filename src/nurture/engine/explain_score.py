"""Explain a lead's scores: rows that add up exactly, gates with evidence, what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime

from nurture.core.condition import Constant, judge, refs_of
from nurture.core.event import EventKind
from nurture.core.lead import ENDED, Gate, Stage, Temperature, Verdict
from nurture.core.persona import Persona, persona_of
from nurture.core.project import FitRule
from nurture.core.score import MILLI, Contribution, Score, Tally, engagement, unmet
from nurture.engine.evidence import Evidence, read_evidence
from nurture.engine.explain import NEVER, UNTOLD, Node, explain_rule, leaves_of
from nurture.engine.explain_change import missing, next_crossing, smallest_changes
from nurture.engine.explained import (
    UNKNOWN_BAND,
    Axis,
    Confidence,
    GateExplained,
    RuleMissed,
    ScoreExplained,
    ScoreRow,
    TemperatureExplained,
    TraitExplained,
    Trend,
)
from nurture.engine.moments import say_seconds
from nurture.engine.outlook import looks_ahead
from nurture.engine.person import Person, look_at
from nurture.engine.provenance import Told
from nurture.engine.recheck_words import say_otherwise
from nurture.engine.runtime import Runtime, home_zone
from nurture.engine.words import both
from nurture.store.db import Connection

LOWEST_BAND = "3"
"""What engagement below both bands is called."""
NO_BAND = "not yet"
"""What readiness below every band is called."""
SURE_FROM, FAIR_FROM = 75, 45
"""Percent of what readiness rests on that must be known for high and for fair confidence."""


def explain_lead(
    runtime: Runtime, connection: Connection, lead_id: int, *, now: datetime
) -> ScoreExplained:
    """Return why the lead's scores, gates and traits are what they are at this moment."""
    person = look_at(runtime, connection, lead_id, now=now)
    evidence = read_evidence(connection, person, now=now)
    return explain_score(person, evidence, now=now)


def explain_score(person: Person, evidence: Evidence, *, now: datetime) -> ScoreExplained:
    """Return the same of a person and the evidence that were read before."""
    rules, standing = person.project.qualification, person.found.standing
    fitting = person.found.scores[1]
    day = person.facts.today.toordinal()
    engaged = engagement(rules.engagement, evidence.tallies, day=day)
    gates = tuple(_gates(person, evidence, now))
    looks = [] if standing.stage in ENDED else looks_ahead(person, now=now)
    band = band_of(rules.engagement.bands, standing.engagement // MILLI, LOWEST_BAND)
    return ScoreExplained(
        uid=person.lead.uid,
        who=_who(person),
        as_of=now,
        version=rules.version,
        signed={one.team: one.name for one in rules.signatures},
        stage=standing.stage,
        grade=standing.grade,
        coverage_percent=fitting.coverage_percent,
        band=band,
        cell=f"{standing.grade}{band}",
        readiness_band=(
            band_of(rules.readiness.bands, standing.readiness, NO_BAND)
            if standing.readiness_known
            else UNKNOWN_BAND
        ),
        confidence=_confidence(person, engaged),
        trend=_trend(person, evidence),
        engagement=Axis(
            name="engagement",
            value=engaged.value,
            rows=tuple(_event_rows(person, evidence, engaged)),
        ),
        fit=Axis(
            name="fit",
            value=fitting.score.value,
            rows=tuple(_fit_row(person, row, now) for row in fitting.score.rows),
        ),
        readiness=_readiness(person),
        not_known=tuple(_not_known(person, now)),
        unmet=tuple(one.reason for one in unmet(rules.fit, person.facts, now=now)),
        gates=gates,
        traits=tuple(_traits(person, now)),
        temperature=_temperature(person, now),
        overrides=person.history.overrides.all(),
        changes=tuple(smallest_changes(person, now=now)),
        missing=tuple(missing(person, gates, now=now)),
        next_crossing=next_crossing(person),
        next_look=looks[0] if looks else None,
        stored=person.lead.standing,
    )


def _who(person: Person) -> str:
    named = person.name or person.lead.email or person.lead.uid[:12]
    return f"{named} ({person.company})" if person.company else named


def band_of(bands: Mapping[str, int], points: int, below: str) -> str:
    """Return the band that so many points are in; `below` if they reach none."""
    reached = sorted(bands.items(), key=lambda item: -item[1])
    return next((name for name, low in reached if points >= low), below)


def _confidence(person: Person, engaged: Score) -> Confidence:
    """Count fit by how much of it is known, and engagement once anything counted."""
    weights = person.project.qualification.readiness
    heard = 100 if any(row.count for row in engaged.rows) else 0
    known = person.found.scores[1].coverage_percent
    percent = (weights.fit_weight * known + weights.engagement_weight * heard) // 100
    word = "high" if percent >= SURE_FROM else "fair" if percent >= FAIR_FROM else "low"
    return Confidence(percent=percent, word=word)


def _trend(person: Person, evidence: Evidence) -> Trend | None:
    if evidence.week_ago is None:
        return None
    change = person.found.standing.readiness - evidence.week_ago
    return Trend(week_ago=evidence.week_ago, change=change)


# -- rows ----------------------------------------------------------------------------------------


def _row(row: Contribution, what: str, evidence: tuple[int, ...], on: date | None) -> ScoreRow:
    return ScoreRow(
        group=row.group,
        rule=row.rule,
        what=what,
        evidence=evidence,
        on=on,
        count=row.count,
        raw=row.raw,
        over_day=row.over_day,
        over_count=row.over_count,
        faded=row.faded,
        over_group=row.over_group,
        over_score=row.over_score,
        net=row.net,
    )


def _event_rows(person: Person, evidence: Evidence, engaged: Score) -> Iterator[ScoreRow]:
    said = {tally.event_id: _said(person, tally) for tally in evidence.tallies}
    for row in engaged.rows:
        ids = () if row.event_id is None else (row.event_id,)
        what = said.get(row.event_id, "a limit that leaves zero out")
        yield _row(row, what, ids, date.fromordinal(row.day) if row.day else None)


def _said(person: Person, tally: Tally) -> str:
    if tally.kind is EventKind.SCORE_ADJUSTED:
        return f"points given: {tally.subject}" if tally.subject else "points given"
    return person.words.happened(tally.kind, tally.subject or None)


def _fit_row(person: Person, row: Contribution, now: datetime) -> ScoreRow:
    rules = {rule.id: rule for rule in person.project.qualification.fit.rules}
    rule = rules.get(row.rule)
    persona = _persona(person, now) if rule and rule.personas else None
    told = _told_for(person, rule, persona, now) if rule else []
    what = both(_value(person, one) for one in told) or row.rule
    if persona:
        what = f"persona {persona.title}: {what}"
    newest = max((one.at for one in told), default=None)
    on = newest.astimezone(home_zone(person.project)).date() if newest else None
    return _row(row, what, tuple(one.id for one in told), on)


def _persona(person: Person, now: datetime) -> Persona | None:
    facts = person.facts
    return persona_of(person.project.personas.values(), facts.lead, today=facts.today, now=now)


def _told_for(person: Person, rule: FitRule, persona: Persona | None, now: datetime) -> list[Told]:
    """Return the facts that a fit rule rests on; of personas only the lead's own asks for any."""
    when = persona.when if persona else rule.when
    keys = [rule.key] if when is None else [ref.text for ref in refs_of(when)]
    found = (person.provenance.at(key, now) for key in keys)
    return [told for told in found if told is not None]


def _value(person: Person, told: Told) -> str:
    field = person.project.fields.get(told.key)
    label = field.label if field else told.key
    origin = told.said(person.words, person.zones)
    return f"{label} is {person.words.answer(told.key, told.value)} ({origin})"


def _not_known(person: Person, now: datetime) -> Iterator[str]:
    """Name the fields that fit asks for and nobody told, where an answer could change it."""
    known = person.provenance.in_force(now)
    keys: dict[str, None] = {}
    for rule in person.project.qualification.fit.rules:
        if rule.when is None:
            keys[rule.key] = None
        elif judge(rule.when, person.facts, now=now) is Verdict.UNKNOWN:
            keys |= dict.fromkeys(ref.text for ref in refs_of(rule.when))
    fields = person.project.fields
    return (fields[key].label for key in keys if key in fields and key not in known)


def _readiness(person: Person) -> Axis:
    """Return readiness as a row sum too: both weighted parts, and what rounding took away."""
    weights, standing = person.project.qualification.readiness, person.found.standing
    parts = (
        ("fit", weights.fit_weight, standing.fit),
        ("engagement", weights.engagement_weight, standing.engagement),
    )
    shares = [
        (name, f"{weight} % of {name}", weight * value // 100) for name, weight, value in parts
    ]
    rest = standing.readiness * MILLI - sum(share for _, _, share in shares)
    if rest:
        shares.append(("rounded", "rounded down to a whole number from 0 to 100", rest))
    rows = tuple(
        ScoreRow(
            group="readiness", rule=name, what=what, evidence=(), on=None, count=0, raw=share,
            over_day=0, over_count=0, faded=0, over_group=0, over_score=0, net=share,
        )
        for name, what, share in shares
    )  # fmt: skip
    return Axis(name="readiness", value=standing.readiness * MILLI, rows=rows)


# -- gates, traits, temperature ------------------------------------------------------------------


def _gates(person: Person, evidence: Evidence, now: datetime) -> Iterator[GateExplained]:
    waivers = person.history.overrides.waivers
    for rule in person.project.qualification.gates:
        tree = explain_rule(person, rule.text, rule.when, now=now, gate=True)
        fields = person.project.fields
        asks = [fields[key] for key in rule.ask if key in fields]
        known = person.provenance.in_force(now)
        yield GateExplained(
            gate=rule.gate,
            verdict=person.found.standing.verdicts[rule.gate],
            since=evidence.answered.get(rule.gate),
            rule=person.words.rule(rule.text),
            tree=tree,
            evidence=tuple(
                f"{leaf.text}: {leaf.because}" if leaf.because else leaf.text
                for leaf in leaves_of(tree)
            ),
            ask=tuple(f.question or f.label for f in asks if f.key not in known),
            waived=waivers.get(rule.gate),
            instead=tuple(say_otherwise(rule.otherwise)),
        )
    yield _nurtured(person, evidence)


def _nurtured(person: Person, evidence: Evidence) -> GateExplained:
    rule, history = person.project.qualification.nurtured, person.history
    told = [f"{history.touches} of {rule.touches} touches on different days"]
    if history.first_touch and history.last_touch:
        span = int((history.last_touch - history.first_touch).total_seconds())
        first, last = (person.zones.day(at) for at in (history.first_touch, history.last_touch))
        apart = f"from {first} to {last}, {say_seconds(span)} apart" if span else f"on {first} only"
        told.append(f"{apart}, where {say_seconds(rule.span_seconds)} are wanted")
    return GateExplained(
        gate=Gate.NURTURED,
        verdict=person.found.standing.verdicts[Gate.NURTURED],
        since=evidence.answered.get(Gate.NURTURED),
        rule=f"{rule.touches} touches over {say_seconds(rule.span_seconds)}",
        tree=None,
        evidence=tuple(told),
        ask=(),
        waived=person.history.overrides.waivers.get(Gate.NURTURED),
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


def _temperature(person: Person, now: datetime) -> TemperatureExplained:
    standing = person.found.standing
    by_rules, told = _by_rules(person, now)
    pin = person.history.overrides.temperature
    if pin is None or standing.temperature != pin.value or standing.temperature == by_rules:
        return replace(told, temperature=standing.temperature)
    because = f"set by hand ({pin.said}); by the rules it would be {by_rules}"
    return TemperatureExplained(
        temperature=standing.temperature, rule="", because=because, missed=()
    )


def _by_rules(person: Person, now: datetime) -> tuple[Temperature, TemperatureExplained]:
    """Return the temperature that the rules find, and why."""
    early = person.found.standing.stage in (Stage.SUSPECT, Stage.LEAD)
    missed: list[RuleMissed] = []
    for rule in person.project.qualification.temperatures:
        if early and rule.temperature is not Temperature.CLOSED:
            continue
        tree = explain_rule(person, rule.text, rule.when, now=now)
        said = person.words.rule(rule.text)
        if tree.answer is not Verdict.PASS:
            lacks = both(_denied(leaf) for leaf in leaves_of(tree) if leaf.answer is Verdict.FAIL)
            missed.append(RuleMissed(temperature=rule.temperature, rule=said, because=lacks))
            continue
        held = both(
            f"{leaf.text}: {leaf.because}"
            for leaf in leaves_of(tree)
            if leaf.because and leaf.answer is Verdict.PASS
        )
        if isinstance(rule.when, Constant):
            held = "no rule before it holds" if missed else "it holds for everybody"
        return rule.temperature, TemperatureExplained(
            temperature=rule.temperature, rule=said, because=held, missed=tuple(missed)
        )
    because = "asked only from the stage prospect on" if early else "no rule holds"
    return Temperature.NEW, TemperatureExplained(
        temperature=Temperature.NEW, rule="", because=because, missed=tuple(missed)
    )


def _denied(leaf: Node) -> str:
    because = "" if leaf.because in (NEVER, UNTOLD) else leaf.because
    return f"{leaf.otherwise} ({because})" if because else leaf.otherwise
