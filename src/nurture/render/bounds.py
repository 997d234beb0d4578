"""How much a template can do at most, counted before it runs once."""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import nodes


def steps(body: Sequence[nodes.Node], *, times: int = 1, per_loop: int) -> int:
    """Return how many nodes a flattened body can run, each loop taken at its longest."""
    total = 0
    for node in body:
        total += times
        if isinstance(node, nodes.For):
            inside = [*node.body, node.test] if node.test is not None else node.body
            total += steps(inside, times=times * _longest(node, per_loop), per_loop=per_loop)
            total += steps([node.iter, *node.else_], times=times, per_loop=per_loop)
        else:
            total += steps(list(node.iter_child_nodes()), times=times, per_loop=per_loop)
    return total


def written(body: Sequence[nodes.Node], *, per_loop: int, per_value: int) -> int:
    """Return how many characters a flattened body can write, each loop taken at its longest."""
    total = 0
    for node in body:
        if isinstance(node, nodes.Output):
            total += sum(
                len(child.data) if isinstance(child, nodes.TemplateData) else per_value
                for child in node.nodes
            )
        elif isinstance(node, nodes.For):
            once = written(node.body, per_loop=per_loop, per_value=per_value)
            total += _longest(node, per_loop) * once
            total += written(node.else_, per_loop=per_loop, per_value=per_value)
        else:
            inside = list(node.iter_child_nodes())
            total += written(inside, per_loop=per_loop, per_value=per_value)
    return total


def _longest(loop: nodes.For, per_loop: int) -> int:
    # The operators of a flattened loop stand around what it goes over.
    over = loop.iter.node if isinstance(loop.iter, nodes.Filter) else loop.iter
    return len(over.items) if isinstance(over, nodes.List | nodes.Tuple) else per_loop
