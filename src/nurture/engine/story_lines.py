"""The lines that a story is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum


class LineKind(IntEnum):
    """What a line is about. At one moment, causes stand before what followed from them."""

    CAME = 0
    CONSENT = 1
    DID = 2
    LEARNED = 3
    GATE = 4
    STAGE = 5
    SEQUENCE = 6
    TASK = 7
    MAIL = 8
    HANDOFF = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """One thing that happened or was decided, and why. `minor`: true, but rarely asked for."""

    at: datetime
    kind: LineKind
    what: str
    why: str = ""
    minor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NextLine:
    """One thing that comes next, and why; `at` None: no time is set, only an event can bring it."""

    at: datetime | None
    what: str
    why: str = ""


def one_line(text: object, longest: int = 300) -> str:
    """Return what somebody typed as one line of bearable length."""
    line = " ".join(str(text).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
