"""Stage moves: which one is due next, why, and on what it rests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from nurture.core.condition import Facts, holds, last_life
from nurture.core.event import EventKind
from nurture.core.history import History
from nurture.core.lead import IN_PLAY, QUALIFYING_GATES, Gate, Lead, Stage, Standing, Verdict
from nurture.core.overrides import without_stage
from nurture.core.project import Project
from nurture.core.recheck import failing, falls_back_to
from nurture.core.stages import EntryGate, may_move


class MoveReason:
    """Reasons of stage moves that the engine itself gives."""

    QUALIFIED = "all three gates pass"
    GATE_FAILED = "a gate fails"
    TRAITS = "pain, interest and fit are shown"
    TRAITS_LOST = "pain, interest or fit is no longer shown"
    COMMITTED = "expressly agreed to commit"
    EXCLUDED = "excluded"
    WON = "won by sales"
    LOST = "lost by sales"
    RECYCLED = "given back by sales"
    SILENT = "silent for too long"
    ARCHIVED = "archived by a sequence"
    REVIVED = "showed a sign of life"
    BY_HAND = "moved by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A change of stage, with the rule and the evidence it rests on."""

    before: Stage
    after: Stage
    reason: str
    evidence: Mapping[str, str] = field(default_factory=dict)


ANSWER_MOVES = {
    EventKind.HANDOFF_WON: (Stage.CUSTOMER, MoveReason.WON),
    EventKind.HANDOFF_LOST: (Stage.LOST, MoveReason.LOST),
    EventKind.HANDOFF_REJECTED: (Stage.LEAD, MoveReason.RECYCLED),
    EventKind.HANDOFF_RECYCLED: (Stage.LEAD, MoveReason.RECYCLED),
}


def next_move(facts: Facts, history: History, project: Project, now: datetime) -> Move | None:
    """Return the stage move that is due now, None if the lead stays where it is."""
    standing = facts.lead.standing
    pin = history.overrides.stage
    if pin is not None and standing.stage != pin.value:
        evidence = {"by": pin.by, "why": pin.reason}
        reason = MoveReason.BY_HAND
        return Move(before=standing.stage, after=Stage(pin.value), reason=reason, evidence=evidence)
    if pin is not None:
        return None
    if standing.stage not in IN_PLAY:
        return _revival(facts, project, now)
    answer = history.handoff.answer if history.handoff else None
    if history.handoff and answer in ANSWER_MOVES:
        # What sales says has happened; no agreement about moves can undo it.
        stage, reason = ANSWER_MOVES[answer]
        return Move(
            before=standing.stage,
            after=stage,
            reason=reason,
            evidence={"sales said": history.handoff.reason or str(answer)},
        )
    due = (
        _exclusion(facts, project, now),
        _gate_move(facts, history, project),
        _silent_move(facts, history, project, now),
    )
    return next((move for move in due if move and _allowed(project, move)), None)


def heard(facts: Facts, history: History, project: Project, now: datetime) -> History:
    """Return the history without a word about the stage that too long a silence has ended.

    What else ends it is in `core.overrides`: sales' last word, and the inactive file.
    """
    pin = history.overrides.stage
    if pin is None or not _at_rest(history):
        return history
    there = replace(facts.lead, standing=replace(facts.lead.standing, stage=Stage(pin.value)))
    if not is_silent(there, project, now=now):
        return history
    return replace(history, overrides=without_stage(history.overrides))


def _allowed(project: Project, move: Move) -> bool:
    return may_move(project.qualification.stages, move.before, move.after)


def _exclusion(facts: Facts, project: Project, now: datetime) -> Move | None:
    for exclusion in project.qualification.fit.exclusions:
        if holds(exclusion.when, facts, now=now):
            reason = f"{MoveReason.EXCLUDED}: {exclusion.reason}"
            return _step(facts.lead.standing, Stage.DISQUALIFIED, reason)
    return None


def _silent_move(facts: Facts, history: History, project: Project, now: datetime) -> Move | None:
    """Archive who has been silent for too long; an open sequence is still the last chance."""
    if _at_rest(history) and is_silent(facts.lead, project, now=now):
        return _step(facts.lead.standing, Stage.INACTIVE, MoveReason.SILENT)
    return None


def _at_rest(history: History) -> bool:
    return not history.open_enrollments and not with_sales(history)


def _gate_move(facts: Facts, history: History, project: Project) -> Move | None:
    standing = facts.lead.standing
    answers = [standing.verdicts[gate] for gate in QUALIFYING_GATES]
    if standing.stage is Stage.LEAD and all(answer is Verdict.PASS for answer in answers):
        return _step(standing, Stage.PROSPECT, MoveReason.QUALIFIED)
    if lost := failing(facts, project):
        below = falls_back_to(facts, history, project)
        gates = any(isinstance(one, Gate) for one in lost)
        reason = MoveReason.GATE_FAILED if gates else MoveReason.TRAITS_LOST
        return _step(standing, below, reason) if below else None
    if standing.stage is Stage.PROSPECT and enters_opportunity(facts, history, project):
        committed = _entry(project) is EntryGate.COMMITTED
        reason = MoveReason.COMMITTED if committed else MoveReason.TRAITS
        return _step(standing, Stage.OPPORTUNITY, reason)
    return None


def _entry(project: Project) -> EntryGate:
    return project.qualification.stages[Stage.OPPORTUNITY].entry


def enters_opportunity(facts: Facts, history: History, project: Project) -> bool:
    """Say whether a prospect meets the entry gate that both teams chose for opportunity."""
    if _entry(project) is EntryGate.COMMITTED:
        return history.committed_at is not None
    traits = facts.lead.standing.traits
    return all(traits[rule.trait] >= rule.minimum for rule in project.qualification.traits)


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
    revived = _step(facts.lead.standing, Stage.LEAD, MoveReason.REVIVED)
    return revived if _allowed(project, revived) else None


def _step(standing: Standing, after: Stage, reason: str) -> Move:
    evidence = {str(gate): str(verdict) for gate, verdict in standing.verdicts.items()}
    evidence |= {str(trait): str(value) for trait, value in standing.traits.items()}
    return Move(before=standing.stage, after=after, reason=reason, evidence=evidence)


_SALES_HAS_IT = frozenset({"ready", "delivered"})


def with_sales(history: History) -> bool:
    """Say whether sales has the lead: released, and not given back, won or lost."""
    view = history.handoff
    if view is None or view.state not in _SALES_HAS_IT:
        return False
    return view.answer not in ANSWER_MOVES


def is_silent(lead: Lead, project: Project, *, now: datetime) -> bool:
    """Say whether the lead has been silent longer than its stage allows."""
    definition = project.qualification.stages.get(lead.standing.stage)
    if definition is None or definition.silence_seconds is None:
        return False
    return last_life(lead) + timedelta(seconds=definition.silence_seconds) <= now
