"""What stands in for a value where a template is written out beforehand, one for each place.

Their names begin with an underscore, so no author can use them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from jinja2 import nodes

from nurture.render.filters import display
from nurture.render.links import Links, attribute, content
from nurture.render.text import flat

Writers = Mapping[str, Callable[..., str]]
"""The function for each kind of slot: values, and the targets of links."""

Change = Callable[[nodes.Node], nodes.Node | None]
"""Gives what stands for a node, or None to look into it."""


def _content_slot(value: object) -> str:
    return content(value if type(value) is str else display(value))


def _attribute_slot(value: object) -> str:
    return attribute(value if type(value) is str else display(value))


def _flat_slot(value: object) -> str:
    return flat(value if type(value) is str else display(value))


def _value_slot(value: object) -> str:
    return value if type(value) is str else display(value)


def _href_slot(links: Links, *parts: object) -> str:
    return attribute(_target_slot(links, *parts))


def _target_slot(links: Links, *parts: object) -> str:
    return links("".join([part if type(part) is str else display(part) for part in parts]))


WRITERS: Writers = {
    "_attribute": _attribute_slot,
    "_content": _content_slot,
    "_flat": _flat_slot,
    "_href": _href_slot,
    "_target": _target_slot,
    "_value": _value_slot,
}


def with_slots(body: Sequence[nodes.Node]) -> list[nodes.Node]:
    """Return a copy of a text template, with a slot for every value that it shows."""
    return [rebuilt(statement, _with_slots) for statement in body]


def _with_slots(node: nodes.Node) -> nodes.Node | None:
    if not isinstance(node, nodes.Output):
        return None
    shown = [
        child
        if isinstance(child, nodes.TemplateData)
        else nodes.Filter(child, "_value", [], [], None, None, lineno=child.lineno)
        for child in node.nodes
    ]
    return nodes.Output(shown, lineno=node.lineno)


def rebuilt(node: nodes.Node, change: Change) -> nodes.Node:
    """Return a copy of a tree in which everything was replaced that `change` stands in for."""
    return change(node) or rebuilt_inside(node, change)


def rebuilt_inside(node: nodes.Node, change: Change) -> nodes.Node:
    """Return a copy of a node, and of all below it as `rebuilt` does."""
    fields = [_rebuilt(value, change) for _, value in node.iter_fields()]
    return type(node)(*fields, lineno=node.lineno)


def _rebuilt(value: object, change: Change) -> object:
    if isinstance(value, nodes.Node):
        return rebuilt(value, change)
    if isinstance(value, list):
        return [_rebuilt(item, change) for item in value]
    return value
