"""Conditions: the one tree behind segments, entries, branches, exits, gates and score rules.

`project/expressions.py` parses text to this tree, `holds` below answers it for one lead, and
`store/segment_sql.py` compiles the same tree to SQL. A property test holds the two together.
In `holds` a missing value is "no". In `judge` (gates only) it is unknown, by Kleene's logic.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from nurture.core.event import EventKind
from nurture.core.lead import Lead, Value, Verdict


class ValueType(StrEnum):
    """The type of a reference, and so of the literals it may be compared with."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    DATE = "date"
    CHOICE = "choice"
    CHOICES = "choices"


class Operator(StrEnum):
    """Comparisons of a reference with a literal."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class Ref:
    """A value of the lead: `owner` is lead, account, score, verdict, trait or '' (built-in)."""

    owner: str
    name: str
    type: ValueType

    @property
    def text(self) -> str:
        """The reference as an author writes it."""
        return f"{self.owner}.{self.name}" if self.owner else self.name


@dataclass(frozen=True, slots=True)
class Constant:
    """Always true or always false."""

    value: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """`ref op literal`; numbers are compared in the reference's own unit."""

    ref: Ref
    operator: Operator
    literal: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    """`ref in [literals]`."""

    ref: Ref
    literals: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Contains:
    """`literal in ref` for a reference that holds several choices."""

    ref: Ref
    literal: str


@dataclass(frozen=True, slots=True)
class Known:
    """The reference has a value."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class DateWithin:
    """The date lies between today and so many days ahead (`soon`)."""

    ref: Ref
    days: int


@dataclass(frozen=True, slots=True)
class DatePast:
    """The date is today or earlier (`past`)."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the kind, about the subject if one is named, within so many seconds.

    Only what a person did counts.
    """

    kind: EventKind
    subject: str | None = None
    within_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the template (or any) was accepted by the provider."""

    template: str | None = None
    within_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Silent:
    """No sign of life for so many seconds, counted from capture at the earliest."""

    seconds: int


@dataclass(frozen=True, slots=True)
class InSequence:
    """The lead is in the sequence now (`enrolled`) or has left it (`completed`)."""

    sequence: str
    finished: bool


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    term: Condition


@dataclass(frozen=True, slots=True)
class And:
    """All of the terms."""

    terms: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the terms."""

    terms: tuple[Condition, ...]


Condition = (
    Constant
    | Compare
    | OneOf
    | Contains
    | Known
    | DateWithin
    | DatePast
    | Happened
    | Sent
    | Silent
    | InSequence
    | Not
    | And
    | Or
)

TRUE = Constant(True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A lead and what has happened, as far as conditions may ask.

    `latest` holds the last human occurrence per (kind, subject) up to now, but no list that they
    were taken off; `sent` the last acceptance per template; `inside` and `left` name sequences.
    `today` is the date in the workspace's zone, so that "today" means one thing for one decision.
    """

    lead: Lead
    today: date
    latest: Mapping[tuple[EventKind, str], datetime] = field(default_factory=dict)
    sent: Mapping[str, datetime] = field(default_factory=dict)
    inside: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()


def value_of(ref: Ref, facts: Facts) -> Value | None:
    """Return the reference's value for this lead, None if it is not known.

    Scores are compared in points, so milli-points are scaled by the literal (see `_comparable`).
    """
    lead = facts.lead
    match ref.owner:
        case "lead":
            return (
                _builtin(ref.name, lead) if ref.name in _LEAD_COLUMNS else _get(lead.profile, ref)
            )
        case "account":
            return _get(lead.account, ref)
        case "score":
            return lead.standing.fit if ref.name == "fit" else lead.standing.engagement
        case "verdict":
            return next(str(v) for gate, v in lead.standing.verdicts.items() if gate == ref.name)
        case "trait":
            return next(v for trait, v in lead.standing.traits.items() if trait == ref.name)
        case _:
            return _builtin(ref.name, lead)


_LEAD_COLUMNS = frozenset({"email", "time_zone", "language", "source"})


_STORED_AS: Mapping[ValueType, type] = {
    ValueType.TEXT: str,
    ValueType.NUMBER: int,
    ValueType.BOOL: bool,
    ValueType.DATE: str,
    ValueType.CHOICE: str,
    ValueType.CHOICES: tuple,
}


def _get(profile: Mapping[str, Value], ref: Ref) -> Value | None:
    """Return the profile's value if it has the type that the reference says.

    A value from before the field's type was changed is not known: it is asked for again.
    """
    value = profile.get(ref.name)
    return value if type(value) is _STORED_AS[ref.type] and value not in ("", ()) else None


def _builtin(name: str, lead: Lead) -> Value | None:
    match name:
        case "stage":
            return str(lead.standing.stage)
        case "temperature":
            return str(lead.standing.temperature)
        case "grade":
            return lead.standing.grade
        case "readiness":
            return lead.standing.readiness
        case "source":
            return lead.source or None
        case "email":
            return lead.email or None
        case "time_zone":
            return lead.time_zone or None
        case "language":
            return lead.language or None
        case _:
            raise AssertionError(f"no such reference: {name}")


def scaled(ref: Ref, literal: Value) -> Value:
    """Return the literal in the unit in which the reference is stored (scores: milli-points)."""
    if ref.owner == "score" and isinstance(literal, int) and not isinstance(literal, bool):
        return literal * 1000
    return literal


def holds(condition: Condition, facts: Facts, *, now: datetime) -> bool:
    """Return whether the condition holds now; what is missing is "no"."""
    if type(condition) is Compare:  # nearly all are, and this is asked for every lead
        return _compared(condition, facts) is True
    match condition:
        case And(terms):
            return all(holds(term, facts, now=now) for term in terms)
        case Or(terms):
            return any(holds(term, facts, now=now) for term in terms)
        case Not(term):
            return not holds(term, facts, now=now)
        case _:
            return _leaf(condition, facts, now) is True


def judge(condition: Condition, facts: Facts, *, now: datetime) -> Verdict:
    """Return pass, fail or unknown: a comparison with an unknown value is unknown (Kleene)."""
    return _AS_VERDICT[_kleene(condition, facts, now)]


_AS_VERDICT = {True: Verdict.PASS, False: Verdict.FAIL, None: Verdict.UNKNOWN}


def _kleene(condition: Condition, facts: Facts, now: datetime) -> bool | None:
    match condition:
        case Not(term):
            inner = _kleene(term, facts, now)
            return None if inner is None else not inner
        case And(terms):
            answers = [_kleene(term, facts, now) for term in terms]
            return False if False in answers else None if None in answers else True
        case Or(terms):
            answers = [_kleene(term, facts, now) for term in terms]
            return True if True in answers else None if None in answers else False
        case _:
            return _leaf(condition, facts, now)


_ORDER: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}


def compare(value: Value, how: Operator, literal: Value) -> bool:
    """Compare two values of one type; text by code points, as the databases are told to."""
    return _ORDER[how](value, literal)


def _leaf(condition: Condition, facts: Facts, now: datetime) -> bool | None:
    """Answer a leaf; None where the value it needs is not known."""
    match condition:
        case Constant(value):
            return value
        case Compare():
            return _compared(condition, facts)
        case OneOf(ref, literals):
            known = value_of(ref, facts)
            return None if known is None else known in [scaled(ref, item) for item in literals]
        case Contains(ref, literal):
            known = value_of(ref, facts)
            return None if not isinstance(known, tuple) else literal in known
        case Known(ref):
            return value_of(ref, facts) is not None
        case DateWithin() | DatePast():
            return _date_leaf(condition, facts)
        case Happened() | Sent() | Silent() | InSequence():
            return _history_leaf(condition, facts, now)
        case Not() | And() | Or():
            raise AssertionError("not a leaf")
        case _ as unknown:
            assert_never(unknown)


def _compared(condition: Compare, facts: Facts) -> bool | None:
    ref = condition.ref
    known = value_of(ref, facts)
    if known is None:
        return None
    return _ORDER[condition.operator](known, scaled(ref, condition.literal))


def _date_leaf(condition: DateWithin | DatePast, facts: Facts) -> bool | None:
    known = value_of(condition.ref, facts)
    if not isinstance(known, str):
        return None
    today = facts.today.isoformat()
    if isinstance(condition, DatePast):
        return known <= today
    return today <= known <= (facts.today + timedelta(days=condition.days)).isoformat()


def _history_leaf(
    condition: Happened | Sent | Silent | InSequence, facts: Facts, now: datetime
) -> bool:
    match condition:
        case Happened(kind, subject, within):
            return _recent(last_time(facts, kind, subject), within, now)
        case Sent(template, within):
            return _recent(last_sent(facts, template), within, now)
        case Silent(seconds):
            return last_life(facts.lead) <= now - timedelta(seconds=seconds)
        case InSequence(sequence, finished):
            return sequence in (facts.left if finished else facts.inside)
        case _ as unknown:
            assert_never(unknown)


def last_life(lead: Lead) -> datetime:
    """Return when the person last showed a sign of life; capture counts as the first."""
    return max(lead.captured_at, lead.last_life_at or lead.captured_at)


def last_time(facts: Facts, kind: EventKind, subject: str | None) -> datetime | None:
    """Return when the event last happened, about any subject if none is named."""
    if subject is not None:
        return facts.latest.get((kind, subject))
    return max((at for (k, _), at in facts.latest.items() if k == kind), default=None)


def last_sent(facts: Facts, template: str | None) -> datetime | None:
    """Return when the template was last sent, or any if none is named."""
    if template is not None:
        return facts.sent.get(template)
    return max(facts.sent.values(), default=None)


def _recent(at: datetime | None, within_seconds: int | None, now: datetime) -> bool:
    if at is None or at > now:
        return False
    return within_seconds is None or at > now - timedelta(seconds=within_seconds)


def leaves(condition: Condition) -> Iterator[Condition]:
    """Yield every leaf of the tree."""
    match condition:
        case And(terms) | Or(terms):
            for term in terms:
                yield from leaves(term)
        case Not(term):
            yield from leaves(term)
        case _:
            yield condition


def refs_of(condition: Condition) -> tuple[Ref, ...]:
    """Return every reference that the condition reads, once."""
    found = [
        leaf.ref
        for leaf in leaves(condition)
        if isinstance(leaf, Compare | OneOf | Contains | Known | DateWithin | DatePast)
    ]
    return tuple(dict.fromkeys(found))


def kinds_asked(condition: Condition) -> frozenset[EventKind]:
    """Return the event kinds whose last occurrence the condition needs."""
    return frozenset(leaf.kind for leaf in leaves(condition) if isinstance(leaf, Happened))
