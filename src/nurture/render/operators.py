"""Put what `filters` does in the place of what Python's own operators would do in a template."""

from __future__ import annotations

from jinja2 import nodes

_SHORT = 100
_FEW = 20


def safe(node: nodes.Node) -> nodes.Node:
    """Return what stands for a node of which the parts are rewritten already."""
    match node:
        case nodes.Compare():
            return _compare(node)
        case nodes.Add() | nodes.Sub() | nodes.Mul() | nodes.Div() | nodes.FloorDiv():
            return _operate("_reckon", node.left, node.operator, node.right)
        case nodes.Neg():
            zero = nodes.Const(0, lineno=node.lineno)
            return _operate("_reckon", zero, "-", node.node)
        case nodes.CondExpr(expr2=None):
            node.expr2 = nodes.Const("", lineno=node.lineno)
        case nodes.For():
            node.iter = _filter("_items", node.iter, [])
    return node


def _compare(node: nodes.Compare) -> nodes.Expr:
    """Split a comparison into single ones: safe for unknown values, and counted where long."""
    parts: list[nodes.Expr] = []
    left = node.expr
    for operand in node.ops:
        right = operand.expr
        if operand.op in {"lt", "lteq", "gt", "gteq"}:
            parts.append(_operate("_ordered", left, operand.op, right))
        elif _is_short(right) or (_is_short(left) and operand.op in {"eq", "ne"}):
            parts.append(nodes.Compare(left, [operand], lineno=node.lineno))
        else:
            how = "_same" if operand.op in {"eq", "ne"} else "_within"
            parts.append(_operate(how, left, operand.op, right))
        left = right
    result = parts[0]
    for part in parts[1:]:
        result = nodes.And(result, part, lineno=node.lineno)
    return result


def _is_short(node: nodes.Node) -> bool:
    """Tell whether comparing with this takes no time worth counting."""
    match node:
        case nodes.Const(value=str() as text):
            return len(text) <= _SHORT
        case nodes.List(items=parts) | nodes.Tuple(items=parts):
            return len(parts) <= _FEW and all(isinstance(part, nodes.Const) for part in parts)
        case nodes.Const():
            return True
        case _:
            return False


def _operate(name: str, left: nodes.Expr, operator: str, right: nodes.Expr) -> nodes.Filter:
    return _filter(name, left, [nodes.Const(operator, lineno=left.lineno), right])


def _filter(name: str, value: nodes.Node, arguments: list[nodes.Expr]) -> nodes.Filter:
    assert isinstance(value, nodes.Expr)
    return nodes.Filter(value, name, arguments, [], None, None, lineno=value.lineno)
