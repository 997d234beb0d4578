"""The lines that a story is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LineKind(StrEnum):
    """What a line is about. At one moment, causes stand before what followed from them."""

    CAME = "came"
    DID = "did"
    CONSENT = "consent"
    LEARNED = "learned"
    GATE = "gate"
    STAGE = "stage"
    SEQUENCE = "sequence"
    MAIL = "mail"
    TASK = "task"
    HANDOFF = "handoff"

    @property
    def rank(self) -> int:
        """Where lines of this kind stand among others of the same moment.

        What sequences did keeps its own order: a mail that was planned before an exit stays so.
        """
        return _ORDER.index(LineKind.SEQUENCE if self in _OF_SEQUENCES else self)


_ORDER = tuple(LineKind)
_OF_SEQUENCES = frozenset({LineKind.SEQUENCE, LineKind.MAIL, LineKind.TASK})


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
    # Neither a line's end nor an escape of a terminal may come through.
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
