"""Who told us what about a lead and its organization, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

from nurture.core.lead import Lead, Value
from nurture.engine.moments import Zones
from nurture.engine.words import Words
from nurture.store import profiles
from nurture.store.db import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One value with its origin. `by_colleague`: somebody else of the organization said it."""

    key: str
    value: Value
    source: str
    at: datetime
    valid_until: datetime | None
    by_colleague: bool

    def said(self, words: Words, zones: Zones) -> str:
        """Return where the value is from, as a remark in brackets."""
        source = say_source(self.source, words, by_colleague=self.by_colleague)
        return f"{source}, {zones.day(self.at)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Everything that was ever told about one lead, oldest first."""

    told: Sequence[Told]

    def at(self, key: str, moment: datetime) -> Told | None:
        """Return what was known of the field at that time; what had expired was not known."""
        told = [one for one in self.told if one.key == key and one.at <= moment]
        if not told or (told[-1].valid_until is not None and told[-1].valid_until <= moment):
            return None
        same = takewhile(lambda one: one.value == told[-1].value, reversed(told))
        # What a colleague merely repeats is still their own word.
        return next((one for one in same if not one.by_colleague), told[-1])

    def in_force(self, moment: datetime) -> Mapping[str, Told]:
        """Return every value that was known at that time."""
        keys = dict.fromkeys(one.key for one in self.told)
        found = ((key, self.at(key, moment)) for key in keys)
        return {key: told for key, told in found if told is not None}


def read_provenance(connection: Connection, lead: Lead) -> Provenance:
    """Return what was told about the lead and its organization."""
    rows = profiles.facts_of(connection, lead.id, lead.account_id)
    return Provenance(told=[_told(row, lead) for row in rows])


def _told(row: Mapping[str, Any], lead: Lead) -> Told:
    value = row["value"]
    return Told(
        key=f"{'lead' if row['account_id'] is None else 'account'}.{row['name']}",
        value=tuple(value) if isinstance(value, list) else value,
        source=row["source"],
        at=row["occurred_at"],
        valid_until=row["valid_until"],
        by_colleague=row["lead_id"] != lead.id,
    )


def say_source(source: str, words: Words, *, by_colleague: bool = False) -> str:
    """Return in plain words where a value came from."""
    kind, _, name = source.partition(" ")
    match kind:
        case "form" if name:
            return f"said {'by a colleague ' * by_colleague}in the form {words.form(name)}"
        case "import" if name:
            return f"{'about a colleague, ' * by_colleague}from the import of {name}"
        case "sequence" if name:
            return f"set by the sequence {words.sequence(name)}"
        case _:
            return f"from {source}"
