"""Which of several statements about a field counts, and which others stand against it.

What the person said, or we set on purpose, counts before what a list says. Among equals the newer
counts. What has expired is unknown, and nothing older comes back in its place. Nothing is
overwritten: what does not count is shown beside what does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nurture.core.lead import Value

LISTED = frozenset({"import", "hearsay"})
"""First words of sources that the person did not say: anybody may have written or told it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One value that somebody or something told us. `by`: the lead who said it, None for nobody."""

    key: str
    value: Value
    source: str
    at: datetime
    valid_until: datetime | None
    by: int | None

    @property
    def listed(self) -> bool:
        """Say whether it only stands in a list, or is hearsay."""
        return self.source.partition(" ")[0] in LISTED

    @property
    def origin(self) -> str:
        """Who speaks: a later statement of the same origin replaces the one before it.

        Of a list it is the line: two colleagues in one file may say different things.
        """
        kind = self.source.partition(" ")[0]
        if kind == "form":
            return f"person {self.by}"
        return f"{self.source} {self.by}" if self.listed else kind

    def holds_at(self, moment: datetime) -> bool:
        """Say whether it is still believed."""
        return self.valid_until is None or self.valid_until > moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The statement that counts, and the newest of each other origin that says otherwise."""

    held: Statement
    rivals: tuple[Statement, ...] = ()


def as_statement(row: Mapping[str, Any]) -> Statement:
    """Return a stored fact as a statement."""
    value = row["value"]
    return Statement(
        key=f"{'lead' if row['account_id'] is None else 'account'}.{row['name']}",
        value=tuple(value) if isinstance(value, list) else value,
        source=row["source"],
        at=row["occurred_at"],
        valid_until=row["valid_until"],
        by=row["lead_id"],
    )


def known(told: Iterable[Statement], moment: datetime) -> dict[str, Known]:
    """Return what is known of each field. `told` is in the order of time."""
    by_key: dict[str, list[Statement]] = {}
    for one in told:
        by_key.setdefault(one.key, []).append(one)
    found = {key: choose(several, moment) for key, several in by_key.items()}
    return {key: one for key, one in found.items() if one is not None}


def choose(told: Sequence[Statement], moment: datetime) -> Known | None:
    """Return what is known of one field from everything that was told, oldest first."""
    held = _held(told, moment)
    if held is None:
        return None
    newest = {one.origin: one for one in told}
    rivals = tuple(
        one
        for one in newest.values()
        if one.origin != held.origin and one.value != held.value and one.holds_at(moment)
    )
    return Known(held=held, rivals=rivals)


def _held(told: Sequence[Statement], moment: datetime) -> Statement | None:
    trusted = next((one for one in reversed(told) if not one.listed), None)
    if trusted is not None and trusted.holds_at(moment):
        return trusted
    last = told[-1] if told else None
    return last if last is not None and last.holds_at(moment) else None
