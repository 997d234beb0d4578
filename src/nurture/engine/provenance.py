"""Who told us what about a lead and its organization, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from nurture.core.known import Statement, as_statement, choose
from nurture.core.lead import Lead, Value
from nurture.engine.moments import Zones
from nurture.engine.words import Words
from nurture.store import profiles
from nurture.store.db import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One value with its origin. `by_colleague`: somebody else of the organization said it."""

    id: int
    statement: Statement
    by_colleague: bool

    @property
    def key(self) -> str:
        """The field."""
        return self.statement.key

    @property
    def value(self) -> Value:
        """What was told."""
        return self.statement.value

    @property
    def source(self) -> str:
        """Where it is from."""
        return self.statement.source

    @property
    def at(self) -> datetime:
        """When it was told."""
        return self.statement.at

    @property
    def valid_until(self) -> datetime | None:
        """Until when it is believed, None for ever."""
        return self.statement.valid_until

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
        found = choose([one.statement for one in told], moment)
        if found is None:
            return None
        held = next(one for one in reversed(told) if one.statement == found.held)
        after = told[: told.index(held) + 1]
        same = takewhile(lambda one: one.value == held.value, reversed(after))
        # What a colleague merely repeats is still their own word.
        return next((one for one in same if not one.by_colleague), held)

    def otherwise(self, key: str, moment: datetime) -> list[Told]:
        """Return what others say of the field, and does not count."""
        told = [one for one in self.told if one.key == key and one.at <= moment]
        found = choose([one.statement for one in told], moment)
        rivals = found.rivals if found else ()
        return [next(one for one in told if one.statement == rival) for rival in rivals]

    def in_force(self, moment: datetime) -> Mapping[str, Told]:
        """Return every value that was known at that time."""
        keys = dict.fromkeys(one.key for one in self.told)
        found = ((key, self.at(key, moment)) for key in keys)
        return {key: told for key, told in found if told is not None}


def read_provenance(connection: Connection, lead: Lead) -> Provenance:
    """Return what was told about the lead and its organization."""
    rows = profiles.facts_of(connection, lead.id, lead.account_id)
    return Provenance(
        told=[_told(row["id"], as_statement(row), lead) for row in rows],
    )


def _told(fact_id: int, one: Statement, lead: Lead) -> Told:
    return Told(id=fact_id, statement=one, by_colleague=one.by not in (None, lead.id))


def say_source(source: str, words: Words, *, by_colleague: bool = False) -> str:
    """Return in plain words where a value came from."""
    kind, _, name = source.partition(" ")
    match kind:
        case "form" if name:
            return f"said {'by a colleague ' * by_colleague}in the form {words.form(name)}"
        case "import" if name:
            return f"{'about a colleague, ' * by_colleague}from the import of {name}"
        case "hearsay" if name:
            return f"hearsay, told by {name}"
        case "sequence" if name:
            return f"set by the sequence {words.sequence(name)}"
        case _:
            return f"from {source}"
