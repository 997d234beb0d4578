"""Assess a lead: from everything known, where does it stand now and what follows from that?

Scores first, then gates, traits, stage, temperature, entries and handoff, each seeing what the
ones before it found. The result also says when to look again if nothing happens until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from nurture.core.address import is_role_account
from nurture.core.condition import (
    Compare,
    Condition,
    DatePast,
    DateWithin,
    Facts,
    Happened,
    OneOf,
    Sent,
    Silent,
    holds,
    judge,
    last_life,
    last_sent,
    last_time,
    value_of,
)
from nurture.core.event import EventKind
from nurture.core.lead import (
    IN_PLAY,
    QUALIFYING_GATES,
    Gate,
    Lead,
    Stage,
    Standing,
    Temperature,
    Verdict,
)
from nurture.core.policy import zone
from nurture.core.project import Project, TraitRow
from nurture.core.score import MILLI, Fit, Score, Tally, crossing_day, engagement, fit
from nurture.core.sequence import Sequence as NurtureSequence

REQUALIFY = timedelta(days=30)
"""Every lead in play is looked at this often, whatever happens."""
MAX_MOVES = 4
"""Stage moves in one assessment: from the inactive file to opportunity takes three."""


class MoveReason:
    """Reasons of stage moves that the engine itself gives."""

    QUALIFIED = "all three gates pass"
    GATE_FAILED = "a gate fails"
    TRAITS = "pain, interest and fit are shown"
    EXCLUDED = "excluded"
    WON = "won by sales"
    LOST = "lost by sales"
    RECYCLED = "given back by sales"
    SILENT = "silent for too long"
    ARCHIVED = "archived by a sequence"
    REVIVED = "showed a sign of life"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffView:
    """The handoff of the lead's present cycle: where it stands and what sales answered."""

    state: str
    answer: EventKind | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What an assessment needs besides the facts of conditions.

    Touches are the meaningful ones since the present cycle began. `left_at` names sequences the
    lead has been through, with the last end; `groups` the exclusive groups it is in now.
    `next_expiry` is when the next profile fact stops being valid.
    """

    tallies: Sequence[Tally] = ()
    touches: int = 0
    first_touch: datetime | None = None
    last_touch: datetime | None = None
    next_expiry: datetime | None = None
    handoff: HandoffView | None = None
    left_at: Mapping[str, datetime] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    open_enrollments: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A change of stage, with the rule and the evidence it rests on."""

    before: Stage
    after: Stage
    reason: str
    evidence: Mapping[str, str] = field(default_factory=dict)


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


def assess(facts: Facts, history: History, project: Project, *, now: datetime) -> Assessment:
    """Return where the lead stands now and what follows.

    Same facts, history, project and clock give the same assessment.
    """
    scored, scores = _score(facts, history, project, now)
    judged = _judge(scored, history, project, now)
    moved, moves = _move(judged, history, project, now)
    final = _warm(moved, project, now)
    erase = final.lead.standing.temperature is Temperature.CLOSED
    in_play = final.lead.standing.stage in IN_PLAY
    locked = _locked(history)
    enter = () if erase or not in_play else _entries(final, history, project, now)
    return Assessment(
        standing=final.lead.standing,
        scores=scores,
        moves=moves,
        enter=enter,
        hand_off=in_play and not erase and _qualified(final, history, project),
        locked=locked,
        erase=erase,
        check_at=_next_check(final, history, project, now) if in_play and not erase else None,
    )


def _with(facts: Facts, standing: Standing) -> Facts:
    return replace(facts, lead=replace(facts.lead, standing=standing))


def _score(
    facts: Facts, history: History, project: Project, now: datetime
) -> tuple[Facts, tuple[Score, Fit]]:
    rules = project.qualification
    engaged = engagement(rules.engagement, history.tallies, day=facts.today.toordinal())
    fitting = fit(rules.fit, facts, now=now)
    weights = rules.readiness
    readiness = (
        weights.fit_weight * fitting.score.value + weights.engagement_weight * engaged.value
    ) // (100 * MILLI)
    standing = replace(
        facts.lead.standing,
        fit=fitting.score.value,
        engagement=engaged.value,
        grade=fitting.grade,
        readiness=min(max(readiness, 0), 100),
    )
    return _with(facts, standing), (engaged, fitting)


def _judge(facts: Facts, history: History, project: Project, now: datetime) -> Facts:
    rules = project.qualification
    verdicts = {rule.gate: judge(rule.when, facts, now=now) for rule in rules.gates}
    verdicts[Gate.NURTURED] = _nurtured(history, project)
    facts = _with(facts, replace(facts.lead.standing, verdicts=verdicts))
    traits = {rule.trait: _first_value(rule.rows, facts, now) for rule in rules.traits}
    return _with(facts, replace(facts.lead.standing, traits=traits))


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
) -> tuple[Facts, tuple[Move, ...]]:
    """Take stage moves one at a time until none applies; each sees the stage before it."""
    moves: list[Move] = []
    while (move := _next_move(facts, history, project, now)) is not None and len(moves) < MAX_MOVES:
        moves.append(move)
        standing = replace(facts.lead.standing, stage=move.after)
        if move.reason == MoveReason.RECYCLED:
            standing = replace(standing, cycle=standing.cycle + 1)
            history = replace(history, handoff=None, touches=0)
            standing = replace(
                standing, verdicts={**standing.verdicts, Gate.NURTURED: Verdict.UNKNOWN}
            )
            # Sales has just spoken with them: silence counts from here.
            facts = replace(facts, lead=replace(facts.lead, last_life_at=now))
        facts = _with(facts, standing)
    return facts, tuple(moves)


_ANSWER_MOVES = {
    EventKind.HANDOFF_WON: (Stage.CUSTOMER, MoveReason.WON),
    EventKind.HANDOFF_LOST: (Stage.LOST, MoveReason.LOST),
    EventKind.HANDOFF_REJECTED: (Stage.LEAD, MoveReason.RECYCLED),
    EventKind.HANDOFF_RECYCLED: (Stage.LEAD, MoveReason.RECYCLED),
}


def _next_move(facts: Facts, history: History, project: Project, now: datetime) -> Move | None:
    standing = facts.lead.standing
    if standing.stage not in IN_PLAY:
        return _revival(facts, project, now)
    answer = history.handoff.answer if history.handoff else None
    if history.handoff and answer in _ANSWER_MOVES:
        stage, reason = _ANSWER_MOVES[answer]
        return Move(
            before=standing.stage,
            after=stage,
            reason=reason,
            evidence={"sales said": history.handoff.reason or str(answer)},
        )
    for exclusion in project.qualification.fit.exclusions:
        if holds(exclusion.when, facts, now=now):
            return _step(standing, Stage.DISQUALIFIED, f"excluded: {exclusion.reason}")
    return _gate_move(facts, project) or _silent_move(facts, history, project, now)


def _silent_move(facts: Facts, history: History, project: Project, now: datetime) -> Move | None:
    """Archive who has been silent for too long; an open sequence is still the last chance."""
    at_rest = not history.open_enrollments and not _locked(history)
    if at_rest and is_silent(facts.lead, project, now=now):
        return _step(facts.lead.standing, Stage.INACTIVE, MoveReason.SILENT)
    return None


def _gate_move(facts: Facts, project: Project) -> Move | None:
    standing = facts.lead.standing
    answers = [standing.verdicts[gate] for gate in QUALIFYING_GATES]
    if standing.stage is Stage.LEAD and all(answer is Verdict.PASS for answer in answers):
        return _step(standing, Stage.PROSPECT, MoveReason.QUALIFIED)
    if standing.stage in (Stage.PROSPECT, Stage.OPPORTUNITY) and Verdict.FAIL in answers:
        return _step(standing, Stage.LEAD, MoveReason.GATE_FAILED)
    shown = all(
        standing.traits[rule.trait] >= rule.minimum for rule in project.qualification.traits
    )
    if standing.stage is Stage.PROSPECT and shown:
        return _step(standing, Stage.OPPORTUNITY, MoveReason.TRAITS)
    return None


def _revival(facts: Facts, project: Project, now: datetime) -> Move | None:
    """Bring an inactive lead back when it shows a sign of life after it was archived.

    A sign that was long ago when it was reported brings nobody back: silence would undo it.
    """
    if facts.lead.standing.stage is not Stage.INACTIVE:
        return None
    archived, alive = facts.lead.archived_at, facts.lead.last_life_at
    if archived is None or alive is None or alive <= archived:
        return None
    back = replace(facts.lead, standing=replace(facts.lead.standing, stage=Stage.LEAD))
    if is_silent(back, project, now=now):
        return None
    return _step(facts.lead.standing, Stage.LEAD, MoveReason.REVIVED)


def _step(standing: Standing, after: Stage, reason: str) -> Move:
    evidence = {str(gate): str(verdict) for gate, verdict in standing.verdicts.items()}
    evidence |= {str(trait): str(value) for trait, value in standing.traits.items()}
    return Move(before=standing.stage, after=after, reason=reason, evidence=evidence)


def _warm(facts: Facts, project: Project, now: datetime) -> Facts:
    """Set the temperature. Only prospects and later have one; closed can be anybody."""
    found = Temperature.NEW
    for rule in project.qualification.temperatures:
        if rule.temperature is not Temperature.CLOSED and facts.lead.standing.stage in (
            Stage.SUSPECT,
            Stage.LEAD,
        ):
            continue
        if holds(rule.when, facts, now=now):
            found = rule.temperature
            break
    return _with(facts, replace(facts.lead.standing, temperature=found))


_SALES_HAS_IT = frozenset({"ready", "delivered"})


def _locked(history: History) -> bool:
    """Say whether sales has the lead: released, and not given back, won or lost."""
    view = history.handoff
    if view is None or view.state not in _SALES_HAS_IT:
        return False
    return view.answer not in _ANSWER_MOVES


def _qualified(facts: Facts, history: History, project: Project) -> bool:
    """Say whether a handoff row is due: qualified, nurtured, reachable, none in this cycle."""
    standing = facts.lead.standing
    return (
        project.qualification.handoff.reached_by(standing.stage)
        and standing.verdicts[Gate.NURTURED] is Verdict.PASS
        and not facts.lead.suppressed
        and history.handoff is None
    )


def _entries(facts: Facts, history: History, project: Project, now: datetime) -> tuple[str, ...]:
    """Return the sequences to enter now, highest priority first; one per exclusive group."""
    if facts.lead.suppressed:
        return ()
    groups = set(history.groups)
    chosen = []
    for sequence in entry_order(project):
        if sequence.sends_mail and not _mailable(facts.lead):
            continue
        if sequence.name in facts.inside or (sequence.exclusive and sequence.exclusive in groups):
            continue
        if may_enter(sequence, history.left_at, now=now) and holds(sequence.enter, facts, now=now):
            chosen.append(sequence.name)
            if sequence.exclusive:
                groups.add(sequence.exclusive)
    return tuple(chosen)


def _mailable(lead: Lead) -> bool:
    """Say whether there is a person's address; abuse@ and its like are not enrolled (RFC 2142)."""
    return bool(lead.email) and not is_role_account(lead.email)


def entry_order(project: Project) -> list[NurtureSequence]:
    """Return the sequences in the order in which entry is tried."""
    return sorted(project.sequences.values(), key=lambda s: (-s.priority, s.name))


def may_enter(sequence: NurtureSequence, left_at: Mapping[str, datetime], *, now: datetime) -> bool:
    """Say whether the re-entry rule allows the lead in (again)."""
    left = left_at.get(sequence.name)
    if left is None:
        return True
    return sequence.reentry_seconds is not None and now >= left + timedelta(
        seconds=sequence.reentry_seconds
    )


def _next_check(facts: Facts, history: History, project: Project, now: datetime) -> datetime:
    """Return the earliest time at which anything could change without a new event."""
    moments = [now + REQUALIFY]
    moments.extend(_window_ends(facts, project))
    moments.extend(_date_turns(facts, project))
    if history.next_expiry is not None:
        moments.append(history.next_expiry)
    for name, left in history.left_at.items():
        sequence = project.sequences.get(name)
        if sequence is not None and sequence.reentry_seconds is not None:
            moments.append(left + timedelta(seconds=sequence.reentry_seconds))
    definition = project.qualification.stages.get(facts.lead.standing.stage)
    if definition is not None and definition.silence_seconds is not None:
        moments.append(last_life(facts.lead) + timedelta(seconds=definition.silence_seconds))
    day = crossing_day(
        project.qualification.engagement,
        history.tallies,
        engagement_thresholds(project, facts.lead.standing.fit),
        day=facts.today.toordinal(),
    )
    if day is not None:
        moments.append(midnight(date.fromordinal(day), project.workspace.time_zone))
    return min(moment for moment in moments if moment > now)


def _window_ends(facts: Facts, project: Project) -> Iterable[datetime]:
    for leaf in project.leaves:
        match leaf:
            case Happened(kind, subject, int(within)):
                at = last_time(facts, kind, subject)
                if at is not None:
                    yield at + timedelta(seconds=within)
            case Sent(template, int(within)):
                at = last_sent(facts, template)
                if at is not None:
                    yield at + timedelta(seconds=within)
            case Silent(seconds):
                yield last_life(facts.lead) + timedelta(seconds=seconds)
            case _:
                pass


def _date_turns(facts: Facts, project: Project) -> Iterable[datetime]:
    for leaf in project.leaves:
        if not isinstance(leaf, DateWithin | DatePast):
            continue
        value = value_of(leaf.ref, facts)
        ahead = leaf.days if isinstance(leaf, DateWithin) else 0
        try:
            day = date.fromisoformat(str(value))
            turns = (day - timedelta(days=ahead), day, day + timedelta(days=1))
            yield from [midnight(turn, project.workspace.time_zone) for turn in turns]
        except (ValueError, OverflowError):
            # Not known, or at an end of the calendar, where nobody waits for it to turn.
            continue


def midnight(day: date, zone_name: str) -> datetime:
    """Return the instant at which the day begins in the zone."""
    return datetime.combine(day, time(0), tzinfo=zone(zone_name)).astimezone(UTC)


def engagement_thresholds(project: Project, fit_value: int) -> list[int]:
    """Return every engagement value (milli-points) at which some rule could change its answer.

    Readiness thresholds are turned into engagement at the lead's present fit.
    """
    rules = project.qualification
    found = [points * MILLI for points in rules.engagement.bands.values()]
    readiness = list(rules.readiness.bands.values())
    for leaf in project.leaves:
        found.extend(_literals(leaf, "score", "engagement", MILLI))
        readiness.extend(_literals(leaf, "", "readiness", 1))
    weight = rules.readiness.engagement_weight
    if weight:
        fit_part = rules.readiness.fit_weight * fit_value
        found.extend(-((fit_part - value * 100 * MILLI) // weight) for value in readiness)
    # `<=` and `>` turn one milli-point above the literal, `<` and `>=` on it: watch both.
    return sorted({edge for value in found for edge in (value, value + 1)})


def _literals(leaf: Condition, owner: str, name: str, unit: int) -> Iterable[int]:
    match leaf:
        case Compare(ref, _, int(literal)) if (ref.owner, ref.name) == (owner, name):
            yield literal * unit
            if unit == 1:
                yield literal + 1
        case OneOf(ref, literals) if (ref.owner, ref.name) == (owner, name):
            for value in literals:
                if isinstance(value, int):
                    yield from (value * unit, value * unit + 1)
        case _:
            return


def is_silent(lead: Lead, project: Project, *, now: datetime) -> bool:
    """Say whether the lead has been silent longer than its stage allows."""
    definition = project.qualification.stages.get(lead.standing.stage)
    if definition is None or definition.silence_seconds is None:
        return False
    return last_life(lead) + timedelta(seconds=definition.silence_seconds) <= now
