"""Write down once, when a template is compiled, the values that are the same in every mail."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from jinja2 import nodes
from markupsafe import escape

from nurture.render.environment import Flat
from nurture.render.filters import display
from nurture.render.grammar import walk

Constants = Mapping[str, Mapping[str, str]]
"""The fields of names such as `company`, cleaned."""


def write_down(flat: Flat, constants: Constants, *, html: bool) -> Constants:
    """Replace fields of the constants by their values, as rendering would have written them.

    Return the constants that still have to be among the values to render.
    """
    stored = {
        node.name
        for statement in flat.body
        for node in walk(statement)
        if isinstance(node, nodes.Name) and node.ctx != "load"
    }
    # Where a template gives a name a meaning of its own, it no longer is the constant.
    known = {name: fields for name, fields in constants.items() if name not in stored}
    for statement in flat.body:
        _replace(statement, known, html=html)
    for path in [path for path in flat.reads if _value(path, known) is not None]:
        del flat.reads[path]
    left = {path[0] for path in flat.reads}
    return {name: fields for name, fields in constants.items() if name in left}


def _value(path: Collection[str], known: Constants) -> str | None:
    match tuple(path):
        case (name, attribute):
            return known.get(name, {}).get(attribute)
        case _:
            return None


def _replace(node: nodes.Node, known: Constants, *, html: bool) -> nodes.Node:
    for name, child in list(node.iter_fields()):
        if isinstance(child, nodes.Node):
            setattr(node, name, _replace(child, known, html=html))
        elif isinstance(child, list):
            child[:] = [
                _replace(item, known, html=html) if isinstance(item, nodes.Node) else item
                for item in child
            ]
    if isinstance(node, nodes.Output):
        node.nodes = [_shown(child, html=html) for child in node.nodes]
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        value = _value((node.node.name, node.attr), known)
        if value is not None:
            return nodes.Const(value, lineno=node.lineno)
    return node


def _shown(child: nodes.Expr, *, html: bool) -> nodes.Expr:
    """Return a constant that is shown as it is as plain text of the template."""
    if not isinstance(child, nodes.Const):
        return child
    text = display(child.value)
    return nodes.TemplateData(str(escape(text)) if html else text, lineno=child.lineno)
