"""The lead: one person at any stage, and the words for where that person stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from nurture.core.value import value

Value = str | int | bool | tuple[str, ...]
"""A profile value. Dates are ISO text; several choices are a sorted tuple of keys."""

Profile = Mapping[str, Value]


class Stage(StrEnum):
    """The canonical stage keys; display names and definitions are configuration.

    The record of a person is called a lead at every stage; the stage is always `Stage.LEAD`.
    """

    SUSPECT = "suspect"
    LEAD = "lead"
    PROSPECT = "prospect"
    OPPORTUNITY = "opportunity"
    CUSTOMER = "customer"
    INACTIVE = "inactive"
    DISQUALIFIED = "disqualified"
    LOST = "lost"
    ERASED = "erased"


IN_PLAY = frozenset({Stage.SUSPECT, Stage.LEAD, Stage.PROSPECT, Stage.OPPORTUNITY})
"""Stages in which the lead is still on the way somewhere."""

ENDED = frozenset(Stage) - IN_PLAY
"""Stages that end nurture; customers and lost or inactive leads can come back by an event."""


class Temperature(StrEnum):
    """How a prospect stands towards buying; leads below prospect are always new or closed."""

    NEW = "new"
    HOT = "hot"
    WARM = "warm"
    COLD = "cold"
    CLOSED = "closed"


class Verdict(StrEnum):
    """A gate's answer. Unknown is an answer of its own: it asks, it never rejects."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Gate(StrEnum):
    """The gates between lead, prospect and handoff."""

    ORGANIZATION = "organization"
    OPPORTUNITY = "opportunity"
    STAKEHOLDER = "stakeholder"
    NURTURED = "nurtured"


QUALIFYING_GATES = (Gate.ORGANIZATION, Gate.OPPORTUNITY, Gate.STAKEHOLDER)


class Trait(StrEnum):
    """What turns a prospect into an opportunity, each 0 to 3."""

    PAIN = "pain"
    INTEREST = "interest"
    FIT = "fit"


UNKNOWN_GRADE = "?"


@value(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a lead stands: everything that is derived and stored on the lead's row.

    Scores are integer milli-points; readiness is 0 to 100.
    """

    stage: Stage
    temperature: Temperature
    grade: str = UNKNOWN_GRADE
    fit: int = 0
    engagement: int = 0
    readiness: int = 0
    verdicts: Mapping[Gate, Verdict]
    traits: Mapping[Trait, int]
    cycle: int = 1

    @property
    def readiness_known(self) -> bool:
        """Whether anything is known by which to estimate readiness."""
        return bool(self.grade != UNKNOWN_GRADE or self.fit or self.engagement or self.readiness)


def first_standing() -> Standing:
    """Return where every lead begins."""
    return Standing(
        stage=Stage.LEAD,
        temperature=Temperature.NEW,
        verdicts=dict.fromkeys(Gate, Verdict.UNKNOWN),
        traits=dict.fromkeys(Trait, 0),
    )


@value(frozen=True, slots=True, kw_only=True)
class Lead:
    """One person as the decisions see it, with the account's profile beside their own.

    `version` rises with every stored change and every new event: compare-and-swap runs on it.
    """

    id: int
    uid: str
    version: int
    email: str
    time_zone: str
    language: str
    source: str
    account_id: int
    profile: Profile
    account: Profile
    standing: Standing
    topics: frozenset[str]
    suppressed: str
    locked: bool
    captured_at: datetime
    last_life_at: datetime | None
    archived_at: datetime | None = None
    temperature_at: datetime | None = None


@value(frozen=True, slots=True, kw_only=True)
class Recipient:
    """What of a lead decides whether a mail leaves; much less than the whole lead."""

    email: str
    time_zone: str
    topics: frozenset[str]
    suppressed: str
    locked: bool
    stage: Stage
    paused: bool = False


def as_recipient(lead: Lead) -> Recipient:
    """Return the lead as the last gate sees it."""
    return Recipient(
        email=lead.email,
        time_zone=lead.time_zone,
        topics=lead.topics,
        suppressed=lead.suppressed,
        locked=lead.locked,
        stage=lead.standing.stage,
    )
