"""The model of sequences/*.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from nurture.core.lead import Value
from nurture.project import durations
from nurture.project.codes import Code
from nurture.project.schema_base import FieldKey, Line, Points, Seconds, Slug, Strict, When, wrong

STEP_KINDS = (
    "form", "email", "wait", "wait_for", "branch", "split", "set", "score", "task", "handoff",
    "goto", "archive", "exit",
)  # fmt: skip
"""The key that says what a step is. `form` comes before `email`: a form step has both."""

REENTRY_PATTERN = r"^(never|[1-9][0-9]{0,8}[smhdw])$"

TIMES = {"form": 7 * 86400, "task": 7 * 86400, "handoff": 14 * 86400}
"""How long such a step waits if its author says nothing."""


class StepModel(Strict):
    """What every step may carry."""

    id: Slug | None = None
    """A name for this step; derived from the step if it is left out."""


class MailModel(StepModel):
    """What steps that send a mail may carry."""

    email: Slug
    window: Slug | None = None
    topic: Slug | None = None
    expires: Seconds | None = None
    """The mail is late when it has not left so long after its step was due."""
    late: Literal["send", "skip", "ask"] | None = None
    """What becomes of a late mail: skip, unless it says otherwise."""
    when_capped: Literal["defer", "drop", "replace"] = "defer"
    """What becomes of a mail over the caps: it waits, goes, or takes a waiting one's place."""

    @model_validator(mode="after")
    def _late_needs_a_limit(self) -> MailModel:
        if self.late in ("skip", "ask") and self.expires is None:
            remedy = "say after how long it is late, such as expires: 2d"
            raise wrong(Code.CONTRADICTION, f"late: {self.late} needs expires", remedy)
        if self.late == "send" and self.expires is not None:
            remedy = "remove expires, or write late: skip or late: ask"
            raise wrong(Code.CONTRADICTION, "a mail with late: send has no limit", remedy)
        return self


class EmailModel(MailModel):
    """Send one mail."""

    or_by_step: Annotated[list[Slug], Field(min_length=1, max_length=20)] | None = None
    """Other mails: of all, the one goes that is for the step which the buyer shows."""

    @model_validator(mode="after")
    def _each_once(self) -> EmailModel:
        named = [self.email, *(self.or_by_step or ())]
        if len(set(named)) < len(named):
            message = "a mail stands twice in this step"
            raise wrong(Code.CONTRADICTION, message, "name each once")
        return self


class FormStepModel(MailModel):
    """Mail a signed link to a form and wait for the answer."""

    form: Slug
    timeout: Seconds = TIMES["form"]


class WaitModel(StepModel):
    """Wait."""

    wait: Seconds


class WaitForConditionModel(Strict):
    """What to wait for, and how long at most."""

    when: When
    timeout: Seconds


class WaitForModel(StepModel):
    """Wait until a condition holds."""

    wait_for: WaitForConditionModel


class ArmModel(Strict):
    """One way out of a branch."""

    when: When | None = None
    otherwise: Literal[True] | None = Field(default=None, alias="else")
    """Taken when no other is; stands last."""
    steps: list[AnyStep] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_way(self) -> ArmModel:
        if (self.when is None) == (self.otherwise is None):
            remedy = 'write "when: CONDITION", or "else: true" in the last one'
            raise wrong(Code.CONTRADICTION, "an arm has either when or else", remedy)
        return self


def _else_last(arms: list[ArmModel]) -> list[ArmModel]:
    if any(arm.otherwise for arm in arms[:-1]):
        raise wrong(Code.CONTRADICTION, "nothing can follow else", "move else to the end")
    return arms


class BranchModel(StepModel):
    """Take the first arm whose condition holds."""

    branch: Annotated[list[ArmModel], Field(min_length=1), AfterValidator(_else_last)]


class ShareModel(Strict):
    """One arm of a split."""

    share: Annotated[int, Field(ge=1, le=1_000_000)]
    name: Slug
    steps: list[AnyStep] = Field(default_factory=list)


def _distinct(arms: list[ShareModel]) -> list[ShareModel]:
    names = [arm.name for arm in arms]
    if len(set(names)) < len(names):
        message = "two arms of a split have the same name"
        raise wrong(Code.CONTRADICTION, message, "give each its own")
    return arms


class SplitModel(StepModel):
    """Send fixed shares of the leads down different arms."""

    split: Annotated[list[ShareModel], Field(min_length=2), AfterValidator(_distinct)]


def _value(value: object) -> object:
    whole = isinstance(value, str | int)
    if whole or (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        return value
    remedy = "write text, a whole number, true, false or a list of choices"
    raise wrong(Code.WRONG_TYPE, "a field cannot be set to this", remedy)


ProfileValue = Annotated[
    object,
    AfterValidator(_value),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "integer", "boolean"]},
                {"type": "array", "items": {"type": "string"}},
            ]
        }
    ),
]


class SetModel(StepModel):
    """Set profile fields."""

    set: Annotated[dict[FieldKey, ProfileValue], Field(min_length=1)]

    def values(self) -> dict[str, Value]:
        """Return the values as profiles hold them."""
        found: dict[str, Value] = {}
        for key, value in self.set.items():
            if isinstance(value, list):
                found[key] = tuple(sorted(set(value)))
            else:
                assert isinstance(value, str | int)
                found[key] = value
        return found


class ScoreModel(StepModel):
    """Add engagement points."""

    score: Points
    reason: Line


class TaskDetailModel(Strict):
    """What a person is to do."""

    title: Line
    team: Line
    timeout: Seconds = TIMES["task"]


class TaskModel(StepModel):
    """Ask a person to do something, and wait for it."""

    task: TaskDetailModel


class HandoffModel(StepModel):
    """Let sales have the lead if it is qualified, and wait for them."""

    handoff: Slug
    timeout: Seconds = TIMES["handoff"]


class GotoModel(StepModel):
    """Jump to a step, at most so many times."""

    goto: Slug
    at_most: Annotated[int, Field(ge=1, le=100)]


class ArchiveModel(StepModel):
    """Move the lead to the inactive file."""

    archive: Line


class ExitModel(StepModel):
    """End this lead's way through the sequence."""

    exit: Line


def _step_kind(value: object) -> str | None:
    if not isinstance(value, dict):
        return None
    kinds = [kind for kind in STEP_KINDS if kind in value]
    if len(kinds) == 1 or kinds == ["form", "email"]:
        return f"step:{kinds[0]}"
    return None


AnyStep = Annotated[
    Annotated[FormStepModel, Tag("step:form")]
    | Annotated[EmailModel, Tag("step:email")]
    | Annotated[WaitModel, Tag("step:wait")]
    | Annotated[WaitForModel, Tag("step:wait_for")]
    | Annotated[BranchModel, Tag("step:branch")]
    | Annotated[SplitModel, Tag("step:split")]
    | Annotated[SetModel, Tag("step:set")]
    | Annotated[ScoreModel, Tag("step:score")]
    | Annotated[TaskModel, Tag("step:task")]
    | Annotated[HandoffModel, Tag("step:handoff")]
    | Annotated[GotoModel, Tag("step:goto")]
    | Annotated[ArchiveModel, Tag("step:archive")]
    | Annotated[ExitModel, Tag("step:exit")],
    Discriminator(_step_kind),
]


def _reentry(value: object) -> object:
    if value == "never":
        return None
    if not isinstance(value, str):
        raise wrong(Code.MALFORMED, "this is not a duration", 'write "never" or "90d"')
    try:
        return durations.seconds(value)
    except ValueError as error:
        raise wrong(Code.MALFORMED, str(error), 'write "never" or "90d"') from error


Reentry = Annotated[
    int | None,
    BeforeValidator(_reentry),
    WithJsonSchema({"type": "string", "pattern": REENTRY_PATTERN}),
]


class EnterModel(Strict):
    """Who enters, and whether again."""

    when: When
    reentry: Reentry = None
    """never, or how long after leaving a lead may enter again."""
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0


class ExitRuleModel(Strict):
    """Leave as soon as this holds."""

    when: When
    reason: Line


class SendModel(Strict):
    """How the mails of this sequence leave."""

    window: Slug | None = None
    topic: Slug | None = None
    """The consent topic of mails that name none."""


class SequenceModel(Strict):
    """sequences/NAME.yaml: steps with entry, exits and sending rules."""

    title: Line
    enter: EnterModel
    exits: list[ExitRuleModel] = Field(default_factory=list)
    send: SendModel = Field(default_factory=SendModel)
    exclusive: Slug | None = None
    """A lead is in one sequence of this group at most."""
    steps: Annotated[list[AnyStep], Field(min_length=1)]


ArmModel.model_rebuild()
ShareModel.model_rebuild()
BranchModel.model_rebuild()
SplitModel.model_rebuild()
SequenceModel.model_rebuild()
