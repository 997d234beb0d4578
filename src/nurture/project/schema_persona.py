"""The model of personas/*.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from nurture.project.schema_base import Line, Strict, When


class PersonaModel(Strict):
    """personas/NAME.yaml: one kind of person we sell to."""

    title: Line
    when: When
    """Whom it fits, by fields of lead and account."""
    seniority: Line | None = None
    weight: Annotated[int, Field(ge=0, le=100)] = 0
    """What the engagement of these people counts in the score of their account, in percent."""
    pains: list[Line] = Field(default_factory=list)
    """What keeps them busy."""
    objections: list[Line] = Field(default_factory=list)
    """What they hold against it, and the answer."""
    talking_points: list[Line] = Field(default_factory=list)
    """What to speak about."""
    questions: list[Line] = Field(default_factory=list)
    """What to ask."""
    proof: list[Line] = Field(default_factory=list)
    """What convinces them."""
    channels: list[Literal["email", "phone", "visit", "event", "post"]] = Field(
        default_factory=list
    )
    """How they like to be reached, best first."""
