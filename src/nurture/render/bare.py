"""Which values a template shows with nothing to stand in for them when they are unknown."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import nodes

from nurture.render.environment import parse
from nurture.render.grammar import Path, walk


def bare_names(source: str, name: str) -> dict[Path, int]:
    """Return the names, with the first line of each.

    A name that an `if` around it asks for, that has a `default`, or that stands in an `or` or an
    inline `if` is cared for.
    """
    found: dict[Path, int] = {}
    _statements(parse(source, name).body, frozenset(), found)
    return found


def _statements(body: Sequence[nodes.Node], asked: frozenset[Path], found: dict[Path, int]) -> None:
    for node in body:
        match node:
            case nodes.Output():
                for child in node.nodes:
                    path = _bare(child)
                    if path is not None and path not in asked:
                        found.setdefault(path, child.lineno)
            case nodes.If():
                # Whichever arm it is: who asks has thought of both answers.
                arms = [node, *node.elif_]
                inside = asked.union(*(_paths(arm.test) for arm in arms))
                for each in (*(arm.body for arm in arms), node.else_):
                    _statements(each, inside, found)
            case nodes.For():
                _statements(node.body, asked, found)
                _statements(node.else_, asked, found)
            case nodes.Block():
                _statements(node.body, asked, found)
            case _:
                pass


def _bare(node: nodes.Node) -> Path | None:
    while isinstance(node, nodes.Filter) and node.name != "default" and node.node is not None:
        node = node.node
    return _path(node)


def _path(node: nodes.Node) -> Path | None:
    match node:
        case nodes.Getattr(node=nodes.Name(name=owner), attr=attribute):
            return (owner, attribute)
        case _:
            return None


def _paths(test: nodes.Node) -> frozenset[Path]:
    return frozenset(path for node in walk(test) if (path := _path(node)) is not None)
