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
            longest = len(node.iter.items) if isinstance(node.iter, nodes.List) else per_loop
            total += steps(node.body, times=times * longest, per_loop=per_loop)
            total += steps(node.else_, times=times, per_loop=per_loop)
        else:
            total += steps(list(node.iter_child_nodes()), times=times, per_loop=per_loop)
    return total


def shown(body: Sequence[nodes.Node], *, per_loop: int) -> int:
    """Return how many values a flattened body can write, each loop taken at its longest."""
    total = 0
    for node in body:
        if isinstance(node, nodes.Output):
            total += sum(not isinstance(child, nodes.TemplateData) for child in node.nodes)
        elif isinstance(node, nodes.For):
            longest = len(node.iter.items) if isinstance(node.iter, nodes.List) else per_loop
            total += longest * shown(node.body, per_loop=per_loop)
            total += shown(node.else_, per_loop=per_loop)
        else:
            total += shown(list(node.iter_child_nodes()), per_loop=per_loop)
    return total
