"""How a text of a mail tells personas apart: whom it names, and whom a branch leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jinja2 import nodes

PERSONA = "persona"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """What a text says about personas.

    `compared`: line and key of every comparison. `open_from`: the line of the first branch on
    the persona that has no else. `all_named`: some branch says "not" or asks for any persona.
    """

    compared: tuple[tuple[int, str], ...]
    open_from: int | None
    all_named: bool


def variants(tree: nodes.Template) -> Variants:
    """Return how the text tells personas apart."""
    compared = [told for node in tree.find_all(nodes.Compare) for told in _compared(node)]
    open_from = [line for line, tests, has_else in _branches(tree) if not has_else and _asks(tests)]
    tests = [test for _, tests, _ in _branches(tree) for test in tests]
    return Variants(
        compared=tuple(compared),
        open_from=min(open_from, default=None),
        all_named=any(_names_all(test) for test in tests),
    )


def _branches(tree: nodes.Template) -> Iterator[tuple[int, list[nodes.Node], bool]]:
    """Yield line, tests and whether there is an else, of each if with its elifs."""
    inner = {id(arm) for node in tree.find_all(nodes.If) for arm in node.elif_}
    for node in tree.find_all((nodes.If, nodes.CondExpr)):
        match node:
            case nodes.If() if id(node) not in inner:
                tests = [node.test, *(arm.test for arm in node.elif_)]
                yield node.lineno, tests, bool(node.else_)
            case nodes.CondExpr():
                yield node.lineno, [node.test], node.expr2 is not None


def _asks(tests: Iterable[nodes.Node]) -> bool:
    """Say whether one of the tests names a persona or asks for any."""
    return any(
        _names_all(test) or any(_keys(node) for node in _parts(test, nodes.Compare))
        for test in tests
    )


def _names_all(test: nodes.Node) -> bool:
    """Say whether the test parts all personas in two: by a "not", or by asking for any."""
    match test:
        case nodes.Name(name=name):
            return bool(name == PERSONA)
        case nodes.Not():
            return any(_keys(node) for node in _parts(test, nodes.Compare))
        case nodes.And() | nodes.Or():
            return _names_all(test.left) or _names_all(test.right)
        case nodes.Compare():
            return bool(_keys(test)) and any(each.op in ("ne", "notin") for each in test.ops)
        case _:
            return False


def _compared(node: nodes.Compare) -> Iterator[tuple[int, str]]:
    return ((node.lineno, key) for key in _keys(node))


def _keys(node: nodes.Compare) -> list[str]:
    """Return the keys that the persona is compared with."""
    sides = [node.expr, *(each.expr for each in node.ops)]
    if not any(isinstance(side, nodes.Name) and side.name == PERSONA for side in sides):
        return []
    found = [key for side in sides for key in _constants(side)]
    # An empty text is no key: it stands for a persona that is not known.
    return [key for key in found if key]


def _constants(side: nodes.Expr) -> Iterator[str]:
    items = side.items if isinstance(side, nodes.List | nodes.Tuple) else [side]
    return (
        item.value
        for item in items
        if isinstance(item, nodes.Const) and isinstance(item.value, str)
    )


def _parts(node: nodes.Node, kind: type[nodes.Compare]) -> Iterator[nodes.Compare]:
    if isinstance(node, kind):
        yield node
    yield from node.find_all(kind)
