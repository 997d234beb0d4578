"""Every kind of condition over the leads of `population`, for Hypothesis to draw from."""

from __future__ import annotations

from hypothesis import strategies as st

from nurture.core.condition import (
    And,
    Compare,
    Condition,
    Constant,
    Contains,
    DatePast,
    DateWithin,
    Happened,
    InSequence,
    Known,
    Not,
    OneOf,
    Operator,
    Or,
    Ref,
    Sent,
    Silent,
    ValueType,
)
from nurture.core.lead import Gate, Stage, Temperature, Trait, Verdict
from nurture.project.grid import placed
from nurture.project.names import BAND, BUILT_IN_CHOICES, CELL
from tests.store.population import (
    CHOICES,
    FIELDS,
    KINDS,
    RIGHT,
    SEQUENCES,
    SUBJECTS,
    TEMPLATES,
    WINDOWS,
)

STAGE = Ref("", "stage", ValueType.CHOICE)
_NUMBERED = (
    Ref("", "readiness", ValueType.NUMBER),
    Ref("score", "fit", ValueType.NUMBER),
    Ref("score", "engagement", ValueType.NUMBER),
    *(Ref("trait", trait, ValueType.NUMBER) for trait in Trait),
)
TEXT_COLUMNS = tuple(
    Ref(owner, name, ValueType.TEXT)
    for owner, name in (("", "source"), ("lead", "source"), ("lead", "email"), ("lead", "language"))
)
_NAMED: dict[Ref, tuple[str, ...]] = {
    STAGE: tuple(Stage),
    Ref("", "temperature", ValueType.CHOICE): tuple(Temperature),
    Ref("", "grade", ValueType.CHOICE): tuple("ABCD?"),
    **{Ref("verdict", gate, ValueType.CHOICE): tuple(Verdict) for gate in Gate},
    **dict.fromkeys(TEXT_COLUMNS, ("fair", "Fair", "ä", "de", "a@example.org")),
}
_SINGLE = tuple(ref for ref in FIELDS if ref.type is not ValueType.CHOICES)
_SEVERAL = tuple(ref for ref in FIELDS if ref.type is ValueType.CHOICES)
_DATES = tuple(ref for ref in FIELDS if ref.type is ValueType.DATE)

_windows = st.none() | st.sampled_from(WINDOWS)


def _literals(ref: Ref) -> st.SearchStrategy[str | int | bool]:
    if ref in _NUMBERED:
        return st.sampled_from((0, 1, 3, 5, 49, 50, 100))
    return st.sampled_from([str(name) for name in _NAMED.get(ref, ())] or RIGHT[ref.type])


def _comparisons(ref: Ref) -> st.SearchStrategy[Condition]:
    single = st.builds(Compare, st.just(ref), st.sampled_from(Operator), _literals(ref))
    several = st.lists(_literals(ref), min_size=1, max_size=4)
    return single | st.builds(OneOf, st.just(ref), several.map(tuple))


def _grid(ref: Ref) -> st.SearchStrategy[Condition]:
    """Return what asking for the band or the cell becomes."""
    places = st.sampled_from(BUILT_IN_CHOICES[ref])
    one = st.builds(Compare, st.just(ref), st.sampled_from((Operator.EQ, Operator.NE)), places)
    asked = one | st.builds(OneOf, st.just(ref), st.lists(places, min_size=1).map(tuple))
    return asked.map(lambda leaf: placed(leaf, (50, 3)))


_leaves: st.SearchStrategy[Condition] = st.one_of(
    st.sampled_from((BAND, CELL)).flatmap(_grid),
    st.builds(Constant, st.booleans()),
    st.sampled_from((*_SINGLE, *_SINGLE, *_NUMBERED, *_NAMED)).flatmap(_comparisons),
    st.builds(Contains, st.sampled_from(_SEVERAL), st.sampled_from(CHOICES)),
    st.builds(Known, st.sampled_from((*FIELDS, *_NAMED, *_NUMBERED))),
    st.builds(DateWithin, st.sampled_from(_DATES), st.sampled_from((0, 1, 7, 30))),
    st.builds(DatePast, st.sampled_from(_DATES)),
    st.builds(Happened, st.sampled_from(KINDS), st.sampled_from((None, *SUBJECTS)), _windows),
    st.builds(Sent, st.sampled_from((None, *TEMPLATES)), _windows),
    st.builds(Silent, st.sampled_from(WINDOWS)),
    st.builds(InSequence, st.sampled_from(SEQUENCES), st.booleans()),
)


def trees(depth: int) -> st.SearchStrategy[Condition]:
    """Return trees that are at most so deep."""
    if depth == 1:
        return _leaves
    inner = trees(depth - 1)
    terms = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(_leaves, st.builds(Not, inner), st.builds(And, terms), st.builds(Or, terms))
