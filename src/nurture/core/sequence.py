"""Sequences: ordered steps with entry, exits and sending rules, flattened so that a step is an id.

The loader lays nested branches out flat: every step knows the id of the step that follows it
(None: the sequence is finished), and branch arms know the id of their first step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from nurture.core.condition import Condition
from nurture.core.lead import Value


class WhenCapped(StrEnum):
    """What becomes of a mail whose lead has had as many as the caps allow."""

    DEFER = "defer"
    DROP = "drop"
    REPLACE = "replace"


class Late(StrEnum):
    """What becomes of a mail that is later than its step's `expires`."""

    SEND = "send"
    SKIP = "skip"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBase:
    """What every step has. `line` is where its author wrote it."""

    id: str
    next: str | None
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailStep(StepBase):
    """Send one mail. `window` and `topic` override the sequence's.

    With `others` it is one of several: the one for the step that the buyer shows.
    """

    template: str
    others: tuple[str, ...] = ()
    window: str = ""
    topic: str = ""
    expires_seconds: int | None = None
    late: Late = Late.SKIP
    when_capped: WhenCapped = WhenCapped.DEFER

    @property
    def templates(self) -> tuple[str, ...]:
        """Every mail that the step may send."""
        return (self.template, *self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitStep(StepBase):
    """Go on after so many seconds."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FormStep(StepBase):
    """Mail a signed link to a form, then wait for the answer or the timeout."""

    form: str
    template: str
    timeout_seconds: int
    window: str = ""
    topic: str = ""
    expires_seconds: int | None = None
    late: Late = Late.SKIP
    when_capped: WhenCapped = WhenCapped.DEFER

    @property
    def templates(self) -> tuple[str, ...]:
        """Every mail that the step may send."""
        return (self.template,)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitForStep(StepBase):
    """Go on when the condition holds, or after the timeout."""

    when: Condition
    text: str
    timeout_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchArm:
    """One way out of a branch; `first` is None where the arm has no steps."""

    when: Condition
    text: str
    first: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchStep(StepBase):
    """Take the first arm whose condition holds; without one, go on."""

    arms: tuple[BranchArm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitArm:
    """A share (of the sum of shares) of the leads, chosen by a stable hash."""

    name: str
    share: int
    first: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitStep(StepBase):
    """Send a fixed share of the leads down each arm."""

    arms: tuple[SplitArm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStep(StepBase):
    """Set profile fields (`lead.x` or `account.x`)."""

    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreStep(StepBase):
    """Add engagement points with a reason."""

    points: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStep(StepBase):
    """Ask a person to do something, and wait until it is done or the timeout."""

    title: str
    team: str
    timeout_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffStep(StepBase):
    """Wait for sales if the lead is qualified; else note why not and go on."""

    endpoint: str
    timeout_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GotoStep(StepBase):
    """Jump back or forward, at most so many times per enrollment."""

    target: str
    at_most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveStep(StepBase):
    """Move the lead to the inactive file and end."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitStep(StepBase):
    """End this enrollment."""

    reason: str


Step = (
    EmailStep
    | WaitStep
    | FormStep
    | WaitForStep
    | BranchStep
    | SplitStep
    | SetStep
    | ScoreStep
    | TaskStep
    | HandoffStep
    | GotoStep
    | ArchiveStep
    | ExitStep
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRule:
    """Leave the sequence as soon as this holds."""

    when: Condition
    text: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """One sequence. `reentry_seconds` None: a lead enters once and never again."""

    name: str
    title: str
    enter: Condition
    enter_text: str
    reentry_seconds: int | None
    priority: int
    exclusive: str
    exits: tuple[ExitRule, ...]
    window: str
    topic: str
    steps: tuple[Step, ...]

    @cached_property
    def by_id(self) -> Mapping[str, Step]:
        """The steps by id."""
        return {step.id: step for step in self.steps}

    @cached_property
    def sends_mail(self) -> bool:
        """Whether any step needs an address to write to."""
        return any(isinstance(step, EmailStep | FormStep) for step in self.steps)

    @property
    def first(self) -> str:
        """The id of the first step."""
        return self.steps[0].id
