"""The Jinja2 environments that run templates nobody has to trust.

The grammar in `grammar` is the wall: what it lets pass cannot call, import, reach into objects or
grow without bound. This module is the second wall, for what the first one may have missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from nurture.render.bounds import written
from nurture.render.filters import (
    FILTERS,
    MAX_ITEMS,
    MAX_TEXT,
    TESTS,
    display,
    items,
    ordered,
    reckon,
    same,
    within,
)
from nurture.render.work import COSTS, metered

LOOP_NAMES = frozenset({"first", "index", "index0", "last", "length", "revindex"})
"""What a template may ask of `loop`."""

OPERATORS: Mapping[str, Callable[..., object]] = {
    "_items": items,
    "_ordered": ordered,
    "_reckon": reckon,
    "_same": same,
    "_within": within,
}
"""What the grammar rewrites loops, comparisons and sums to; an author cannot name these."""


MAX_AT_ONCE = 500 * MAX_TEXT
"""Characters that a template may write and yet be joined at once: they fit in memory."""

_COUNTED = {
    name: metered(function, COSTS[name]) if name in COSTS else function
    for name, function in {**FILTERS, **OPERATORS}.items()
}


class Code(CodeGenerator):
    """Generates code for templates that never include or import while they run."""

    def pop_assign_tracking(self, frame: Frame) -> None:
        """Leave out how `set` tells blocks and imports of its name."""
        self._assign_stack.pop()


class _AtOnce(Code):
    """Joins what a template writes where Jinja2 would hand it over piece by piece.

    That is a third quicker. A template that could write too much goes on handing over pieces, so
    that they can be counted on the way.
    """

    def blockvisit(self, body: Iterable[nodes.Node], frame: Frame) -> None:
        """Write the code of a block; that of the whole template ends in a single piece."""
        body = list(body)
        if not frame.rootlevel or self._is_long(body):
            super().blockvisit(body, frame)
            return
        self.buffer(frame)
        super().blockvisit(body, frame)
        self.writeline(f"yield concat({frame.buffer})")

    @staticmethod
    def _is_long(body: list[nodes.Node]) -> bool:
        return written(body, per_loop=MAX_ITEMS, per_value=MAX_TEXT) > MAX_AT_ONCE

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 (Jinja2's name)
        """Write what `Sandbox.getattr` does first in place: nearly all that is asked are fields."""
        if not isinstance(node.node, nodes.Name):
            super().visit_Getattr(node, frame)
            return
        name = repr(node.attr)
        self.write(f"(of[{name}] if type(of := ")
        self.visit(node.node, frame)
        self.write(f") is dict and {name} in of else environment.getattr(of, {name}))")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 without globals, calls, subscripts or attributes of objects: plain values only."""

    code_generator_class: type[CodeGenerator] = _AtOnce

    def __init__(
        self,
        *,
        autoescape: bool,
        finalize: Callable[[object], str] | None = display,
        slots: Mapping[str, Callable[..., object]] | None = None,
    ) -> None:
        super().__init__(
            autoescape=autoescape,
            undefined=StrictUndefined,
            finalize=finalize,
            auto_reload=False,
            cache_size=0,
        )
        self.globals.clear()
        self.filters = {**_COUNTED, **(slots or {})}
        self.tests = dict(TESTS)

    def getattr(self, obj: object, attribute: str) -> Any:  # noqa: ANN401 (Jinja2's signature)
        """Look a field up in a plain dict; nothing else has attributes here."""
        # Jinja2 would find a method of dict before a field called "items" or "values".
        if type(obj) is dict:
            if attribute in obj:
                return obj[attribute]
        elif isinstance(obj, LoopContext) and attribute in LOOP_NAMES:
            return getattr(obj, attribute)
        elif isinstance(obj, Undefined):
            str(obj)  # raises, and names what is missing
        return self.undefined(name=attribute)

    def getitem(self, obj: object, argument: object) -> NoReturn:
        """Refuse: the grammar has no subscripts."""
        raise SecurityError("a template cannot subscript")

    def call(self, *_args: object, **_kwargs: object) -> NoReturn:
        """Refuse: the grammar has no calls."""
        raise SecurityError("a template cannot call")


HTML = Sandbox(autoescape=True)
"""For what becomes HTML: values are escaped."""

TEXT = Sandbox(autoescape=False)
"""For subjects and text parts."""
