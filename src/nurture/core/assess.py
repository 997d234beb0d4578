"""Assess a lead: from everything known, where does it stand now and what follows from that?

Scores first, then gates, traits, stage, temperature, entries and handoff, each seeing what the
ones before it found. The result also says when to look again if nothing happens until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nurture.core.condition import Facts, holds, judge
from nurture.core.entries import entries
from nurture.core.history import History
from nurture.core.lead import IN_PLAY, Gate, Stage, Standing, Temperature, Verdict
from nurture.core.moves import Move, MoveReason, heard, next_move, with_sales
from nurture.core.next_check import next_check, next_turn
from nurture.core.overrides import pinned_temperature, said_since
from nurture.core.project import Project, TraitRow
from nurture.core.recheck import Ask, asks
from nurture.core.score import Fit, Score, engagement, fit, readiness
from nurture.core.wakeups import (
    Arrival,
    arrivals,
    named_days,
    new_until,
    overstays,
    stage_until,
    unclear,
    urgent,
)

MAX_MOVES = 4
"""Stage moves in one assessment: from the inactive file to opportunity takes three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What is true of the lead now, and what the engine must store because of it."""

    standing: Standing
    scores: tuple[Score, Fit]
    moves: tuple[Move, ...] = ()
    enter: tuple[str, ...] = ()
    hand_off: bool = False
    locked: bool = False
    erase: bool = False
    check_at: datetime | None = None
    asks: tuple[Ask, ...] = ()
    arrived: tuple[Arrival, ...] = ()
    temperature_at: datetime | None = None


def assess(facts: Facts, history: History, project: Project, *, now: datetime) -> Assessment:
    """Return where the lead stands now and what follows.

    Same facts, history, project and clock give the same assessment.
    """
    history = heard(facts, history, project, now)
    scored, scores = _score(facts, history, project, now)
    judged = _judge(scored, history, project, now)
    moved, moves, history = _move(judged, history, project, now)
    if moves:
        # At another stage the temperature begins anew.
        moved = replace(moved, lead=replace(moved.lead, temperature_at=None))
        history = replace(history, stage_at=now)
    final = _warm(moved, history, project, now)
    erase = final.lead.standing.temperature is Temperature.CLOSED
    in_play = final.lead.standing.stage in IN_PLAY
    locked = with_sales(history)
    enter = () if erase or not in_play else entries(final, history, project, now)
    return Assessment(
        standing=final.lead.standing,
        temperature_at=final.lead.temperature_at,
        scores=scores,
        moves=moves,
        enter=enter,
        hand_off=in_play and not erase and _qualified(final, history, project),
        locked=locked,
        erase=erase,
        check_at=_check_at(final, history, project, now),
        asks=_asks(final, history, project, now) if in_play and not erase else (),
        arrived=tuple(arrivals(final, history, project, now)) if in_play and not erase else (),
    )


def _asks(facts: Facts, history: History, project: Project, now: datetime) -> tuple[Ask, ...]:
    late = (*unclear(facts, project, now), *overstays(facts, history, project, now))
    return (*asks(facts, history, project), *late, *urgent(facts, history, project))


def _check_at(facts: Facts, history: History, project: Project, now: datetime) -> datetime | None:
    """Return when to look again; outside the game only for what segments may ask, never a move."""
    standing = facts.lead.standing
    if standing.temperature is Temperature.CLOSED or standing.stage is Stage.ERASED:
        return None
    end = history.overrides.next_end(now=now)
    if standing.stage not in IN_PLAY:
        turn = next_turn(facts, history, project, now)
        return min((at for at in (turn, end) if at is not None), default=None)
    limits = [new_until(facts.lead, project), stage_until(facts.lead, history, project)]
    days = [one.at for one in named_days(facts.lead, project)]
    dates = [at for at in (*days, *limits, end) if at is not None and at > now]
    return min([next_check(facts, history, project, now), *dates])


def _with(facts: Facts, standing: Standing) -> Facts:
    return replace(facts, lead=replace(facts.lead, standing=standing))


def _score(
    facts: Facts, history: History, project: Project, now: datetime
) -> tuple[Facts, tuple[Score, Fit]]:
    rules = project.qualification
    engaged = engagement(rules.engagement, history.tallies, day=facts.today.toordinal())
    fitting = fit(rules.fit, facts, now=now)
    standing = replace(
        facts.lead.standing,
        fit=fitting.score.value,
        engagement=engaged.value,
        grade=fitting.grade,
        readiness=readiness(rules.readiness, fit=fitting.score.value, engagement=engaged.value),
    )
    return _with(facts, standing), (engaged, fitting)


def _judge(facts: Facts, history: History, project: Project, now: datetime) -> Facts:
    rules = project.qualification
    verdicts = {rule.gate: judge(rule.when, facts, now=now) for rule in rules.gates}
    verdicts[Gate.NURTURED] = _nurtured(history, project)
    verdicts |= _waived(verdicts, history)
    facts = _with(facts, replace(facts.lead.standing, verdicts=verdicts))
    traits = {rule.trait: _first_value(rule.rows, facts, now) for rule in rules.traits}
    return _with(facts, replace(facts.lead.standing, traits=traits))


def _waived(verdicts: Mapping[Gate, Verdict], history: History) -> dict[Gate, Verdict]:
    """Let gates pass that a person waived: an open one, and a failed one only if they said so."""
    return {
        gate: Verdict.PASS
        for gate, waiver in history.overrides.waivers.items()
        if verdicts[gate] is Verdict.UNKNOWN or waiver.even_fail
    }


def _first_value(rows: Iterable[TraitRow], facts: Facts, now: datetime) -> int:
    return next((row.value for row in rows if holds(row.when, facts, now=now)), 0)


def _nurtured(history: History, project: Project) -> Verdict:
    rule = project.qualification.nurtured
    if history.touches < rule.touches or not history.first_touch or not history.last_touch:
        return Verdict.UNKNOWN
    span = history.last_touch - history.first_touch
    return Verdict.PASS if span >= timedelta(seconds=rule.span_seconds) else Verdict.UNKNOWN


def _move(
    facts: Facts, history: History, project: Project, now: datetime
) -> tuple[Facts, tuple[Move, ...], History]:
    """Take stage moves one at a time until none applies; each sees the stage before it."""
    moves: list[Move] = []
    while (move := next_move(facts, history, project, now)) is not None and len(moves) < MAX_MOVES:
        moves.append(move)
        facts = _with(facts, replace(facts.lead.standing, stage=move.after))
        if move.reason == MoveReason.RECYCLED:
            history = _new_cycle(history, now)
            facts = _judge(_given_back(facts, now), history, project, now)
    return facts, tuple(moves), history


def _new_cycle(history: History, now: datetime) -> History:
    """Return what of the history counts in a cycle that begins now."""
    committed = history.committed_at
    return replace(
        history,
        handoff=None,
        touches=0,
        committed_at=committed if committed is not None and committed >= now else None,
        overrides=said_since(history.overrides, now),
    )


def _given_back(facts: Facts, now: datetime) -> Facts:
    standing = replace(facts.lead.standing, cycle=facts.lead.standing.cycle + 1)
    # Sales has just spoken with them: silence counts from here.
    return _with(replace(facts, lead=replace(facts.lead, last_life_at=now)), standing)


def _warm(facts: Facts, history: History, project: Project, now: datetime) -> Facts:
    """Set the temperature. Only prospects and later have one; closed can be anybody."""
    found = Temperature.NEW
    early = facts.lead.standing.stage in (Stage.SUSPECT, Stage.LEAD)
    for rule in project.qualification.temperatures:
        if early and rule.temperature is not Temperature.CLOSED:
            continue
        if holds(rule.when, facts, now=now):
            found = rule.temperature
            break
    said = pinned_temperature(history.overrides)
    if said is not None and not early and found is not Temperature.CLOSED:
        found = said
    before, after = facts.lead.standing, replace(facts.lead.standing, temperature=found)
    facts = _with(facts, after)
    if found is before.temperature and facts.lead.temperature_at is not None:
        return facts
    return replace(facts, lead=replace(facts.lead, temperature_at=now))


def _qualified(facts: Facts, history: History, project: Project) -> bool:
    """Say whether a handoff is due: qualified, nurtured, ready, reachable, none in this cycle."""
    standing = facts.lead.standing
    return (
        project.qualification.handoff.reached_by(standing.stage)
        and standing.verdicts[Gate.NURTURED] is Verdict.PASS
        and standing.readiness >= project.qualification.handoff.floor
        and not facts.lead.suppressed
        and history.handoff is None
    )
