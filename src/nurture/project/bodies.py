"""What mails show and read, looked up through everything they include or extend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from jinja2 import Environment, TemplateSyntaxError, nodes

NamePath = tuple[str, ...]
"""A name in a mail: ("company", "postal_address") or ("unsubscribe_url",)."""

Blocks = Mapping[str, Sequence[nodes.Node]]

MAX_INCLUDED = 10
MAX_DEPTH = 200

# Parses only; what a mail may contain is for the linter of mails to say.
_JINJA = Environment(autoescape=True)


class Bodies:
    """The bodies of all mails and partials by file name."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._trees: dict[str, nodes.Template] = {}
        self.unreadable: dict[str, tuple[int, str]] = {}
        """Line and problem of each body that is not Jinja2."""
        self._shown_alone: dict[str, set[NamePath]] = {}
        for name, source in sources.items():
            try:
                tree = _JINJA.parse(source)
                _refuse_depth(tree)
                self._trees[name] = tree
            except TemplateSyntaxError as error:
                self.unreadable[name] = error.lineno, error.message or "cannot be read"
            except (RecursionError, ValueError):
                self.unreadable[name] = 1, "nested too deeply, or a number beyond reason"

    def tree(self, name: str) -> nodes.Template | None:
        """Return the body as it was parsed; None if it is not Jinja2."""
        return self._trees.get(name)

    def shown(self, name: str) -> frozenset[NamePath]:
        """Return the names whose values stand in the mail whatever the lead."""
        return frozenset(self._shown_by(name, {}, ()))

    def read(self, name: str) -> frozenset[NamePath]:
        """Return the names that the mail or anything in it asks for."""
        found = (
            path
            for body in self._with_included(name)
            for path in _paths(self._trees[body].find_all((nodes.Name, nodes.Getattr)))
        )
        return frozenset(found)

    def missing(self, name: str) -> Iterator[tuple[int, str]]:
        """Yield line and name of what the body includes itself and nobody has written."""
        for line, included in self._included(name):
            if included and included not in self._trees and included not in self.unreadable:
                yield line, included

    def circles(self, name: str) -> Iterator[tuple[int, str]]:
        """Yield line and name of what the body includes and what in turn includes the body."""
        for line, included in self._included(name):
            if name in self._with_included(included):
                yield line, included

    def can_tell(self, name: str) -> bool:
        """Say whether the mail and everything in it can be read."""
        if name not in self._trees:
            return False
        return all(
            included in self._trees
            for body in self._with_included(name)
            for _, included in self._included(body)
        )

    def _included(self, name: str) -> Iterator[tuple[int, str]]:
        if name in self._trees:
            for node in self._trees[name].find_all((nodes.Include, nodes.Extends)):
                assert isinstance(node, nodes.Include | nodes.Extends)
                yield node.lineno, _target(node)

    def _with_included(self, name: str) -> set[str]:
        found: set[str] = set()
        left = [name]
        while left:
            body = left.pop()
            if body in self._trees and body not in found:
                found.add(body)
                left.extend(included for _, included in self._included(body))
        return found

    def _shown_by(self, name: str, blocks: Blocks, trail: tuple[str, ...]) -> set[NamePath]:
        """Return what a body shows, its blocks filled by those of what extends it."""
        if blocks:
            return self._shown_anew(name, blocks, trail)
        # Looked at once: parts that include parts thirty times over would never come to an end.
        if name not in self._shown_alone and len(trail) <= MAX_INCLUDED:
            self._shown_alone[name] = set()
            self._shown_alone[name] = self._shown_anew(name, {}, trail)
        return self._shown_alone.get(name, set())

    def _shown_anew(self, name: str, blocks: Blocks, trail: tuple[str, ...]) -> set[NamePath]:
        if name not in self._trees or name in trail or len(trail) > MAX_INCLUDED:
            return set()
        body = self._trees[name].body
        trail = (*trail, name)
        parent = next((node for node in body if isinstance(node, nodes.Extends)), None)
        if parent is None:
            return self._shown(body, blocks, trail)
        own = {node.name: node.body for node in body if isinstance(node, nodes.Block)}
        return self._shown_by(_target(parent), {**own, **blocks}, trail)

    def _shown(
        self, body: Iterable[nodes.Node], blocks: Blocks, trail: tuple[str, ...]
    ) -> set[NamePath]:
        found: set[NamePath] = set()
        for node in body:
            match node:
                case nodes.Output():
                    found.update(_paths(_certain(node.nodes)))
                case nodes.If():
                    arms = [node.body, *(arm.body for arm in node.elif_), node.else_]
                    found |= set.intersection(*(self._shown(a, blocks, trail) for a in arms))
                case nodes.Block():
                    found |= self._shown(blocks.get(node.name, node.body), blocks, trail)
                case nodes.Include():
                    found |= self._shown_by(_target(node), {}, trail)
                case _:
                    # A loop may go over nothing, and a set shows nothing.
                    pass
        return found


def _refuse_depth(tree: nodes.Template) -> None:
    """Raise RecursionError for what nobody could walk through later; `a or b or ...` is deep."""
    level: list[nodes.Node] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in node.iter_child_nodes()]
        if not level:
            return
    raise RecursionError


def _target(node: nodes.Include | nodes.Extends) -> str:
    target = node.template
    return str(target.value) if isinstance(target, nodes.Const) else ""


def _certain(expressions: Iterable[nodes.Node]) -> Iterator[nodes.Node]:
    """Yield the nodes of expressions whose value is shown for certain."""
    for node in expressions:
        if isinstance(node, nodes.CondExpr | nodes.And | nodes.Or):
            continue
        yield node
        if not isinstance(node, nodes.Getattr):
            yield from _certain(node.iter_child_nodes())


def _paths(found: Iterable[nodes.Node]) -> Iterator[NamePath]:
    for node in found:
        match node:
            case nodes.Name(name=str(name), ctx="load"):
                yield (name,)
            case nodes.Getattr(node=nodes.Name(name=str(owner)), attr=str(attribute)):
                yield (owner, attribute)
            case _:
                pass
