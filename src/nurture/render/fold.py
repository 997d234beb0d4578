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

from collections.abc import Callable, Collection
from dataclasses import dataclass

from jinja2 import nodes

from nurture.core.errors import RenderError
from nurture.render.environment import Compiled, Flat, clean, compile_flat
from nurture.render.grammar import Path
from nurture.render.links import Links, route
from nurture.render.quick import Quick
from nurture.render.samples import OWN_LINK, redirect, samples
from nurture.render.sandbox import HTML, Sandbox
from nurture.render.skeleton import HTML_SLOTS, TEXT_SLOTS, Skeleton, Unfoldable
from nurture.render.slots import WRITERS, Writers
from nurture.render.text import finish, mark

Body = list[nodes.Node]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Folded:
    """A mail whose inlining, routing and text are done; `text` gives marked text.

    `trees` gives both as trees, with slots where values stand; `quick` writes them and the other
    parts of the mail at once.
    """

    html: Compiled
    text: Compiled
    trees: Callable[[], tuple[Body, Body]]
    quick: Quick | None = None


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

        def trees() -> tuple[Body, Body]:
            return skeleton.tree(routed, HTML_SLOTS), skeleton.tree(marked, TEXT_SLOTS)

        html, text = (compile_body(whole, tree, WRITERS) for tree in trees())
        folded = Folded(html=html, text=text, trees=trees)
        _prove(compile_flat(whole, HTML), folded, whole.reads, inline)
    except (Unfoldable, RenderError, RecursionError):
        return None
    return folded


def compile_body(whole: Flat, body: Body, writers: Writers) -> Compiled:
    """Compile a tree with slots that was made of the template."""
    sandbox = _BARE if writers is WRITERS else _sandbox(writers)
    return compile_flat(Flat(name=whole.name, body=body, origins=whole.origins), sandbox)


def _prove(
    plain: Compiled, folded: Folded, reads: Collection[Path], inline: Callable[[str], str]
) -> None:
    """Compare both ways on values that would show a difference; raise Unfoldable on any."""
    proven = 0
    for values in map(clean, samples(reads)):
        try:
            rendered = plain.render(values)
        except RenderError:
            continue  # a sample that this template cannot take, such as a list for a date
        wanted, got = Links(redirect, {OWN_LINK}), Links(redirect, {OWN_LINK})
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


def _sandbox(writers: Writers) -> Sandbox:
    return Sandbox(autoescape=False, finalize=None, slots=writers)


_BARE = _sandbox(WRITERS)
