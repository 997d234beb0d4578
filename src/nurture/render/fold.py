"""Do once per template what does not depend on the lead, and prove that nothing changes by it.

Inlining CSS, routing links and deriving the text part cost more than rendering. All three look at
the tree of a document, and a value never changes that tree: it is escaped text. So the template is
written out once with a private token for every value, and a comment for every `if`, `for` and
include; that skeleton goes through inlining, routing and text; then the tokens are put back as
values, each with the escape that the inliner would have given it.

This is sound only if parsing the skeleton and parsing any one rendered mail agree piece by piece.
The conditions are checked, not assumed; where one fails, `fold` returns None and every mail takes
the plain way:

* values stand in text or in quoted attributes that no style depends on, `if` and `for` between
  tags in the body;
* every element is closed where it was opened, within its own branch, so that no parser has to
  repair anything, and the parsed skeleton shows exactly the tags and tokens of the written one;
* selectors look at an element and what is around it, never at its neighbors or attributes;
* sample values of several kinds give equal bytes on both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import nodes
from jinja2.exceptions import TemplateError

from nurture.core.errors import RenderError
from nurture.render.environment import Compiled, Flat, clean, compile_flat
from nurture.render.filters import display
from nurture.render.grammar import Path, walk
from nurture.render.links import Links, attribute, content, route
from nurture.render.sandbox import HTML, Sandbox
from nurture.render.skeleton import HTML_SLOTS, TEXT_SLOTS, Skeleton, Unfoldable
from nurture.render.text import finish, flat, mark

Lifted = tuple[str, Callable[[object], str], Path]
"""The name that stands for a value, how the value is written there, and which value it is."""

Writers = Mapping[str, Callable[..., str]]
"""The function for each kind of slot: values, and the targets of links."""

_URL = "https://mail.example/act?token=1&more=2"
_HOSTILE = "<b>&amp; \"double\" 'single' \u00a0 </td> <!-- {{ x }} --> https://evil.example/"


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """A template with its plain values lifted out: written once a mail, however often shown."""

    compiled: Compiled
    lifted: tuple[Lifted, ...]

    def render(self, values: Mapping[str, object]) -> str:
        """Return the text, as `Compiled.render` does."""
        filled = dict(values)
        for name, write, path in self.lifted:
            try:
                value = values[path[0]] if len(path) == 1 else values[path[0]][path[1]]  # type: ignore[index]
            except (KeyError, TypeError):
                filled[name] = _BARE.undefined(name=path[-1])
                continue
            try:
                filled[name] = write(value)
            except TemplateError as error:
                filled[name] = _Unwritable(error)
        return self.compiled.render(filled)


class _Unwritable:
    """A value that no mail can carry, which is wrong only where it is shown."""

    def __init__(self, error: TemplateError) -> None:
        self._error = error

    def __str__(self) -> str:
        raise self._error


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Folded:
    """A mail whose inlining, routing and text are done; `text` gives marked text.

    `again` compiles both once more, with other functions to write values.
    """

    html: Filled
    text: Filled
    again: Callable[[Writers], tuple[Filled, Filled]]


def fold(whole: Flat, inline: Callable[[str], str]) -> Folded | None:
    """Return the folded mail, or None where the plain way is the only sure one."""
    try:
        skeleton = Skeleton(whole.body)
    except (Unfoldable, RecursionError):
        return None
    # What the inliner refuses now, it would refuse in every mail: that error goes to the caller.
    inlined = inline(skeleton.written)
    try:
        skeleton.compare(inlined)
        routed = skeleton.route(inlined)
        marked = mark(routed, nonce=skeleton.nonce)

        def compiled(writers: Writers) -> tuple[Filled, Filled]:
            html, text = skeleton.tree(routed, HTML_SLOTS), skeleton.tree(marked, TEXT_SLOTS)
            return _compile(html, whole, writers), _compile(text, whole, writers)

        document, flat_text = compiled(WRITERS)
        folded = Folded(html=document, text=flat_text, again=compiled)
        _prove(compile_flat(whole, HTML), folded, whole.reads, inline)
    except (Unfoldable, RenderError, RecursionError):
        return None
    return folded


def _compile(body: list[nodes.Node], whole: Flat, writers: Writers) -> Filled:
    lifted = _lift(body, writers)
    sandbox = _BARE if writers is WRITERS else _sandbox(writers)
    compiled = compile_flat(Flat(name=whole.name, body=body, origins=whole.origins), sandbox)
    return Filled(compiled, lifted)


def _lift(body: list[nodes.Node], writers: Writers) -> tuple[Lifted, ...]:
    """Replace slots that show a given value as it is by names, and return how to fill these."""
    places = [node for statement in body for node in walk(statement)]
    # Inside a loop over it, or behind a set, a name is no longer the value that was given.
    changed = {n.name for n in places if isinstance(n, nodes.Name) and n.ctx != "load"} | {"loop"}
    lifted: dict[tuple[str, Path], Lifted] = {}
    for output in places:
        if not isinstance(output, nodes.Output):
            continue
        for index, slot in enumerate(output.nodes):
            path = _plain_path(slot, changed)
            if path is None:
                continue
            assert isinstance(slot, nodes.Filter)
            new = (f"_v{len(lifted)}", writers[slot.name], path)
            name = lifted.setdefault((slot.name, path), new)[0]
            output.nodes[index] = nodes.Name(name, "load", lineno=slot.lineno)
    return tuple(lifted.values())


def _plain_path(slot: nodes.Expr, changed: Collection[str]) -> Path | None:
    """Return the value that a slot shows without doing anything to it."""
    if not isinstance(slot, nodes.Filter) or slot.name not in _OF_A_VALUE:
        return None
    match slot.node:
        case nodes.Name(name=name) if name not in changed:
            return (name,)
        case nodes.Getattr(node=nodes.Name(name=name), attr=attr) if name not in changed:
            return (name, attr)
        case _:
            return None


def _prove(
    plain: Compiled, folded: Folded, reads: Collection[Path], inline: Callable[[str], str]
) -> None:
    """Compare both ways on values that would show a difference; raise Unfoldable on any."""
    proven = 0
    for values in map(clean, _samples(sorted(reads))):
        try:
            rendered = plain.render(values)
        except RenderError:
            continue  # a sample that this template cannot take, such as a list for a date
        wanted, got = Links(_redirect, {_URL}), Links(_redirect, {_URL})
        document = route(inline(rendered), wanted)
        shown = {**values, "_links": got}
        same = (
            folded.html.render(shown) == document
            and finish(folded.text.render(shown)) == finish(mark(document))
            and wanted.targets == got.targets
        )
        if not same:
            raise Unfoldable("the two ways differ")
        proven += 1
    if not proven:
        raise Unfoldable("no sample could be rendered")


def _redirect(number: int) -> str:
    return f"https://mail.example/go/{number}?a=1&b=2"


def _samples(reads: Sequence[Path]) -> Iterator[dict[str, object]]:
    kinds: tuple[object, ...] = ("", "plain", _HOSTILE, 7, ["x < y", "z & w"], "2026-03-12")
    for kind in kinds:
        yield _values(dict.fromkeys(reads, kind))
    # Half of the names known: the branches that ask for one thing and not the other.
    for odd in (0, 1):
        yield _values({path: "known" if i % 2 == odd else "" for i, path in enumerate(reads)})


def _values(by_path: Mapping[Path, object]) -> dict[str, object]:
    values: dict[str, object] = {}
    for (root, *rest), value in by_path.items():
        if not rest:
            values[root] = _URL if root.endswith("_url") else value
            continue
        fields = values.setdefault(root, {})
        assert isinstance(fields, dict)
        fields[rest[0]] = value
    return values


# --- what stands in for values --------------------------------------------------------------


def _content_slot(value: object) -> str:
    return content(value if type(value) is str else display(value))


def _attribute_slot(value: object) -> str:
    return attribute(value if type(value) is str else display(value))


def _flat_slot(value: object) -> str:
    return flat(value if type(value) is str else display(value))


def _href_slot(links: Links, *parts: object) -> str:
    return attribute(_target_slot(links, *parts))


def _target_slot(links: Links, *parts: object) -> str:
    if len(parts) == 1:
        return links(display(parts[0]))
    return links("".join([part if type(part) is str else display(part) for part in parts]))


_OF_A_VALUE = frozenset({"_attribute", "_content", "_flat"})
"""Slots that write one value, and nothing else."""
WRITERS: Writers = {
    "_attribute": _attribute_slot,
    "_content": _content_slot,
    "_flat": _flat_slot,
    "_href": _href_slot,
    "_target": _target_slot,
}


def _sandbox(writers: Writers) -> Sandbox:
    return Sandbox(autoescape=False, finalize=None, slots=writers)


_BARE = _sandbox(WRITERS)
