"""Overrides: what a person decided about one lead, which stands over what the rules find.

They are events of the ledger like any other; what stands now follows from them and the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from nurture.core.event import EventKind
from nurture.core.lead import Gate, Stage, Temperature


class Overridden(StrEnum):
    """What can be overridden besides a gate, which goes by its own name."""

    STAGE = "stage"
    TEMPERATURE = "temperature"


KINDS = frozenset(
    {
        EventKind.STAGE_OVERRIDDEN,
        EventKind.TEMPERATURE_OVERRIDDEN,
        EventKind.GATE_WAIVED,
        EventKind.OVERRIDE_ENDED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One decision of a person, with who, when and why.

    `what` is stage, temperature or a gate; `value` the stage or temperature, `pass` for a gate.
    `even_fail` lets a waiver stand against a plain fail too.
    """

    what: str
    value: str
    at: datetime
    by: str
    reason: str
    until: datetime | None = None
    even_fail: bool = False
    event_id: int = 0

    @property
    def said(self) -> str:
        """The override in one phrase: who and why."""
        return f"{self.by}: {self.reason}" if self.reason else self.by


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Everything about a lead that stands by a person's word now."""

    stage: Override | None = None
    temperature: Override | None = None
    waivers: Mapping[Gate, Override] = field(default_factory=dict)

    def all(self) -> tuple[Override, ...]:
        """Return them in a fixed order."""
        found = [self.stage, self.temperature, *self.waivers.values()]
        return tuple(one for one in found if one is not None)

    def next_end(self, *, now: datetime) -> datetime | None:
        """Return when the next of them ends by itself."""
        ends = [one.until for one in self.all() if one.until is not None and one.until > now]
        return min(ends, default=None)


NONE = Overrides()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """What ends the words that were said before it; None: it never was.

    The beginning of the present cycle, sales' last final answer (won, lost, given back), and the
    last time that the lead was archived.
    """

    cycle_at: datetime | None = None
    answered_at: datetime | None = None
    archived_at: datetime | None = None


NEVER = Endings()


def standing_overrides(
    said: Iterable[Override], *, now: datetime, endings: Endings = NEVER
) -> Overrides:
    """Return what stands now; `said` is oldest first, and an ended one has an empty value."""
    last = {one.what: one for one in said}
    standing = {what: one for what, one in last.items() if _stands(one, endings, now)}
    return Overrides(
        stage=standing.get(Overridden.STAGE),
        temperature=standing.get(Overridden.TEMPERATURE),
        waivers={gate: standing[gate.value] for gate in Gate if gate.value in standing},
    )


def _stands(one: Override, endings: Endings, now: datetime) -> bool:
    if not one.value or (one.until is not None and one.until <= now):
        return False
    # Whom sales gave back starts anew: what was said of the cycle before was about that cycle.
    if endings.cycle_at is not None and one.at < endings.cycle_at:
        return False
    if one.what != Overridden.STAGE:
        return True
    later = (endings.answered_at, endings.archived_at)
    return all(one.at > at for at in later if at is not None)


def said_since(overrides: Overrides, at: datetime) -> Overrides:
    """Return what of it was said at that time or later: all that a cycle begun then knows."""
    return Overrides(
        stage=_if_since(overrides.stage, at),
        temperature=_if_since(overrides.temperature, at),
        waivers={gate: one for gate, one in overrides.waivers.items() if one.at >= at},
    )


def _if_since(one: Override | None, at: datetime) -> Override | None:
    return one if one is not None and one.at >= at else None


def without_stage(overrides: Overrides) -> Overrides:
    """Return the same without the word about the stage."""
    return replace(overrides, stage=None)


def as_override(
    kind: EventKind, subject: str, at: datetime, detail: Mapping[str, object], event_id: int
) -> Override:
    """Return the override that an event of the ledger records."""
    what, value = {
        EventKind.STAGE_OVERRIDDEN: (Overridden.STAGE.value, subject),
        EventKind.TEMPERATURE_OVERRIDDEN: (Overridden.TEMPERATURE.value, subject),
        EventKind.GATE_WAIVED: (subject, "pass"),
    }.get(kind, (subject, ""))
    until = detail.get("until")
    return Override(
        what=what,
        value=value,
        at=at,
        by=str(detail.get("by", "")),
        reason=str(detail.get("reason", "")),
        until=datetime.fromisoformat(str(until)) if until else None,
        even_fail=bool(detail.get("even_fail", False)),
        event_id=event_id,
    )


def pinned_stage(overrides: Overrides) -> Stage | None:
    """Return the stage that a person set, None if nobody did."""
    return Stage(overrides.stage.value) if overrides.stage else None


def pinned_temperature(overrides: Overrides) -> Temperature | None:
    """Return the temperature that a person set, None if nobody did."""
    return Temperature(overrides.temperature.value) if overrides.temperature else None
