"""What a run may be told: counts and, in a test, a time. Prefect keeps these in clear text."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

Limit = Annotated[int, Field(ge=1, le=10_000, description="How many rows one batch takes at most.")]
Helpers = Annotated[
    int, Field(ge=0, le=64, description="How many more runs to start beside this one.")
]
Now = Annotated[
    datetime | None,
    Field(description="The time to work at; only with NURTURE_PROFILE=test."),
]
