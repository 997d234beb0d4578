"""All parts of a mail, written by one function, for leads whose values are ordinary.

A template that can never do too much with ordinary values needs no counting while it runs, and can
join what it writes. What its parts have in common, and what stands in loops, is worked out once.

Nothing is refused here: where anything goes wrong, or is not as it nearly always is, the parts are
written one by one, and that says what is wrong and where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jinja2 import Template, nodes
from jinja2.compiler import Frame

from nurture.core.errors import RenderError
from nurture.render.effort import Effort
from nurture.render.environment import MAX_OUTPUT, Compiled, Flat, clean, compile_flat
from nurture.render.filters import FILTERS
from nurture.render.grammar import Path
from nurture.render.links import Links
from nurture.render.samples import OWN_LINK, redirect, samples
from nurture.render.sandbox import MAX_AT_ONCE, OPERATORS, Code, Sandbox
from nurture.render.slots import WRITERS, rebuilt, rebuilt_inside
from nurture.render.work import MAX_WORK, Names


class Parts(NamedTuple):
    """What a template writes, the text before its marks are resolved or its links redirected."""

    html: str
    text: str
    subject: str


@dataclass(frozen=True, slots=True, eq=False)
class Quick:
    """Writes the parts of a mail."""

    template: Template

    def write(self, names: Names) -> Parts | None:
        """Return the parts for ordinary values, None where they have to be written one by one."""
        try:
            parts = Parts(*self.template.root_render_func(names))  # type: ignore[arg-type] # as Names says
        except Exception:  # noqa: BLE001 (it comes up again on the other way)
            return None
        return parts if max(map(len, parts)) <= MAX_OUTPUT else None


def quick(
    name: str,
    parts: Sequence[list[nodes.Node]],
    one_by_one: Sequence[Compiled],
    reads: Collection[Path],
) -> Quick | None:
    """Return what writes these trees with slots, None where it could take too long or too much.

    `one_by_one` is what writes the parts else: samples of what is read must give the same bytes.
    """
    effort = Effort()
    for part in parts:
        effort.add(part)
    if effort.work > MAX_WORK or effort.written > MAX_AT_ONCE:
        return None
    body = _shared([nodes.Scope(part, lineno=1) for part in parts])
    try:
        compiled = compile_flat(Flat(name=name, body=body, origins=[name]), _QUICK)
    except RenderError:
        return None
    made = Quick(compiled.template)
    return made if _agree(made, one_by_one, reads) else None


def _agree(made: Quick, one_by_one: Sequence[Compiled], reads: Collection[Path]) -> bool:
    for values in map(clean, samples(reads)):
        got, wanted = Links(redirect, {OWN_LINK}), Links(redirect, {OWN_LINK})
        written = made.write(Names({**values, "_links": got}))
        if written is None:
            continue  # never wrong: they are written one by one then
        try:
            expected = tuple(one.render({**values, "_links": wanted}) for one in one_by_one)
        except RenderError:
            return False
        if written != expected or got.targets != wanted.targets:
            return False
    return True


# --- what is worked out once ----------------------------------------------------------------


def _shared(parts: Sequence[nodes.Node]) -> list[nodes.Node]:
    """Return the parts behind what they have in common, which is worked out first and named.

    It may be worked out for nothing: a branch may not be taken.
    """
    # Behind a set, or in a loop over it, a name is no longer the value that was given.
    changed = {"loop", "_links"}
    for part in parts:
        changed |= {found.name for found in part.find_all(nodes.Name) if found.ctx != "load"}
    often: Counter[str] = Counter()
    for part in parts:
        _count(part, changed, often)
    names: dict[str, str] = {}
    first: list[nodes.Node] = []

    def lift(node: nodes.Node) -> nodes.Node | None:
        key = repr(node) if isinstance(node, nodes.Filter) else ""
        if often[key] <= 1:
            return None
        if key not in names:
            value = rebuilt_inside(node, lift)
            names[key] = f"_v{len(names)}"
            first.append(nodes.Assign(nodes.Name(names[key], "store"), value, lineno=1))
        return nodes.Name(names[key], "load", lineno=1)

    lifted = [rebuilt(part, lift) for part in parts]
    return [*first, *lifted]


def _count(node: nodes.Node, changed: Collection[str], often: Counter[str], times: int = 1) -> None:
    """Count what could be worked out before; what a loop goes over is there more than once."""
    if isinstance(node, nodes.Filter):
        read = [found.name for found in node.find_all(nodes.Name)]
        if read and not any(name in changed for name in read):
            often[repr(node)] += times
    for child in node.iter_child_nodes():
        _count(child, changed, often, 2 if isinstance(node, nodes.For) else times)


# --- the code -------------------------------------------------------------------------------


class _AllParts(Code):
    """Joins each part, and takes for granted what is written one by one where it is not so."""

    def blockvisit(self, body: Iterable[nodes.Node], frame: Frame) -> None:
        """Write the code of a block; that of each part ends in a single piece."""
        if not frame.rootlevel:
            super().blockvisit(body, frame)
            return
        for statement in body:
            if isinstance(statement, nodes.Scope):
                self.buffer(frame)
                super().blockvisit([statement], frame)
                self.writeline(f"yield concat({frame.buffer})")
            else:
                super().blockvisit([statement], frame)

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 (Jinja2's name)
        """Look a field up as in any dict: only there is something to be found by a text."""
        if not isinstance(node.node, nodes.Name) or node.node.name == "loop":
            super().visit_Getattr(node, frame)
        else:
            self.write(f"{frame.symbols.ref(node.node.name)}[{node.attr!r}]")

    def visit_Name(self, node: nodes.Name, frame: Frame) -> None:  # noqa: N802 (Jinja2's name)
        """Write a name; one that begins with an underscore is ours, and always there."""
        if node.ctx == "load" and node.name.startswith("_"):
            self.write(frame.symbols.ref(node.name))
        else:
            super().visit_Name(node, frame)

    def _output_child_pre(self, *_: object) -> None:
        """Write nothing around what is shown: every slot gives text."""

    def _output_child_post(self, *_: object) -> None:
        """Write nothing behind it either."""


class _Uncounted(Sandbox):
    code_generator_class = _AllParts


_QUICK = _Uncounted(autoescape=False, finalize=None, slots={**FILTERS, **OPERATORS, **WRITERS})
