"""What an explained score is made of: one value that every page, list and webhook renders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from nurture.core.lead import Gate, Stage, Standing, Temperature, Trait, Verdict
from nurture.core.overrides import Override
from nurture.engine.explain import Node
from nurture.engine.outlook import Look

UNKNOWN_BAND = "unknown"
"""What readiness is called where nothing is known that it could rest on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One row of a score in milli-points; the `net` of all rows of an axis is its value.

    `evidence` are numbers of events in the ledger, or of facts for fit. What lies between `raw`
    and `net` was lost: to a limit per day or in all, to time, to the limit of the group or whole.
    """

    group: str
    rule: str
    what: str
    evidence: tuple[int, ...]
    on: date | None
    count: int
    raw: int
    over_day: int
    over_count: int
    faded: int
    over_group: int
    over_score: int
    net: int

    @property
    def over(self) -> int:
        """What all limits together took."""
        return self.over_day + self.over_count + self.over_group + self.over_score

    @property
    def lost(self) -> int:
        """What limits and time took."""
        return self.over + self.faded


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """One score with the rows that add up to it."""

    name: str
    value: int
    rows: tuple[ScoreRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateExplained:
    """A gate's answer now and since when, the rule in plain words, its evidence, what to ask.

    `waived` is the person's word that stands for the answer of the rule.
    """

    gate: Gate
    verdict: Verdict
    since: datetime | None
    rule: str
    tree: Node | None
    evidence: tuple[str, ...]
    ask: tuple[str, ...]
    waived: Override | None = None
    instead: tuple[str, ...] = ()
    """What to offer somebody who fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TraitExplained:
    """Pain, interest or fit: the value, the least that counts, and the row that gave it."""

    trait: Trait
    value: int
    minimum: int
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleMissed:
    """A rule that was asked before the one that held, and what it lacked."""

    temperature: Temperature
    rule: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureExplained:
    """The temperature, the rule that held (empty: none was asked), and those before it."""

    temperature: Temperature
    rule: str
    because: str
    missed: tuple[RuleMissed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """The first limit that a score falls through if nothing is heard: `limit` in points."""

    axis: str
    limit: int
    band: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Readiness seven days ago, by today's rules, and how far it came since."""

    week_ago: int
    change: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How much of what readiness rests on is known, in percent, and a word for it."""

    percent: int
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreExplained:
    """Everything behind a lead's standing, as of one moment.

    `cell` is where fit and engagement meet, such as B1. `stored` is what the last assessment
    found, which rules act on until the next. `changes` would qualify the lead, fewest first.
    """

    uid: str
    who: str
    as_of: datetime
    version: int
    signed: Mapping[str, str]
    stage: Stage
    grade: str
    coverage_percent: int
    band: str
    cell: str
    readiness_band: str
    confidence: Confidence
    trend: Trend | None
    engagement: Axis
    fit: Axis
    readiness: Axis
    not_known: tuple[str, ...]
    unmet: tuple[str, ...]
    gates: tuple[GateExplained, ...]
    traits: tuple[TraitExplained, ...]
    temperature: TemperatureExplained
    overrides: tuple[Override, ...]
    changes: tuple[str, ...]
    missing: tuple[str, ...]
    next_crossing: Crossing | None
    next_look: Look | None
    stored: Standing

    @property
    def axes(self) -> tuple[Axis, Axis, Axis]:
        """The three scores, side by side and never summed."""
        return self.engagement, self.fit, self.readiness
