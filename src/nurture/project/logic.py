"""What follows from a condition whatever the lead: never true, always true, implied, guarded."""

from __future__ import annotations

from collections.abc import Iterable

from nurture.core.condition import (
    And,
    Compare,
    Condition,
    Constant,
    Not,
    OneOf,
    Operator,
    Or,
    Ref,
    ValueType,
)
from nurture.core.lead import Stage, Value

LATE = frozenset({Stage.OPPORTUNITY.value, Stage.CUSTOMER.value, Stage.LOST.value})
"""Stages in which budget, authority, need and timeline may be talked about."""


def never(condition: Condition) -> bool:
    """Say whether the condition can be seen to hold for nobody."""
    match condition:
        case Constant(value):
            return not value
        case And(terms):
            return any(never(term) for term in terms) or _contradict(terms)
        case Or(terms):
            return all(never(term) for term in terms)
        case Not(term):
            return always(term)
        case _:
            return False


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
            return any(implies(given, term) for term in terms) or _some_implies(given, asked)
        case _:
            return _narrower(given, asked) or _some_implies(given, asked)


def _some_implies(given: Condition, asked: Condition) -> bool:
    return isinstance(given, And) and any(implies(term, asked) for term in given.terms)


def _narrower(given: Condition, asked: Condition) -> bool:
    left, right = _accepted(given), _accepted(asked)
    return bool(left and right and left[0] == right[0] and left[1] <= right[1])


def _accepted(condition: Condition) -> tuple[Ref, frozenset[Value]] | None:
    """Return the values by which the condition holds, if it names them."""
    match condition:
        case Compare(ref, Operator.EQ, literal):
            return ref, frozenset({literal})
        case OneOf(ref, literals):
            return ref, frozenset(literals)
        case _:
            return None


def _contradict(terms: Iterable[Condition]) -> bool:
    """Say whether no value of some reference satisfies all terms."""
    together = list(terms)
    if any(Not(term) in together for term in together):
        return True
    left: dict[Ref, frozenset[Value]] = {}
    for term in together:
        accepted = _accepted(term)
        if accepted and accepted[0].type is not ValueType.CHOICES:
            ref, values = accepted
            left[ref] = left.get(ref, values) & values
    return not all(left.values())


def late(condition: Condition) -> bool:
    """Say whether the condition holds only from the stage opportunity on."""
    match condition:
        case And(terms):
            return any(late(term) for term in terms)
        case Or(terms):
            return all(late(term) for term in terms)
        case Compare() | OneOf():
            accepted = _accepted(condition)
            return accepted is not None and accepted[0].text == "stage" and accepted[1] <= LATE
        case _:
            return False
