"""What a template can do at most for a lead whose values are ordinary, before it runs once.

`work` counts what a rendering does while it does it, because values may be long. Nearly all are
short, and what a template can make of short values is known when it is compiled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jinja2 import nodes

from nurture.render.environment import plain
from nurture.render.filters import MAX_NUMBER, MAX_TEXT
from nurture.render.grammar import walk
from nurture.render.work import CALL, COSTS, ITEM, size

ORDINARY = 640
"""What an ordinary value comes to at most, as `work` measures it: a text of so many characters, or
a list of fewer items, for each of these counts for some."""

_LEAST = 64
"""Nothing is taken for shorter: a number, a date or a `yes` is not longer than that."""

_FLOAT = 400
"""A float in a template may have some three hundred digits."""

_GROWTH = {
    **dict.fromkeys(("capitalize", "lower", "title", "upper"), 3),
    **dict.fromkeys(("e", "escape"), 5),
    "urlencode": 12,
}
"""How many characters a filter can make of one."""

_FILLING = frozenset({"join", "replace"})
"""Filters that can make as much of anything as a value may have."""

_ESCAPED = len("&nbsp;")
"""How many characters one can be where it is written."""

_LINK = 4096
"""What the redirect of a link is allowed for."""


def ordinary(values: Mapping[str, object]) -> bool:
    """Tell whether all values are what nearly all are: of few kinds, plain and short."""
    for value in values.values():
        if type(value) is str:
            if len(value) > ORDINARY or not (value.isprintable() or plain(value) == value):
                return False
        elif type(value) is dict:
            if not ordinary(value):
                return False
        elif type(value) is list:
            if not _is_ordinary_list(value):
                return False
        elif not _is_ordinary_number(value):
            return False
    return True


def _is_ordinary_list(items: Sequence[object]) -> bool:
    room = ORDINARY
    for item in items:
        if type(item) is str:
            if not (item.isprintable() or plain(item) == item):
                return False
            room -= ITEM + len(item)
        elif _is_ordinary_number(item):
            room -= ITEM + _LEAST
        else:
            return False
        if room < 0:
            return False
    return True


def _is_ordinary_number(value: object) -> bool:
    if type(value) is int or type(value) is float:
        return -MAX_NUMBER <= value <= MAX_NUMBER
    return value is None or type(value) is bool


class Effort:
    """Adds up what flattened bodies do: `work` as it would be counted, `written` in characters.

    Every branch is taken for run, every loop for as long as its list can be, every value for as
    long as it can be.
    """

    def __init__(self) -> None:
        self.work = 0
        self.written = 0
        self._set: dict[str, int] = {}

    def add(self, body: Sequence[nodes.Node], *, times: int = 1) -> None:
        """Add what a body does when it runs so many times."""
        for node in body:
            match node:
                case nodes.Output():
                    for child in node.nodes:
                        self._shown(child, times)
                case nodes.For():
                    self._loop(node, times)
                case nodes.If():
                    self._run(node.test, times)
                    for inside in (node.body, node.elif_, node.else_):
                        self.add(inside, times=times)
                case nodes.Assign(target=nodes.Name(name=name)):
                    self._run(node.node, times)
                    # Nothing that is set in a round of a loop is still there in the next one.
                    self._set[name] = max(self._set.get(name, 0), self._most(node.node))
                case nodes.Scope():
                    self.add(node.body, times=times)
                case _:
                    raise AssertionError(f"{type(node).__name__} in a flattened template")

    def _loop(self, loop: nodes.For, times: int) -> None:
        assert isinstance(loop.target, nodes.Name)
        self._run(loop.iter, times)
        whole = self._most(loop.iter)
        self._set[loop.target.name] = max(self._set.get(loop.target.name, 0), whole)
        rounds = times * (whole // ITEM)
        if loop.test is not None:
            self._run(loop.test, rounds)
        self.add(loop.body, times=rounds)
        self.add(loop.else_, times=times)

    def _shown(self, child: nodes.Expr, times: int) -> None:
        if isinstance(child, nodes.TemplateData):
            self.written += times * len(child.data)
        else:
            self.written += times * (_LINK + _ESCAPED * self._most(child))
            self._run(child, times)

    def _run(self, expression: nodes.Node, times: int) -> None:
        for node in walk(expression):
            if isinstance(node, nodes.Filter) and node.name in COSTS:
                given = sum(map(self._most, _given(node)))
                self.work += times * (CALL + given // COSTS[node.name])

    def _most(self, expression: nodes.Node) -> int:
        """Return what the value of an expression comes to at most, and its text too."""
        match expression:
            case nodes.Const(value=float()):
                return _FLOAT
            case nodes.Const(value=value):
                return max(_LEAST, size(value) + len("-"))
            case nodes.Name(name=name):
                return max(ORDINARY, self._set.get(name, 0))
            case nodes.Getattr():
                return ORDINARY
            case nodes.List(items=items) | nodes.Tuple(items=items):
                return sum(ITEM + self._most(item) for item in items)
            case nodes.Filter(name=name):
                given = sum(map(self._most, _given(expression)))
                return max(given * _GROWTH.get(name, 1), MAX_TEXT if name in _FILLING else _LEAST)
            case _:
                return sum(map(self._most, expression.iter_child_nodes()))


def _given(node: nodes.Filter) -> list[nodes.Node]:
    return list(node.iter_child_nodes())
