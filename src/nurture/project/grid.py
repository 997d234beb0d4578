"""The grid of fit and engagement in conditions: `band` and `cell`, put into what they stand for.

Neither is stored: both follow from the grade, the engagement score and the limits of the bands.
So a condition that asks for them asks for these, and every reader of conditions knows them.
"""

from __future__ import annotations

from nurture.core.condition import (
    And,
    Compare,
    Condition,
    Not,
    OneOf,
    Operator,
    Or,
    Ref,
    ValueType,
)
from nurture.project.names import BAND, CELL, GRADE

ENGAGEMENT = Ref("score", "engagement", ValueType.NUMBER)


def placed(leaf: Condition, bands: tuple[int, int]) -> Condition:
    """Return the leaf, or what it stands for if it asks for the band or the cell."""
    match leaf:
        case Compare(ref, how, str(value)) if ref in (BAND, CELL):
            found = _at(ref, value, bands)
            return found if how is Operator.EQ else Not(found)
        case OneOf(ref, values) if ref in (BAND, CELL):
            cells = tuple(_at(ref, str(value), bands) for value in values)
            return cells[0] if len(cells) == 1 else Or(cells)
        case _:
            return leaf


def _at(ref: Ref, value: str, bands: tuple[int, int]) -> Condition:
    if ref == BAND:
        terms = _band(value, bands)
        return terms[0] if len(terms) == 1 else And(terms)
    # The cell is written as people say it: the letter of the grade, then the number of the band.
    return And((Compare(GRADE, Operator.EQ, value[0]), *_band(value[1], bands)))


def _band(value: str, bands: tuple[int, int]) -> tuple[Compare, ...]:
    """Return what makes a band; whoever reaches the limit of band 1 is in no other."""
    first, second = bands
    from_first = Compare(ENGAGEMENT, Operator.GE, first)
    from_second = Compare(ENGAGEMENT, Operator.GE, second)
    below_first = Compare(ENGAGEMENT, Operator.LT, first)
    below_second = Compare(ENGAGEMENT, Operator.LT, second)
    return {"1": (from_first,), "2": (from_second, below_first), "3": (below_second,)}[value]
