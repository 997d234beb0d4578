"""Conditions as authors write them: Jinja2's grammar, held to a small language.

Jinja2 parses, so that authors write conditions as they write mails. The tokens are held to an
allow-list before and the nodes while the tree of `nurture.core.condition` is made of them, every
name is looked up and every literal checked against the type of what it is compared with.
`to_text` is the way back: what it prints parses to the same tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from jinja2 import nodes

from nurture.core.condition import (
    And,
    Compare,
    Condition,
    Constant,
    Contains,
    Known,
    Not,
    OneOf,
    Operator,
    Or,
    Ref,
    ValueType,
    leaves,
)
from nurture.core.errors import Finding, ProjectError
from nurture.core.lead import Value
from nurture.project.codes import Code
from nurture.project.expression_text import to_text
from nurture.project.expression_tokens import MAX_DEPTH, Refused, expression
from nurture.project.functions import Argument, call
from nurture.project.grid import placed
from nurture.project.names import Names
from nurture.project.nearest import did_you_mean, nearest_field
from nurture.project.schema_base import is_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a condition is written. `segment` is the segment that it defines, if it does."""

    file: str = "condition"
    line: int = 1
    segment: str = ""


NOWHERE = Origin()

MAX_TERMS = 200
MAX_LIST = 300
MAX_NUMBER = 10**12

UNREADABLE = Known(Ref("", "unreadable", ValueType.TEXT))
"""Stands for what could not be read: neither true nor false, so nothing follows from it."""

__all__ = ["NOWHERE", "UNREADABLE", "Origin", "parse", "to_text"]


def parse(text: str, names: Names, origin: Origin = NOWHERE) -> Condition:
    """Return the condition that the text says; raise ProjectError with everything wrong in it."""
    reader = _Reader(names=names, origin=origin)
    condition = reader.read(text, (origin.segment,) if origin.segment else ())
    if reader.findings:
        raise ProjectError(reader.findings)
    return condition


_OPERATORS = {
    "eq": Operator.EQ,
    "ne": Operator.NE,
    "lt": Operator.LT,
    "lteq": Operator.LE,
    "gt": Operator.GT,
    "gteq": Operator.GE,
}
_MIRRORED = {
    Operator.EQ: Operator.EQ,
    Operator.NE: Operator.NE,
    Operator.LT: Operator.GT,
    Operator.LE: Operator.GE,
    Operator.GT: Operator.LT,
    Operator.GE: Operator.LE,
}
_UNORDERED = frozenset({ValueType.CHOICE, ValueType.CHOICES, ValueType.BOOL})


@dataclass(slots=True, kw_only=True)
class _Reader:
    names: Names
    origin: Origin
    findings: list[Finding] = field(default_factory=list)
    parsed: dict[str, Condition | None] = field(default_factory=dict)
    """Segments already expanded; None where one is wrong in itself."""

    def read(self, text: str, trail: tuple[str, ...]) -> Condition:
        """Parse one text. `trail` names the segments it stands in, outermost first."""
        try:
            node = expression(text)
        except Refused as refused:
            self.report(*refused.told)
            return UNREADABLE
        condition = self._condition(node, trail)
        if _depth(condition) > MAX_DEPTH or sum(1 for _ in leaves(condition)) > MAX_TERMS:
            message = f"deeper than {MAX_DEPTH} levels or longer than {MAX_TERMS} terms"
            self.report(Code.CONDITION_TOO_LARGE, message, "split it into segments it can do with")
        return condition

    def report(self, code: Code, message: str, remedy: str = "") -> None:
        file, line = self.origin.file, self.origin.line
        finding = Finding(file=file, line=line, code=code, message=message, remedy=remedy)
        if finding not in self.findings:
            self.findings.append(finding)

    def _condition(self, node: nodes.Node, trail: tuple[str, ...]) -> Condition:
        match node:
            case nodes.And():
                terms = [self._condition(term, trail) for term in _chain(node, nodes.And)]
                return And(tuple(_flat(terms, And)))
            case nodes.Or():
                terms = [self._condition(term, trail) for term in _chain(node, nodes.Or)]
                return Or(tuple(_flat(terms, Or)))
            case nodes.Not():
                return Not(self._condition(node.node, trail))
        try:
            return self._term(node, trail)
        except Refused as refused:
            self.report(*refused.told)
            return UNREADABLE

    def _term(self, node: nodes.Node, trail: tuple[str, ...]) -> Condition:
        match node:
            case nodes.Compare():
                return self._comparison(node)
            case nodes.Call():
                return self._call(node, trail)
            case nodes.Const(value=bool(value)):
                return Constant(value)
            case nodes.Name() | nodes.Getattr():
                ref = self._ref(node)
                if ref is None:
                    return UNREADABLE
                if ref.type is ValueType.BOOL:
                    return Compare(ref, Operator.EQ, True)
                message = f"{ref.text} alone is neither true nor false"
                raise Refused(
                    Code.CONDITION_LANGUAGE,
                    message,
                    f"compare it, or ask known({ref.text})",
                )
            case _:
                raise _not_a_condition(node)

    # --- comparisons ---------------------------------------------------------------------

    def _comparison(self, node: nodes.Compare) -> Condition:
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        pairs = zip(pairwise(sides), node.ops, strict=True)
        terms = [self._pair(left, operand.op, right) for (left, right), operand in pairs]
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def _pair(self, left: nodes.Expr, operator: str, right: nodes.Expr) -> Condition:
        if operator in ("in", "notin"):
            found = self._membership(left, right)
            return Not(found) if operator == "notin" else found
        how = _OPERATORS[operator]
        if not _is_ref(left):
            left, right, how = right, left, _MIRRORED[how]
        if not _is_ref(left) or _is_ref(right):
            raise Refused(
                Code.CONDITION_LANGUAGE,
                "a comparison has a field on one side and a fixed value on the other",
                "write for example score.engagement >= 40",
            )
        ref = self._ref(left)
        if ref is None:
            return UNREADABLE
        if ref.type is ValueType.CHOICES:
            message = f"{ref.text} holds several choices"
            remedy = f"write 'choice' in {ref.text}"
            raise Refused(Code.CONDITION_OPERATOR, message, remedy)
        if ref.type in _UNORDERED and how not in (Operator.EQ, Operator.NE):
            message = f"{ref.text} has no order"
            boolean = ref.type is ValueType.BOOL
            remedy = f"write {ref.text} == true" if boolean else f"write {ref.text} in ['a', 'b']"
            raise Refused(Code.CONDITION_OPERATOR, message, remedy)
        return placed(Compare(ref, how, self._literal(ref, right)), self.names.bands)

    def _membership(self, left: nodes.Expr, right: nodes.Expr) -> Condition:
        if isinstance(right, nodes.List | nodes.Tuple):
            return self._one_of(left, right.items)
        ref = self._ref(right) if _is_ref(right) else None
        if ref is None and _is_ref(right):
            return UNREADABLE
        if ref is None or ref.type is not ValueType.CHOICES:
            message = "in needs a list of values, or a field that holds several choices"
            remedy = "write lead.x in ['one', 'two'] or 'one' in lead.x"
            raise Refused(Code.CONDITION_OPERATOR, message, remedy)
        literal = self._literal(ref, left)
        return Contains(ref, str(literal))

    def _one_of(self, left: nodes.Expr, items: list[nodes.Expr]) -> Condition:
        if not _is_ref(left):
            remedy = "write lead.x in ['one', 'two']"
            raise Refused(Code.CONDITION_LANGUAGE, "in needs a field before it", remedy)
        if not 1 <= len(items) <= MAX_LIST:
            message = f"a list has between 1 and {MAX_LIST} values"
            raise Refused(Code.CONDITION_TOO_LARGE, message, "split it")
        ref = self._ref(left)
        if ref is None:
            return UNREADABLE
        if ref.type is ValueType.CHOICES:
            message = f"{ref.text} holds several choices"
            remedy = f"write 'one' in {ref.text} or 'two' in {ref.text}"
            raise Refused(Code.CONDITION_OPERATOR, message, remedy)
        found = OneOf(ref, tuple(self._literal(ref, item) for item in items))
        return placed(found, self.names.bands)

    def _literal(self, ref: Ref, node: nodes.Node) -> Value:
        value = _constant(node)
        expected = _EXPECTED[ref.type]
        match ref.type, value:
            case _, None:
                raise _not_a_condition(node)
            case ValueType.NUMBER, bool():
                pass
            case ValueType.NUMBER, int():
                if abs(value) <= MAX_NUMBER:
                    return value
                expected = "a smaller number"
            case ValueType.BOOL, bool():
                return value
            case ValueType.DATE, str() if is_date(value):
                return value
            case ValueType.TEXT, str() if value and value.isprintable():
                return value
            case ValueType.CHOICE | ValueType.CHOICES, str():
                return self._choice(ref, value)
        message = f"{ref.text} must be compared with {expected}"
        raise Refused(Code.CONDITION_TYPE, message, _EXAMPLES[ref.type])

    def _choice(self, ref: Ref, value: str) -> str:
        choices = self.names.choices(ref)
        unsure = not self.names.fields_complete and ref.text in self.names.fields
        if value not in choices and not unsure:
            message = f'{ref.text} has no choice "{value}"'
            raise Refused(Code.CONDITION_CHOICE, message, did_you_mean(value, choices))
        return value

    # --- names ---------------------------------------------------------------------------

    def _ref(self, node: nodes.Expr) -> Ref | None:
        """Return the reference; None where fields.yaml is too broken to tell."""
        text = _ref_text(node)
        if text is None:
            message = "a field is written lead.NAME or account.NAME"
            raise Refused(Code.CONDITION_LANGUAGE, message, "use nothing deeper")
        known = self.names.references()
        if text in known:
            return known[text]
        if not self.names.fields_complete and text.startswith(("lead.", "account.")):
            return None
        raise Refused(Code.CONDITION_NAME, f'unknown name "{text}"', nearest_field(text, known))

    def _call(self, node: nodes.Call, trail: tuple[str, ...]) -> Condition:
        if not isinstance(node.node, nodes.Name):
            message = "only the functions of the condition language can be called"
            raise Refused(Code.CONDITION_LANGUAGE, message, "see the reference of conditions")
        arguments: list[Argument] = [self._argument(argument) for argument in node.args]
        named = {pair.key: self._argument(pair.value) for pair in node.kwargs}
        if None in arguments or None in named.values():
            return UNREADABLE
        if len(named) < len(node.kwargs):
            message = f"{node.node.name}(): an argument is given twice"
            raise Refused(Code.CONDITION_ARGUMENTS, message, "give it once")
        made = call(node.node.name, arguments, named, self.names)
        match made:
            case str():
                return self._segment(made, trail)
            case tuple():
                raise Refused(*made)
            case _:
                return made

    def _argument(self, node: nodes.Expr) -> Argument:
        if _is_ref(node):
            return self._ref(node)
        value = _constant(node)
        if value is None:
            raise _not_a_condition(node)
        return value

    def _segment(self, name: str, trail: tuple[str, ...]) -> Condition:
        if name in trail:
            circle = " -> ".join([*trail[trail.index(name) :], name])
            message = f"segments ask for one another in a circle: {circle}"
            raise Refused(Code.CONDITION_CIRCLE, message, "take one of them out")
        if name not in self.parsed:
            inner = _Reader(names=self.names, origin=self.origin, parsed=self.parsed)
            found = inner.read(self.names.segments[name], (*trail, name))
            self.parsed[name] = None if inner.findings else found
            # A circle is told where it begins and ends: in each of its segments once.
            head = f": {self.origin.segment} -> "
            own = [f for f in inner.findings if f.code == Code.CONDITION_CIRCLE]
            self.findings.extend(f for f in own if self.origin.segment and head in f.message)
        known = self.parsed[name]
        if known is None:
            message = f'the segment "{name}" is itself wrong'
            raise Refused(Code.CONDITION_SEGMENT, message, "put the segment right first")
        return known


_EXPECTED = {
    ValueType.TEXT: "text",
    ValueType.NUMBER: "a whole number",
    ValueType.BOOL: "true or false",
    ValueType.DATE: "a date",
    ValueType.CHOICE: "one of its choices",
    ValueType.CHOICES: "one of its choices",
}
_EXAMPLES = {
    ValueType.TEXT: "write it in quotes, and ask known(...) instead of comparing with nothing",
    ValueType.NUMBER: "write it without quotes and without decimals, for example 40",
    ValueType.BOOL: "write true or false without quotes",
    ValueType.DATE: "write it in quotes as '2026-12-24'",
    ValueType.CHOICE: "write the key of a choice in quotes",
    ValueType.CHOICES: "write the key of a choice in quotes",
}


def _chain(node: nodes.BinExpr, kind: type[nodes.BinExpr]) -> Iterator[nodes.Expr]:
    """Yield the terms of `a and b and c`, which Jinja2 nests to the left, in their order."""
    terms = []
    inner: nodes.Expr = node
    while isinstance(inner, kind):
        terms.append(inner.right)
        inner = inner.left
    yield inner
    yield from reversed(terms)


def _flat(terms: list[Condition], kind: type[And | Or]) -> Iterator[Condition]:
    for term in terms:
        if isinstance(term, And | Or) and isinstance(term, kind):
            yield from term.terms
        else:
            yield term


def _depth(condition: Condition) -> int:
    match condition:
        case And(terms) | Or(terms):
            return 1 + max(_depth(term) for term in terms)
        case Not(term):
            return 1 + _depth(term)
        case _:
            return 1


def _is_ref(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name | nodes.Getattr)


def _ref_text(node: nodes.Expr) -> str | None:
    match node:
        case nodes.Name(name=str(name)):
            return name
        case nodes.Getattr(node=nodes.Name(name=str(owner)), attr=str(attribute)):
            return f"{owner}.{attribute}"
        case _:
            return None


def _constant(node: nodes.Node) -> str | int | bool | float | None:
    """Return the fixed value that the node is, None if it is none."""
    match node:
        case nodes.Const(value=str() | int() | float() as value):
            return value
        case nodes.Neg(node=nodes.Const(value=int() | float() as value)):
            # -true is -1: still no number that anybody wrote.
            return None if isinstance(value, bool) else -value
        case _:
            return None


def _not_a_condition(node: nodes.Node) -> Refused:
    if isinstance(node, nodes.Const) and node.value is None:
        remedy = "ask known(lead.x) or not known(lead.x)"
        return Refused(Code.CONDITION_LANGUAGE, "nothing is compared with none", remedy)
    message = "this is neither a comparison nor a function"
    return Refused(Code.CONDITION_LANGUAGE, message, "write for example lead.role == 'buyer'")
