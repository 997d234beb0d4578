"""The frozen value that a project's files become: everything a decision may read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from functools import cached_property

from nurture.core.account_rule import USUAL, AccountRule
from nurture.core.condition import Condition, Happened, ValueType, leaves
from nurture.core.event import EventKind
from nurture.core.lead import Gate, Stage, Temperature, Trait
from nurture.core.message import OnUncertain
from nurture.core.persona import Persona
from nurture.core.sequence import BranchStep, Sequence, WaitForStep
from nurture.core.stages import StageDefinition
from nurture.core.throttle import Pacing


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the lead or account schema."""

    owner: str
    name: str
    type: ValueType
    label: str
    question: str = ""
    help: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    personal: bool = False
    valid_for_seconds: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    bant: str = ""

    @property
    def key(self) -> str:
        """The field as conditions and forms name it."""
        return f"{self.owner}.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Local hours in which mail may leave: ISO weekdays (Monday 1) and times, `until` exclusive.

    `until` None means midnight at the end of the day.
    """

    name: str
    days: frozenset[int]
    start: time
    until: time | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportSettings:
    """How mail leaves. `options` are strings that may hold secrets: never logged or stored."""

    kind: str
    options: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Who we are and what we allow ourselves: nurture.yaml."""

    company: Mapping[str, str]
    sender_name: str
    sender_email: str
    reply_to: str
    public_url: str
    time_zone: str
    default_window: str
    windows: Mapping[str, Window]
    holidays: frozenset[date]
    cap_per_day: int
    cap_per_week: int
    topics: Mapping[str, str]
    free_mail_domains: frozenset[str]
    transport: TransportSettings
    retention_inactive_seconds: int
    retention_raw_events_seconds: int
    signal_secrets: tuple[str, ...] = field(default=(), repr=False)
    reply_secrets: tuple[str, ...] = field(default=(), repr=False)
    pacing: Pacing = field(default_factory=Pacing)
    dkim_selectors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Numbers from `low` to `high` (None: no upper end), both included, are worth the points."""

    low: int
    high: int | None
    points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FitRule:
    """One source of fit points: bands or values of the field `key`, or a condition.

    A rule about `personas` is a condition too: that one of them is the lead's persona.
    """

    id: str
    key: str = ""
    bands: tuple[Band, ...] = ()
    values: Mapping[str, int] = field(default_factory=dict)
    otherwise: int = 0
    when: Condition | None = None
    text: str = ""
    points: int = 0
    personas: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Who is out whatever the points say."""

    id: str
    when: Condition
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Required:
    """What must not be known to be otherwise: else the grade is D, whatever the points say."""

    id: str
    when: Condition
    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FitModel:
    """Fit: from 0 to 100 points, no decay."""

    rules: tuple[FitRule, ...]
    exclusions: tuple[Exclusion, ...]
    grades: Mapping[str, int]
    required: tuple[Required, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementRule:
    """What one event is worth, and how often it counts (newest first)."""

    id: str
    kind: EventKind
    subject: str = ""
    points: int = 0
    max_per_day: int | None = None
    max_count: int | None = None
    hand_raise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementGroup:
    """Rules that share a clamp and a half-life (in days; None: no decay)."""

    id: str
    minimum: int
    maximum: int
    half_life_days: int | None
    rules: tuple[EngagementRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementModel:
    """Engagement: groups summed and clamped to 0..maximum points."""

    maximum: int
    groups: tuple[EngagementGroup, ...]
    bands: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Weights in percent of fit and engagement, and the named bands by lower end."""

    fit_weight: int
    engagement_weight: int
    bands: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """A gate's condition, and the fields to ask for while the answer is unknown.

    `otherwise` are the right yeses to somebody who fails: kind (product, partner...) to words.
    """

    gate: Gate
    when: Condition
    text: str
    ask: tuple[str, ...] = ()
    otherwise: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NurturedRule:
    """At least so many meaningful touches, the first and last at least so far apart."""

    touches: int
    span_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TraitRow:
    """A condition and the value it gives."""

    when: Condition
    text: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TraitRule:
    """First matching row wins, else 0."""

    trait: Trait
    minimum: int
    rows: tuple[TraitRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureRule:
    """First matching rule wins.

    `needs` are facts without which it does not match (`when` asks for them too); `at_most_seconds`
    is how long a lead may stay new before somebody is asked, `answer_within_seconds` how fast
    somebody is to call who is hot.
    """

    temperature: Temperature
    when: Condition
    text: str
    needs: tuple[str, ...] = ()
    at_most_seconds: int | None = None
    answer_within_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffRule:
    """When and how many qualified leads are handed over."""

    from_stage: Stage
    endpoint: str
    capacity_per_week: int
    accept_within_seconds: int
    minimum_completeness: int
    floor: int = 0
    """Least readiness of a lead that is handed over."""

    def reached_by(self, stage: Stage) -> bool:
        """Say whether a lead at the stage has come far enough to be handed over."""
        stages = (Stage.PROSPECT, Stage.OPPORTUNITY)
        return stage in stages[stages.index(self.from_stage) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who agreed, for which team, when, and to what: `content` is a hash of all that was signed."""

    team: str
    name: str
    on: date
    version: int | None = None
    content: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """qualification.yaml: what marketing and sales agreed on."""

    version: int
    signatures: tuple[Signature, ...]
    stages: Mapping[Stage, StageDefinition]
    fit: FitModel
    engagement: EngagementModel
    readiness: Readiness
    gates: tuple[GateRule, ...]
    nurtured: NurturedRule
    traits: tuple[TraitRule, ...]
    temperatures: tuple[TemperatureRule, ...]
    handoff: HandoffRule
    account: AccountRule = USUAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A named condition."""

    name: str
    title: str
    description: str
    when: Condition
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A profile form (behind a signed link) or a public landing form."""

    name: str
    landing: bool
    title: str
    intro: str
    ask: tuple[str, ...]
    at_most: int
    submit: str
    thanks_title: str
    thanks_text: str
    consent_topics: tuple[str, ...] = ()
    consent_wording: str = ""
    consent_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One mail as written: front matter and bodies. `version` is a hash of all it is made of."""

    name: str
    version: str
    subject: str
    preheader: str
    html: str
    text: str
    topic: str
    buyer_step: str
    on_uncertain: OnUncertain = OnUncertain.HOLD
    answers_form: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One receiver of handoffs. Secrets never appear in a repr."""

    name: str
    title: str
    url: str
    secret: str = field(repr=False)
    feedback_secret: str = field(repr=False)
    allow: tuple[str, ...]
    team: str
    accept_within_seconds: int


@dataclass(frozen=True, kw_only=True)
class Project:
    """A whole project. `content_hash` names the exact bytes of all its files.

    `partials` are the templates that mails include; `files` the project's files as text, which
    is what a release stores (with `${NAME}` unexpanded, so no secret enters the database).
    """

    content_hash: str
    workspace: Workspace
    fields: Mapping[str, Field]
    qualification: Qualification
    segments: Mapping[str, Segment]
    sequences: Mapping[str, Sequence]
    forms: Mapping[str, Form]
    templates: Mapping[str, Template]
    partials: Mapping[str, str]
    endpoints: Mapping[str, Endpoint]
    files: Mapping[str, str] = field(repr=False)
    personas: Mapping[str, Persona] = field(default_factory=dict)

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition written anywhere in the project."""
        found: list[Condition] = [segment.when for segment in self.segments.values()]
        for sequence in self.sequences.values():
            found.append(sequence.enter)
            found.extend(rule.when for rule in sequence.exits)
            for step in sequence.steps:
                if isinstance(step, BranchStep):
                    found.extend(arm.when for arm in step.arms)
                elif isinstance(step, WaitForStep):
                    found.append(step.when)
        rules = self.qualification
        found.extend(rule.when for rule in rules.gates)
        found.extend(row.when for trait in rules.traits for row in trait.rows)
        found.extend(rule.when for rule in rules.temperatures)
        found.extend(rule.when for rule in rules.fit.exclusions)
        found.extend(rule.when for rule in rules.fit.required)
        found.extend(rule.when for rule in rules.fit.rules if rule.when is not None)
        return tuple(found)

    @cached_property
    def leaves(self) -> tuple[Condition, ...]:
        """Every leaf of every condition, once."""
        return tuple(dict.fromkeys(leaf for tree in self.conditions for leaf in leaves(tree)))

    @cached_property
    def asked_kinds(self) -> frozenset[EventKind]:
        """Event kinds whose last occurrence some condition asks for."""
        return frozenset(leaf.kind for leaf in self.leaves if isinstance(leaf, Happened))
