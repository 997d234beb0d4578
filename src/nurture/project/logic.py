"""What follows from a condition whatever the lead: never true, always true, implied, guarded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nurture.core.condition import (
    And,
    Compare,
    Condition,
    Constant,
    Contains,
    DatePast,
    DateWithin,
    Happened,
    Known,
    Not,
    OneOf,
    Operator,
    Or,
    Ref,
    Sent,
    Silent,
    compare,
)
from nurture.core.lead import Stage, Value

Limits = Mapping[str, tuple[int | None, int | None]]
"""Least and most that a number may be, by the text of its reference; None: no limit."""
NO_LIMITS: Limits = {}

LATE = frozenset({Stage.OPPORTUNITY.value, Stage.CUSTOMER.value, Stage.LOST.value})
"""Stages in which budget, authority, need and timeline may be talked about."""


def never(condition: Condition, limits: Limits = NO_LIMITS) -> bool:
    """Say whether the condition can be seen to hold for nobody."""
    match condition:
        case Constant(value):
            return not value
        case And(terms):
            return any(never(term, limits) for term in terms) or _contradict(terms, limits)
        case Or(terms):
            return all(never(term, limits) for term in terms)
        case Not(term):
            return always(term)
        case _:
            return _contradict((condition,), limits)


def always(condition: Condition) -> bool:
    """Say whether the condition can be seen to hold for everybody."""
    match condition:
        case Constant(value):
            return value
        case And(terms):
            return all(always(term) for term in terms)
        case Or(terms):
            return any(always(term) for term in terms)
        case Not(term):
            return never(term)
        case _:
            return False


def implies(given: Condition, asked: Condition) -> bool:
    """Say whether `asked` can be seen to hold wherever `given` does."""
    if given == asked or always(asked):
        return True
    match given, asked:
        case Or(terms), _:
            return all(implies(term, asked) for term in terms)
        case _, And(terms):
            return all(implies(given, term) for term in terms)
        case _, Or(terms):
            one = any(implies(given, term) for term in terms) or _some_implies(given, asked)
            return one or _each_implies(given, asked)
        case _:
            return _narrower(given, asked) or _some_implies(given, asked)


def _some_implies(given: Condition, asked: Condition) -> bool:
    return isinstance(given, And) and any(implies(term, asked) for term in given.terms)


def _each_implies(given: Condition, asked: Condition) -> bool:
    """Say whether each value that `given` lists leads to `asked`, perhaps each by another way."""
    if not isinstance(given, OneOf):
        return False
    return all(implies(Compare(given.ref, Operator.EQ, one), asked) for one in given.literals)


def _narrower(given: Condition, asked: Condition) -> bool:
    match given, asked:
        case Not(left), Not(right):
            return implies(right, left)
        case Compare() | OneOf() | Contains() | DatePast() | DateWithin(), Known(ref):
            return given.ref == ref
        case Compare() | OneOf(), Compare() | OneOf() if given.ref == asked.ref:
            values = _accepted(given)
            if values is not None:
                return all(_fits(asked, value) for value in values)
            return _inside(_range(given), _range(asked))
        case DateWithin(ref, days), DateWithin(other, most):
            return ref == other and days <= most
        case Silent(seconds), Silent(least):
            return seconds >= least
        case Happened(), Happened():
            named = asked.subject in (None, given.subject)
            return given.kind is asked.kind and named and _later(given, asked)
        case Sent(), Sent():
            return asked.template in (None, given.template) and _later(given, asked)
        case _:
            return False


def _later(given: Happened | Sent, asked: Happened | Sent) -> bool:
    """Say whether what `given` looks back is part of what `asked` looks back."""
    if asked.within_seconds is None:
        return True
    return given.within_seconds is not None and given.within_seconds <= asked.within_seconds


def _accepted(condition: Condition) -> frozenset[Value] | None:
    """Return the values by which the condition holds, if it names them."""
    match condition:
        case Compare(_, Operator.EQ, literal):
            return frozenset({literal})
        case OneOf(_, literals):
            return frozenset(literals)
        case _:
            return None


def _fits(leaf: Condition, value: Value) -> bool:
    """Say whether a comparison holds for a value of what it compares."""
    match leaf:
        case Compare(_, how, literal):
            return compare(value, how, literal)
        case OneOf(_, literals):
            return value in literals
        case Not(term):
            return not _fits(term, value)
        case _:
            raise AssertionError("no comparison")


# -- numbers -------------------------------------------------------------------------------------

_Range = tuple[int | None, int | None]
"""Least and most; None: no end."""

_OPPOSITE = {
    Operator.LT: Operator.GE,
    Operator.LE: Operator.GT,
    Operator.GT: Operator.LE,
    Operator.GE: Operator.LT,
}


def _range(leaf: Condition) -> _Range | None:
    """Return the whole numbers by which a comparison holds, if they are a range."""
    match leaf:
        case Not(Compare(ref, how, literal)) if how in _OPPOSITE:
            # Only where another term asks for the number too: one that is missing is not below.
            return _range(Compare(ref, _OPPOSITE[how], literal))
        case Compare(_, Operator.GE, int(least)):
            return least, None
        case Compare(_, Operator.GT, int(below)):
            return below + 1, None
        case Compare(_, Operator.LE, int(most)):
            return None, most
        case Compare(_, Operator.LT, int(above)):
            return None, above - 1
        case _:
            return None


def _inside(inner: _Range | None, outer: _Range | None) -> bool:
    if inner is None or outer is None:
        return False
    low = outer[0] is None or (inner[0] is not None and inner[0] >= outer[0])
    return low and (outer[1] is None or (inner[1] is not None and inner[1] <= outer[1]))


# -- contradictions ------------------------------------------------------------------------------


def _contradict(terms: Iterable[Condition], limits: Limits) -> bool:
    """Say whether no value of some reference satisfies all terms."""
    together = list(_flat(terms))
    if any(Not(term) in together for term in together):
        return True
    asked = {term.ref for term in together if isinstance(term, Compare | OneOf)}
    return any(
        _impossible([term for term in together if _about(term) == ref], limits.get(ref.text))
        for ref in asked
    )


def _flat(terms: Iterable[Condition]) -> Iterator[Condition]:
    for term in terms:
        if isinstance(term, And):
            yield from _flat(term.terms)
        else:
            yield term


def _about(term: Condition) -> Ref | None:
    inner = term.term if isinstance(term, Not) else term
    return inner.ref if isinstance(inner, Compare | OneOf) else None


def _impossible(terms: list[Condition], limit: _Range | None) -> bool:
    """Say whether no value satisfies all of these terms about one reference."""
    ranges = [found for found in (limit, *map(_range, terms)) if found is not None]
    lows = [low for low, _ in ranges if low is not None]
    highs = [high for _, high in ranges if high is not None]
    named = [values for values in map(_accepted, terms) if values is not None]
    if not named:
        return bool(lows and highs) and max(lows) > min(highs)
    left = [value for value in frozenset.intersection(*named) if _within(value, limit)]
    return not any(all(_fits(term, value) for term in terms) for value in left)


def _within(value: Value, limit: _Range | None) -> bool:
    if limit is None or not isinstance(value, int):
        return True
    low, high = limit
    return (low is None or value >= low) and (high is None or value <= high)


def late(condition: Condition) -> bool:
    """Say whether the condition holds only from the stage opportunity on."""
    match condition:
        case And(terms):
            return any(late(term) for term in terms)
        case Or(terms):
            return all(late(term) for term in terms)
        case Compare() | OneOf():
            accepted = _accepted(condition)
            return accepted is not None and condition.ref.text == "stage" and accepted <= LATE
        case _:
            return False
