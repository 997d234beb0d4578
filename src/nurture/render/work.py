"""How much one rendering does, counted in what it does to texts and never in seconds.

A clock would refuse a mail on a busy machine that it sent on an idle one. What is counted here is
the same everywhere: every filter and comparison costs by the size of what it works on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from jinja2 import pass_context
from jinja2.exceptions import TemplateRuntimeError
from jinja2.utils import missing

MAX_WORK = 300_000
"""Units that one rendering may use; the dearest filter takes a tenth of a microsecond for one."""

CALL = 5
"""Units for calling a filter at all."""

ITEM = 32
"""What an item of a list counts for, in characters."""

COSTS = {
    "_ordered": 32,
    "_same": 32,
    "_within": 4,
    "capitalize": 8,
    "date": 8,
    "e": 8,
    "escape": 8,
    "int": 4,
    "join": 8,
    "lower": 8,
    "replace": 2,
    "round": 8,
    "title": 1,
    "trim": 8,
    "truncate": 8,
    "upper": 8,
    "urlencode": 1,
}
"""How many characters cost one unit, for each filter; those missing here look at no character."""


class Names(dict[str, object]):
    """The values of one rendering: what generated code asks of Jinja2's `Context`, and no more."""

    __slots__ = ()

    def __missing__(self, _name: str) -> object:
        return missing

    resolve_or_missing = dict.__getitem__


class Working(Names):
    """The values of one rendering, and how much was done in it."""

    __slots__ = ("work",)

    def __init__(self, values: Mapping[str, object]) -> None:
        super().__init__(values)
        self.work = 0

    def spend(self, units: int) -> None:
        """Count units; raise TemplateRuntimeError beyond the limit."""
        self.work += units
        if self.work > MAX_WORK:
            raise TemplateRuntimeError(
                "this takes too long: its filters and comparisons work through too much text;"
                " put them outside the loops, or nest fewer loops"
            )


def metered(function: Callable[..., object], per_unit: int) -> Callable[..., object]:
    """Return the filter, counted: `per_unit` characters of what it is given cost one unit."""

    @pass_context
    def counted(context: Working, *given: object, **named: object) -> object:
        context.spend(CALL + sum(map(size, given)) // per_unit)
        return function(*given, **named)

    return counted


def size(value: object) -> int:
    """Return what there is to work through in a value, in characters."""
    match value:
        case str():
            return len(value)
        case list() | tuple():
            return sum(ITEM + size(item) for item in value)
        case bool():
            return 0
        case int():
            return value.bit_length()
        case _:
            return 0
