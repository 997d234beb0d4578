"""The model of qualification.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, Strict as StrictValue, model_validator

from nurture.core.lead import Stage
from nurture.project.codes import Code
from nurture.project.schema_base import (
    Day,
    Days,
    FieldKey,
    Line,
    Points,
    Seconds,
    Slug,
    Strict,
    Text,
    When,
    wrong,
)

Percent = Annotated[int, Field(ge=0, le=100)]
Limit = Annotated[int, Field(ge=1, le=100)]
"""Where a grade or band begins. At 0 everybody would be in it, and nobody below."""
TraitValue = Annotated[int, Field(ge=0, le=3)]


class SignatureModel(Strict):
    """Who agreed to this version."""

    team: Slug
    name: Line
    on: Day
    version: Annotated[int, Field(ge=1)] | None = None
    """Which version; `nurture sign` writes it."""
    content: Annotated[Line, Field(pattern=r"^[0-9a-f]{16}$")] | None = None
    """What was agreed to, as a hash of everything but the signatures; `nurture sign` writes it."""


class MovesModel(Strict):
    """Where a lead may go from a stage; a list that is left out is the usual one."""

    forward: list[Line] | None = None
    """Stages further on, by key."""
    back: list[Line] | None = None
    """Stages further back or aside; a person gives a reason for such a move."""


class StageModel(Strict):
    """What both teams agreed a stage to be."""

    name: Line
    aliases: list[Line] = Field(default_factory=list)
    """What else people call it."""
    definition: Text
    owner: Line
    """Who looks after leads here: automation, prospect development or sales."""
    entry: Literal["three-gates", "pain-interest-fit", "committed"] | None = None
    """What lets a lead in."""
    recheck: Literal["move", "ask"] | None = None
    """What a failed re-check does: move the lead back, or ask the owner, as is usual for sales."""
    moves: MovesModel = Field(default_factory=MovesModel)
    buyer: list[Literal["problem", "exploring", "comparing", "deciding"]] | None = None
    """The buyer's steps that go with the stage; the usual ones if it is left out."""
    minutes: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Effort budget: minutes of a person's time that one lead at this stage is worth."""
    at_most: Seconds | None = None
    """How long a lead may be here before the stage's owner is asked, once."""
    silence: Seconds | None = None
    """After so long without a sign of life the lead is moved to inactive."""


class StagesModel(Strict):
    """All stages; the keys are fixed, names and definitions are yours."""

    suspect: StageModel
    lead: StageModel
    prospect: StageModel
    opportunity: StageModel
    customer: StageModel
    inactive: StageModel
    disqualified: StageModel
    lost: StageModel
    erased: StageModel

    def definitions(self) -> dict[Stage, StageModel]:
        """Return the definitions by stage."""
        return {stage: getattr(self, stage.value) for stage in Stage}


BandModel = Annotated[tuple[int, int | None, Points], StrictValue(strict=False)]
"""Lower end, upper end (null: none), points."""


class FitRuleModel(Strict):
    """One source of fit points: bands or values of a field, a persona, or a condition."""

    id: Slug
    field: FieldKey | None = None
    bands: Annotated[list[BandModel], Field(min_length=1)] | None = None
    """[low, high, points], both ends included; high null: no upper end."""
    values: dict[str, Points] | None = None
    """Points by choice."""
    otherwise: Points | None = Field(default=None, alias="else")
    """Points for any other value."""
    persona: Annotated[list[Slug], Field(min_length=1)] | None = None
    """Whose persona is one of these gets the points."""
    when: When | None = None
    points: Points | None = None

    @model_validator(mode="after")
    def _one_way(self) -> FitRuleModel:
        remedy = "write field with bands, field with values, or persona or when with points"
        key = "persona" if self.when is None else "when"
        if getattr(self, key) is not None:
            by_field = (self.field, self.bands, self.values, self.otherwise)
            both = self.when is not None and self.persona is not None
            if both or self.points is None or any(other is not None for other in by_field):
                raise wrong(Code.CONTRADICTION, f"{key} goes with points alone", remedy)
        elif self.field is None or self.points is not None:
            raise wrong(Code.CONTRADICTION, "this rule is incomplete", remedy)
        elif (self.bands is None) == (self.values is None):
            raise wrong(Code.CONTRADICTION, "field goes with bands or with values", remedy)
        elif self.bands is not None and self.otherwise is not None:
            remedy = "add a band for the other numbers"
            raise wrong(Code.CONTRADICTION, "else goes with values", remedy)
        return self


class ExclusionModel(Strict):
    """Who is out whatever the points say."""

    id: Slug
    when: When
    reason: Line


class RequiredModel(Strict):
    """What must not be known to be otherwise: else the grade is D, whatever the points say."""

    id: Slug
    when: When
    reason: Line


class GradesModel(Strict):
    """Least points of the grades; below C it is D."""

    A: Limit
    B: Limit
    C: Limit


class FitModel(Strict):
    """How well person and company match our right customer: 0 to 100 points."""

    rules: Annotated[list[FitRuleModel], Field(min_length=1)]
    required: list[RequiredModel] = Field(default_factory=list)
    exclusions: list[ExclusionModel] = Field(default_factory=list)
    grades: GradesModel


class EngagementRuleModel(Strict):
    """What one event is worth."""

    id: Slug
    event: Line
    subject: Slug | None = None
    """A template or form; any if it is left out."""
    points: Points
    max_per_day: Annotated[int, Field(ge=1, le=1000)] | None = None
    max_count: Annotated[int, Field(ge=1, le=1000)] | None = None
    hand_raise: bool = False
    """This event alone may qualify: the person asked for us."""


class EngagementGroupModel(Strict):
    """Rules that share limits and a half-life."""

    id: Slug
    min: Points = 0
    max: Points = 100
    half_life: Days | None = None
    """After so long a point is worth half; null: for ever."""
    rules: Annotated[list[EngagementRuleModel], Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> EngagementGroupModel:
        if self.min > self.max:
            raise wrong(Code.CONTRADICTION, "min is larger than max", "swap them")
        return self


class EngagementBandsModel(Strict):
    """Least points of the bands 1 and 2; below it is 3."""

    one: Limit = Field(alias="1")
    two: Limit = Field(alias="2")


class EngagementModel(Strict):
    """What a lead does: points that fade."""

    max: Percent = 100
    groups: Annotated[list[EngagementGroupModel], Field(min_length=1)]
    bands: EngagementBandsModel


class ReadinessModel(Strict):
    """Fit and engagement in one number; the weights are percent."""

    fit: Percent
    engagement: Percent
    bands: Annotated[dict[Slug, Limit], Field(min_length=1)]


class GateModel(Strict):
    """A question with the answers pass, fail and unknown."""

    when: When
    ask: list[FieldKey] = Field(default_factory=list)
    """What to ask while the answer is unknown."""
    otherwise: dict[Literal["product", "partner", "self-serve", "later", "person"], Line] = Field(
        default_factory=dict
    )
    """The right yes to somebody who fails: another product, a partner, a later date..."""


class NurturedModel(Strict):
    """Meaningful touches, the first and the last at least so far apart."""

    touches: Annotated[int, Field(ge=1, le=100)]
    span: Seconds


class GatesModel(Strict):
    """The gates between lead, prospect and handoff."""

    organization: GateModel
    opportunity: GateModel
    stakeholder: GateModel
    nurtured: NurturedModel


class TraitRowModel(Strict):
    """A condition and the value it gives."""

    when: When
    value: TraitValue


class TraitModel(Strict):
    """First matching row wins, else 0."""

    min: TraitValue
    rows: Annotated[list[TraitRowModel], Field(min_length=1)]


class TraitsModel(Strict):
    """What turns a prospect into an opportunity."""

    pain: TraitModel
    interest: TraitModel
    fit: TraitModel


class TemperatureModel(Strict):
    """First matching rule wins."""

    temperature: Literal["closed", "hot", "warm", "cold", "new"] = Field(alias="is")
    when: When
    needs: list[FieldKey] = Field(default_factory=list)
    """Facts without which it does not match; on a day that one of them names, the lead is woken."""
    at_most: Seconds | None = None
    """For new: how long a prospect may stay so before the stage's owner is asked."""

    answer_within: Seconds | None = None
    """For hot: within which time somebody is to call; a task says so at once."""

    @model_validator(mode="after")
    def _limit_of_new(self) -> TemperatureModel:
        if self.answer_within is not None and self.temperature != "hot":
            remedy = "write it at hot; nobody else waits for a call"
            raise wrong(Code.CONTRADICTION, "answer_within goes with hot alone", remedy)
        if self.at_most is not None and self.temperature != "new":
            remedy = "write it at new; the others end by their conditions"
            raise wrong(Code.CONTRADICTION, "at_most goes with new alone", remedy)
        return self


class HandoffRuleModel(Strict):
    """When and how many qualified leads are handed over."""

    from_stage: Literal["prospect", "opportunity"] = "prospect"
    endpoint: Slug
    capacity_per_week: Annotated[int, Field(ge=1, le=100_000)]
    accept_within: Seconds = 86400
    minimum_completeness: Percent = 0
    floor: Percent = 0
    """Least readiness of a lead that is handed over: the best above it go, as many as fit."""


class HighIntentModel(Strict):
    """What shows high intent; a raised hand always does."""

    points: Annotated[int, Field(ge=1, le=100)] = 15
    """What one event is worth at least."""
    events: Annotated[int, Field(ge=1, le=100)] = 1
    """So many of them are enough."""


class MediumIntentModel(Strict):
    """What shows some intent."""

    points: Annotated[int, Field(ge=1, le=100)] = 5
    """What one event is worth at least."""
    events: Annotated[int, Field(ge=1, le=100)] = 3
    """So many of them are enough."""


Tier = Literal[1, 2, 3, 4]


def _usual_tiers() -> list[Tier]:
    return [1, 2]


class AccountModel(Strict):
    """When an organization counts as qualified."""

    tiers: Annotated[list[Tier], Field(min_length=1)] = Field(default_factory=_usual_tiers)
    """Its tier is one of these."""
    within: Days = 14
    """How far back events count."""
    high: HighIntentModel = Field(default_factory=HighIntentModel)
    medium: MediumIntentModel = Field(default_factory=MediumIntentModel)
    roles: Annotated[int, Field(ge=1, le=20)] = 2
    """Of so many personas somebody is engaged."""

    @model_validator(mode="after")
    def _in_order(self) -> AccountModel:
        if self.medium.points > self.high.points:
            remedy = "give high the larger number of points"
            raise wrong(Code.CONTRADICTION, "medium asks for more points than high", remedy)
        return self


class QualificationModel(Strict):
    """qualification.yaml: what marketing and sales agreed on."""

    version: Annotated[int, Field(ge=1)]
    signatures: list[SignatureModel] = Field(default_factory=list)
    """One of the team marketing and one of the team sales, at least."""
    stages: StagesModel
    fit: FitModel
    engagement: EngagementModel
    readiness: ReadinessModel
    gates: GatesModel
    traits: TraitsModel
    temperature: Annotated[list[TemperatureModel], Field(min_length=1)]
    handoff: HandoffRuleModel
    account: AccountModel = Field(default_factory=AccountModel)
    """When an organization counts as qualified; the usual rule if it is left out."""
