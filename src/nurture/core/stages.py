"""Stages as both teams agreed on them: names, entry gates, allowed moves, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from nurture.core.lead import Stage


class EntryGate(StrEnum):
    """What lets a lead into a stage by itself; empty: an event or a person does."""

    NONE = ""
    THREE_GATES = "three-gates"
    PAIN_INTEREST_FIT = "pain-interest-fit"
    COMMITTED = "committed"


class Recheck(StrEnum):
    """What a failed re-check does: move the lead back, or ask the owner of the stage."""

    MOVE = "move"
    ASK = "ask"


ENTRIES: Mapping[Stage, tuple[EntryGate, ...]] = {
    Stage.PROSPECT: (EntryGate.THREE_GATES,),
    Stage.OPPORTUNITY: (EntryGate.PAIN_INTEREST_FIT, EntryGate.COMMITTED),
}
"""The entry gates that a stage may have; the first is the default."""

LADDER = (Stage.SUSPECT, Stage.LEAD, Stage.PROSPECT, Stage.OPPORTUNITY, Stage.CUSTOMER)
"""The way forward, in order; the other stages lie beside it."""

SALES = "sales"
"""The owner of stages that nothing leaves behind the owner's back."""

_ASIDE = (Stage.INACTIVE, Stage.DISQUALIFIED, Stage.LOST)

FORWARD: Mapping[Stage, tuple[Stage, ...]] = {
    Stage.SUSPECT: (Stage.LEAD,),
    Stage.LEAD: (Stage.PROSPECT, Stage.CUSTOMER),
    Stage.PROSPECT: (Stage.OPPORTUNITY, Stage.CUSTOMER),
    Stage.OPPORTUNITY: (Stage.CUSTOMER,),
    Stage.CUSTOMER: (),
    Stage.INACTIVE: (Stage.LEAD,),
    Stage.DISQUALIFIED: (Stage.LEAD,),
    Stage.LOST: (Stage.LEAD,),
    Stage.ERASED: (),
}
"""Moves forward where a project names none."""

BACK: Mapping[Stage, tuple[Stage, ...]] = {
    Stage.SUSPECT: _ASIDE,
    Stage.LEAD: (Stage.SUSPECT, *_ASIDE),
    Stage.PROSPECT: (Stage.LEAD, *_ASIDE),
    Stage.OPPORTUNITY: (Stage.PROSPECT, Stage.LEAD, *_ASIDE),
    Stage.CUSTOMER: (Stage.OPPORTUNITY, Stage.LEAD, Stage.LOST),
    Stage.INACTIVE: (),
    Stage.DISQUALIFIED: (),
    Stage.LOST: (),
    Stage.ERASED: (),
}
"""Moves back and aside where a project names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDefinition:
    """What both teams agreed a stage to be. `silence_seconds` None: silence never ends it.

    `at_most_seconds` is how long a lead may be here before its owner is asked, None for ever.
    `minutes` is how much of people's time one record at this stage is worth, None if nobody said.
    `buyer` are the buyer's steps that go with the stage.
    """

    stage: Stage
    name: str
    definition: str
    owner: str
    silence_seconds: int | None = None
    at_most_seconds: int | None = None
    aliases: tuple[str, ...] = ()
    entry: EntryGate = EntryGate.NONE
    forward: tuple[Stage, ...] = ()
    back: tuple[Stage, ...] = ()
    minutes: int | None = None
    recheck: Recheck = Recheck.MOVE
    buyer: tuple[str, ...] = ()


Definitions = Mapping[Stage, StageDefinition]


def may_move(definitions: Definitions, before: Stage, after: Stage) -> bool:
    """Say whether both teams allow the move. Erasure is a right: no agreement stands against it."""
    definition = definitions[before]
    return after is Stage.ERASED or after in definition.forward or after in definition.back


def step_back(definitions: Definitions, stage: Stage) -> Stage | None:
    """Return the nearest stage below to which a lead may fall back, None if there is none."""
    below = LADDER[1 : LADDER.index(stage)] if stage in LADDER else ()
    return next((one for one in reversed(below) if one in definitions[stage].back), None)


def usual_recheck(owner: str) -> Recheck:
    """Return what a failed re-check does where nobody said: sales is asked first."""
    return Recheck.ASK if owner.casefold() == SALES else Recheck.MOVE


def first_entry(stage: Stage) -> EntryGate:
    """Return the entry gate of a stage that names none."""
    return ENTRIES.get(stage, (EntryGate.NONE,))[0]
