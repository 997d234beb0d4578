"""Which Jinja2 a template may use: an allow-list of nodes, filters, tests and names.

Python's own limits do not bound a template: a loop in a loop or a text that doubles itself thirty
times is short to write. So whatever multiplies text is missing here, loops go over short lists,
and what may stand is counted before it runs.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from inspect import signature
from typing import NamedTuple

from jinja2 import nodes

from nurture.render.filters import FILTERS, MAX_TEXT, TESTS
from nurture.render.sandbox import LOOP_NAMES

Path = tuple[str, ...]
"""A name as a template writes it: ("lead", "first_name") or ("form_url",)."""

MAX_DEPTH = 40
"""Nodes inside nodes; Python's own compiler fails soon after."""

MAX_NESTED_LOOPS = 2

TAGS = "if, elif, else, for, set, include, extends and block"

_SUMS = (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv)

_PLAIN = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.CondExpr,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Compare,
    nodes.Operand,
    nodes.Keyword,
    nodes.Neg,
    *_SUMS,
)

_REFUSED = {
    nodes.Call: ("a call", "use a filter, or write the value out"),
    nodes.Getitem: ("a subscript", "write lead.field or use first and last"),
    nodes.Pow: ("the operator **", "write the number out"),
    nodes.Mod: ("the operator %", "use + - * / or //"),
    nodes.Concat: ("the operator ~", "write {{ a }}{{ b }}, one after the other"),
    nodes.AssignBlock: ("a set block", "write {% set name = value %}"),
    nodes.FilterBlock: ("a filter block", "put the filter behind each value"),
    nodes.Macro: ("a macro", "put the text into a partial and include it"),
    nodes.CallBlock: ("a call block", "put the text into a partial and include it"),
    nodes.Import: ("an import", "include a partial"),
    nodes.FromImport: ("an import", "include a partial"),
    nodes.Dict: ("a mapping", "use lists and fields"),
    nodes.With: ("a with block", "use {% set name = value %}"),
    nodes.Scope: ("an autoescape block", "values are always escaped in HTML"),
}


class Flaw(NamedTuple):
    """One thing wrong in a template, and what to do about it."""

    line: int
    message: str
    remedy: str


class Survey:
    """What a walk over one template found: flaws, names it reads, partials it includes."""

    def __init__(self, template: nodes.Template, allowed: Collection[Path] | None) -> None:
        self.flaws: list[Flaw] = []
        self.reads: dict[Path, int] = {}
        self.includes: dict[str, int] = {}
        self._allowed = allowed
        self._roots = {path[0] for path in allowed or ()}
        self._maybe: set[str] = set()
        self._loops = 0
        self._body(template.body, set(), depth=0)
        if any(isinstance(node, nodes.Extends) for node in template.body):
            self._child(template.body)

    # --- statements -------------------------------------------------------------------------

    def _body(self, body: Sequence[nodes.Node], scope: set[str], *, depth: int) -> None:
        for node in body:
            self._statement(node, scope, depth=depth + 1)

    def _statement(self, node: nodes.Node, scope: set[str], *, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._flaw(node, "this is nested too deeply", "split it into partials")
            return
        match node:
            case nodes.Output():
                for child in node.nodes:
                    self._expression(child, scope, depth=depth)
            case nodes.If():
                self._if(node, scope, depth=depth)
            case nodes.For():
                self._for(node, scope, depth=depth)
            case nodes.Assign():
                self._assign(node, scope, depth=depth)
            case nodes.Block():
                if node.required:
                    self._flaw(node, "a required block", "leave the word required out")
                self._body(node.body, set(scope), depth=depth)
            case nodes.Include() | nodes.Extends():
                self._include(node, depth=depth)
            case _:
                self._refuse(node)

    def _if(self, node: nodes.If, scope: set[str], *, depth: int) -> None:
        arms = [node, *node.elif_]
        seen: list[set[str]] = []
        for arm in arms:
            self._expression(arm.test, scope, depth=depth)
            inner = set(scope)
            self._body(arm.body, inner, depth=depth)
            seen.append(inner)
        inner = set(scope)
        self._body(node.else_, inner, depth=depth)
        seen.append(inner)
        always = frozenset(seen[0]).intersection(*seen)
        self._maybe |= frozenset().union(*seen) - always
        scope |= always

    def _for(self, node: nodes.For, scope: set[str], *, depth: int) -> None:
        if node.recursive:
            self._flaw(node, "a recursive loop", "leave the word recursive out")
        if not isinstance(node.iter, nodes.Name | nodes.Getattr | nodes.List | nodes.Tuple):
            self._flaw(node, "a loop over something computed", "loop over a field or a [list]")
        self._expression(node.iter, scope, depth=depth)
        inner = set(scope)
        if isinstance(node.target, nodes.Name):
            self._bind(node, node.target.name, inner)
        else:
            self._flaw(node, "a loop with several names", "write {% for item in list %}")
        if node.test is not None:
            self._expression(node.test, inner, depth=depth)
        self._loops += 1
        if self._loops > MAX_NESTED_LOOPS:
            self._flaw(node, f"more than {MAX_NESTED_LOOPS} loops inside each other", "flatten it")
        self._body(node.body, inner | {"loop"}, depth=depth)
        self._loops -= 1
        self._body(node.else_, set(scope), depth=depth)

    def _assign(self, node: nodes.Assign, scope: set[str], *, depth: int) -> None:
        self._expression(node.node, scope, depth=depth)
        if isinstance(node.target, nodes.Name):
            self._bind(node, node.target.name, scope)
        else:
            self._flaw(node, "a set of more than one name", "write {% set name = value %}")

    def _bind(self, node: nodes.Node, name: str, scope: set[str]) -> None:
        if name.startswith("_") or name == "loop" or name in self._roots:
            self._flaw(node, f"the name {name!r} is taken", "choose another name")
        self._maybe.discard(name)
        scope.add(name)

    def _include(self, node: nodes.Include | nodes.Extends, *, depth: int) -> None:
        word = "include" if isinstance(node, nodes.Include) else "extends"
        target = node.template
        if not (isinstance(target, nodes.Const) and isinstance(target.value, str)):
            self._flaw(node, f"{word} of something computed", f'write {{% {word} "file" %}}')
            return
        if isinstance(node, nodes.Include) and (node.ignore_missing or not node.with_context):
            self._flaw(node, "an include with options", f'write {{% include "{target.value}" %}}')
        if isinstance(node, nodes.Extends) and depth > 1:
            self._flaw(node, "extends inside something else", "put it on the first line")
        self.includes.setdefault(target.value, node.lineno)

    def _child(self, body: Sequence[nodes.Node]) -> None:
        """Check what stands beside the blocks of a template that extends another."""
        if sum(isinstance(node, nodes.Extends) for node in body) > 1:
            self._flaw(body[0], "a second extends", "extend one template")
        for node in body:
            if isinstance(node, nodes.Extends | nodes.Block | nodes.Assign) or _is_blank(node):
                continue
            self._flaw(node, "text outside the blocks is never shown", "move it into a block")

    # --- expressions ------------------------------------------------------------------------

    def _expression(self, node: nodes.Node, scope: set[str], *, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._flaw(node, "this is nested too deeply", "split it with {% set %}")
            return
        match node:
            case nodes.Name():
                self._name(node, (node.name,), scope)
            case nodes.Getattr():
                self._attribute(node, scope)
            case nodes.List() | nodes.Tuple():
                self._list(node, scope)
            case nodes.Filter() | nodes.Test():
                self._known_filter(node)
                self._children(node, scope, depth=depth)
            case nodes.Const(value=str() as text) if len(text) > MAX_TEXT:
                self._flaw(node, f"a text of more than {MAX_TEXT} characters", "shorten it")
            case _ if isinstance(node, _PLAIN):
                if isinstance(node, _SUMS) and (_is_text(node.left) or _is_text(node.right)):
                    self._flaw(node, "a sum with text", "write {{ a }}{{ b }}, one after the other")
                self._children(node, scope, depth=depth)
            case _:
                self._refuse(node)

    def _children(self, node: nodes.Node, scope: set[str], *, depth: int) -> None:
        for child in node.iter_child_nodes():
            self._expression(child, scope, depth=depth + 1)

    def _known_filter(self, node: nodes.Filter | nodes.Test) -> None:
        kind = "filter" if isinstance(node, nodes.Filter) else "test"
        known: Mapping[str, Callable[..., object]] = FILTERS if kind == "filter" else TESTS
        if node.name not in known:
            names = ", ".join(sorted(known))
            self._flaw(node, f"unknown {kind} {node.name!r}", f"there are {names}")
        elif node.dyn_args is not None or node.dyn_kwargs is not None:
            self._flaw(node, "starred arguments", "write the arguments out")
        else:
            named = {str(argument.key): None for argument in node.kwargs}
            try:
                signature(known[node.name]).bind(None, *node.args, **named)
            except TypeError as error:
                self._flaw(node, f"{kind} {node.name}: {error}", "correct what is in brackets")

    def _list(self, node: nodes.List | nodes.Tuple, scope: set[str]) -> None:
        """Allow constants and fields: a list of lists of lists grows without bound."""
        for item in node.items:
            local = isinstance(item, nodes.Name) and item.name in scope
            if local or not isinstance(item, nodes.Const | nodes.Name | nodes.Getattr | nodes.Neg):
                self._flaw(item, "a list of something computed", "list constants and fields")
            else:
                self._expression(item, scope, depth=0)

    def _attribute(self, node: nodes.Getattr, scope: set[str]) -> None:
        if not isinstance(node.node, nodes.Name):
            self._flaw(node, "a field of a field", "write lead.field or account.field")
            return
        root = node.node.name
        if root == "loop" and root in scope:
            if node.attr not in LOOP_NAMES:
                self._flaw(node, f"unknown name loop.{node.attr}", _or(LOOP_NAMES))
        elif root in scope:
            self._flaw(node, f"{root!r} has no fields", f"write {{{{ {root} }}}}")
        else:
            self._name(node, (root, node.attr), scope)

    def _name(self, node: nodes.Node, path: Path, scope: set[str]) -> None:
        root = path[0]
        if root in scope and root != "loop":
            return
        if root in self._maybe:
            self._flaw(node, f"{root!r} may not be set here", "set it before the if")
        elif any(part.startswith("_") for part in path):
            self._flaw(node, f"unknown name {'.'.join(path)!r}", "names do not begin with _")
        elif self._allowed is not None and path not in self._allowed:
            nearest = _nearest(path, self._allowed)
            remedy = f"did you mean {nearest}?" if nearest else "declare the field in fields.yaml"
            self._flaw(node, f"unknown name {'.'.join(path)!r}", remedy)
        else:
            self.reads.setdefault(path, node.lineno)

    def _refuse(self, node: nodes.Node) -> None:
        what, remedy = _REFUSED.get(
            type(node), (f"{type(node).__name__.lower()} is not allowed", f"the tags are {TAGS}")
        )
        self._flaw(node, f"{what} is not allowed" if type(node) in _REFUSED else what, remedy)

    def _flaw(self, node: nodes.Node, message: str, remedy: str) -> None:
        # What an extension of Jinja2 wraps a tag in stands on no line of its own.
        line = next((each.lineno for each in walk(node) if each.lineno), 1)
        self.flaws.append(Flaw(line, message, remedy))


def _is_text(node: nodes.Node) -> bool:
    return isinstance(node, nodes.List | nodes.Tuple) or (
        isinstance(node, nodes.Const) and isinstance(node.value, str)
    )


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(
        isinstance(child, nodes.TemplateData) and not child.data.strip() for child in node.nodes
    )


def _nearest(path: Path, allowed: Collection[Path]) -> str:
    names = sorted(".".join(candidate) for candidate in allowed)
    return next(iter(difflib.get_close_matches(".".join(path), names, n=1)), "")


def _or(names: Collection[str]) -> str:
    return "there are " + ", ".join(sorted(names))


def walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield the node and everything below it."""
    yield node
    for child in node.iter_child_nodes():
        yield from walk(child)
