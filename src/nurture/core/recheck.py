"""Re-qualification: is a lead still what its stage says? Asked at every look, whatever rang."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from nurture.core.condition import Facts, refs_of, value_of
from nurture.core.history import History
from nurture.core.lead import QUALIFYING_GATES, Gate, Stage, Trait, Verdict
from nurture.core.project import Project
from nurture.core.stages import EntryGate, Recheck, step_back

ANSWER_WITHIN = timedelta(days=2)
"""How long somebody has who is asked about a lead."""

PASSING = ("recheck/", "unclear/", "overstays/")
"""How the keys of questions begin that are settled when nobody would ask them any more."""

_HASH_LETTERS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Somebody is to look at the lead. The same key asks once, however often it is worked out.

    `failing` no longer holds, and `opened` are gates that passed and nobody can answer any more.
    With `since` it is about the stage, at which the lead has been since then; with `within` the
    lead is hot, and sales is to call in that time.
    """

    key: str
    stage: Stage
    failing: tuple[Gate | Trait, ...]
    opened: tuple[Gate, ...] = ()
    since: datetime | None = None
    within: timedelta | None = None


def failing(facts: Facts, project: Project) -> tuple[Gate | Trait, ...]:
    """Return what no longer holds of the stage that the lead is at."""
    standing = facts.lead.standing
    if standing.stage not in (Stage.PROSPECT, Stage.OPPORTUNITY):
        return ()
    gates = [gate for gate in QUALIFYING_GATES if standing.verdicts[gate] is Verdict.FAIL]
    entry = project.qualification.stages[Stage.OPPORTUNITY].entry
    if standing.stage is Stage.PROSPECT or entry is not EntryGate.PAIN_INTEREST_FIT:
        return tuple(gates)
    rules = project.qualification.traits
    return (*gates, *(r.trait for r in rules if standing.traits[r.trait] < r.minimum))


def opened(facts: Facts) -> tuple[Gate, ...]:
    """Return the gates that let the lead to its stage and are open again: a waiver or fact ended.

    Nobody falls back for what is unknown, but somebody is to find it out.
    """
    standing = facts.lead.standing
    if standing.stage not in (Stage.PROSPECT, Stage.OPPORTUNITY):
        return ()
    return tuple(g for g in QUALIFYING_GATES if standing.verdicts[g] is Verdict.UNKNOWN)


def falls_back_to(facts: Facts, history: History, project: Project) -> Stage | None:
    """Return the stage to which the lead falls back now, None if it stays."""
    stages, stage = project.qualification.stages, facts.lead.standing.stage
    if not failing(facts, project):
        return None
    # Who still waits to be handed over is not sales' yet, and must not come to them failing.
    waits = history.handoff is not None and history.handoff.state == "waiting"
    if stages[stage].recheck is Recheck.ASK and not waits:
        return None
    return step_back(stages, stage)


def asks(facts: Facts, history: History, project: Project) -> tuple[Ask, ...]:
    """Return what a person is to decide: the stage fails, and nothing moves behind their back."""
    lost, unknown = failing(facts, project), opened(facts)
    if not (lost or unknown) or history.overrides.stage is not None:
        return ()
    if falls_back_to(facts, history, project) is not None:
        return ()
    standing = facts.lead.standing
    known = "\n".join(_known(facts, project, (*lost, *unknown)))
    digest = sha256(known.encode()).hexdigest()[:_HASH_LETTERS]
    key = f"recheck/{standing.stage}/{standing.cycle}/{digest}"
    return (Ask(key=key, stage=standing.stage, failing=lost, opened=unknown),)


def _known(facts: Facts, project: Project, lost: tuple[Gate | Trait, ...]) -> Iterator[str]:
    """Yield what the answers rest on: the same facts ask once, other facts once more."""
    for rule in project.qualification.gates:
        if rule.gate in lost:
            values = [f"{ref.text}={value_of(ref, facts)}" for ref in refs_of(rule.when)]
            yield f"{rule.gate}: {', '.join(values)}"
    for trait in Trait:
        if trait in lost:
            yield f"{trait}: {facts.lead.standing.traits[trait]}"
