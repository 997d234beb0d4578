"""What a lead has been through, as far as an assessment needs it beside the facts of conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nurture.core.event import EventKind
from nurture.core.overrides import NONE, Overrides
from nurture.core.score import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffView:
    """The handoff of the lead's present cycle: where it stands and what sales answered."""

    state: str
    answer: EventKind | None = None
    reason: str = ""
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What an assessment needs besides the facts of conditions.

    Touches are the meaningful ones since the present cycle began. `left_at` names sequences the
    lead has been through, with the last end; `groups` the exclusive groups it is in now.
    `next_expiry` is when the next profile fact stops being valid; `committed_at` when the lead
    expressly agreed to commit in this cycle; `overrides` what stands by a person's word;
    `arrived` the last day that came of each date field that a temperature waits for; `stage_at`
    when the lead moved to its stage, where that stage has a limit of time.
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
    committed_at: datetime | None = None
    overrides: Overrides = NONE
    arrived: Mapping[str, datetime] = field(default_factory=dict)
    stage_at: datetime | None = None
