"""Templates compiled under the allow-list: checked, flattened, bounded.

Includes and blocks are put in place when a template is compiled, so nothing is looked up while a
mail is rendered, and the cost of the whole can be counted before it runs once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import TracebackType

from jinja2 import Template, nodes
from jinja2.exceptions import TemplateError, TemplateSyntaxError

from nurture.core.errors import RenderError
from nurture.render.bounds import steps
from nurture.render.contentlint import content_flaws
from nurture.render.filters import MAX_ITEMS, MAX_TEXT
from nurture.render.grammar import Flaw, Path, Survey
from nurture.render.markuplint import markup_flaws
from nurture.render.operators import safe
from nurture.render.sandbox import HTML, TEXT, Sandbox
from nurture.render.work import Working

MAX_SOURCE = 128 * 1024
MAX_FLAT = 512 * 1024
MAX_OUTPUT = 256 * 1024
MAX_INCLUDE_DEPTH = 10
MAX_STEPS = 500_000
"""Nodes that a template may run at most; at about 0.1 microseconds each."""

_BATCH = 256
_LINES = 1_000_000
# What no mail carries: C0 controls but tab and line feed, DEL, C1 controls, lone surrogates.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """One template ready to render. `origins` says which file a line number belongs to."""

    name: str
    template: Template
    origins: tuple[str, ...]

    def render(self, values: Mapping[str, object]) -> str:
        """Return the text for values that went through `clean`, or raise RenderError."""
        chunks = self.template.root_render_func(Working(values))  # type: ignore[arg-type] # as it says
        try:
            return _joined(chunks)
        except Exception as error:  # noqa: BLE001 (a template can raise whatever Python can)
            where = self._where(error.__traceback__)
            raise RenderError(f"{where}: {str(error) or type(error).__name__}") from None

    def _where(self, trace: TracebackType | None) -> str:
        place = self.name
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self.template:
                coded = self.template.get_corresponding_lineno(trace.tb_lineno)
                place = f"{self.origins[coded // _LINES]}:{coded % _LINES}"
            trace = trace.tb_next
        return place


@dataclass(frozen=True, slots=True)
class TemplateSet:
    """Compiled templates by name; names ending in .txt are text, all others HTML."""

    templates: Mapping[str, Compiled]

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """Render one template for the values."""
        if name not in self.templates:
            raise RenderError(f"there is no template {name!r}")
        return self.templates[name].render(clean(values))


def compile_project_templates(
    sources: Mapping[str, str], *, allowed: Collection[Path] | None = None
) -> TemplateSet:
    """Compile every template that is no partial; the first flaw raises RenderError."""
    whole = (name for name in sources if not name.rpartition("/")[2].startswith("_"))
    return TemplateSet({name: compile_one(sources, name, allowed=allowed) for name in whole})


def compile_one(
    sources: Mapping[str, str], name: str, *, allowed: Collection[Path] | None = None
) -> Compiled:
    """Compile one template out of the sources."""
    flat = flatten(sources, name, allowed=allowed)
    return compile_flat(flat, TEXT if name.endswith(".txt") else HTML)


@dataclass(slots=True, eq=False)
class Flat:
    """One template with its includes and blocks in place, as a tree."""

    name: str
    body: list[nodes.Node]
    origins: list[str]
    reads: dict[Path, int] = field(default_factory=dict)


def flatten(
    sources: Mapping[str, str], name: str, *, allowed: Collection[Path] | None = None
) -> Flat:
    """Check a template and everything it includes, and put it all into one tree."""
    flat = Flat(name=name, body=[], origins=[])
    body = _Flattener(sources, flat, allowed).template(name, ())
    flat.body = [_each_block(node, _settle) for node in body]
    if steps(flat.body, per_loop=MAX_ITEMS) > MAX_STEPS:
        raise RenderError(f"{name}: its loops could run for too long; nest fewer of them")
    return flat


def compile_flat(flat: Flat, sandbox: Sandbox) -> Compiled:
    """Turn a flattened tree into code."""
    tree = nodes.Template(flat.body, lineno=1)
    tree.set_environment(sandbox)
    try:
        code = sandbox.compile(tree, name=flat.name, filename=f"<{flat.name}>")
    except (SyntaxError, TemplateError, RecursionError, MemoryError) as error:
        raise RenderError(f"{flat.name}: cannot be compiled: {error}") from None
    template = Template.from_code(sandbox, code, {}, None)
    return Compiled(name=flat.name, template=template, origins=tuple(flat.origins))


def clean(values: Mapping[str, object]) -> dict[str, object]:
    """Return a copy whose every text is plain: no control characters, no markup, not too long."""
    return {
        # Nearly all are like that; the long way is for what is not.
        name: value
        if type(value) is str and value.isprintable() and len(value) <= MAX_TEXT
        else _clean_value(name, value)
        for name, value in values.items()
    }


def _joined(chunks: Iterator[str]) -> str:
    """Join what a template yields, counted on the way: a loop could fill the memory."""
    parts = [next(chunks, "")]
    size = len(parts[0])
    while size <= MAX_OUTPUT:
        batch = list(islice(chunks, _BATCH))
        if not batch:
            return "".join(parts)
        size += sum(map(len, batch))
        parts += batch
    raise RenderError(f"longer than {MAX_OUTPUT} characters")


_SURE = frozenset({bool, float, int, type(None)})


def _clean_value(name: str, value: object) -> object:
    # What most values are is told by their type alone; asking for a Mapping takes longest.
    kind = type(value)
    if kind is dict:
        return clean(value)  # type: ignore[arg-type] # it is one
    if kind in _SURE:
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise RenderError(f"the value of {name!r} is longer than {MAX_TEXT} characters")
        # str() also takes the promise of safety from what calls itself markup.
        return value if type(value) is str and value.isprintable() else plain(str(value))
    if isinstance(value, list | tuple):
        return [_clean_value(name, item) for item in value]
    # Templates look fields up in dicts and nowhere else.
    return clean(value) if isinstance(value, Mapping) else value


def plain(text: str) -> str:
    """Replace line ends by line feeds and what no mail may carry by blanks."""
    return _CONTROL.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))


def referenced_names(source: str) -> set[Path]:
    """Return the names that a template asks for, itself; not those of what it includes."""
    return set(Survey(parse(source, "template"), None).reads)


def included_names(source: str) -> set[str]:
    """Return the templates that a template includes or extends, itself."""
    return set(Survey(parse(source, "template"), None).includes)


def lint(
    source: str,
    name: str,
    allowed: Collection[Path],
    *,
    partials: Collection[str] | None = None,
) -> list[Flaw]:
    """Return everything wrong with a template as (line, message, remedy), in order of lines.

    `partials` are the names that it may include; without it, includes are not looked up.
    """
    if len(source) > MAX_SOURCE:
        return [Flaw(1, f"longer than {MAX_SOURCE} characters", "move text into partials")]
    try:
        tree = parse(source, name)
    except RenderError as error:
        where, _, message = str(error).removeprefix(f"{name}:").partition(": ")
        return [Flaw(int(where), message.rstrip("."), "correct the syntax")]
    survey = Survey(tree, allowed)
    flaws = list(survey.flaws)
    for partial, line in survey.includes.items():
        if partials is not None and partial not in partials:
            flaws.append(Flaw(line, f"there is no template {partial!r}", "correct the name"))
    return sorted(flaws or _flaws_of_text(tree, source, name))


def _flaws_of_text(tree: nodes.Template, source: str, name: str) -> list[Flaw]:
    """Return what is wrong with a template whose grammar is right."""
    control = _CONTROL.search(source)
    if control:
        line = source.count("\n", 0, control.start()) + 1
        return [Flaw(line, "a control character", "delete it")]
    return [] if name.endswith(".txt") else [*markup_flaws(tree), *content_flaws(tree)]


def parse(source: str, name: str) -> nodes.Template:
    """Return the tree of a template, or raise RenderError naming the line."""
    if len(source) > MAX_SOURCE:
        raise RenderError(f"{name}:1: longer than {MAX_SOURCE} characters")
    try:
        return TEXT.parse(source, name)
    except TemplateSyntaxError as error:
        raise RenderError(f"{name}:{error.lineno}: {error.message}") from None
    except (RecursionError, MemoryError, ValueError):
        raise RenderError(f"{name}:1: nested too deeply, or a number beyond reason") from None


class _Flattener:
    """Replaces includes and blocks by what they stand for, and operators by safe ones."""

    def __init__(
        self, sources: Mapping[str, str], flat: Flat, allowed: Collection[Path] | None
    ) -> None:
        self._sources = sources
        self._flat = flat
        self._allowed = allowed
        self._size = 0

    def template(self, name: str, chain: tuple[str, ...]) -> list[nodes.Node]:
        """Return the body of a template; `chain` are those that are being flattened already."""
        if name in chain or len(chain) >= MAX_INCLUDE_DEPTH:
            raise RenderError(f"{chain[-1]}: {name!r} is included too deeply, or by itself")
        if name not in self._sources:
            raise RenderError(f"{chain[-1] if chain else name}: there is no template {name!r}")
        self._size += len(self._sources[name])
        if self._size > MAX_FLAT:
            raise RenderError(f"{chain[0] if chain else name}: too much text in all its partials")
        tree = parse(self._sources[name], name)
        if name not in self._flat.origins:
            self._check(tree, name)
        self._number(tree, name)
        for data in tree.find_all(nodes.TemplateData):
            data.data = plain(data.data)
        for constant in tree.find_all(nodes.Const):
            if isinstance(constant.value, str):
                constant.value = plain(constant.value)
        body = [self._rewrite(node) for node in tree.body]
        return self._put_in_place(body, (*chain, name))

    def _check(self, tree: nodes.Template, name: str) -> None:
        survey = Survey(tree, self._allowed)
        flaws = survey.flaws or _flaws_of_text(tree, self._sources[name], name)
        if flaws:
            line, message, remedy = min(flaws)
            raise RenderError(f"{name}:{line}: {message}; {remedy}")
        self._flat.reads |= survey.reads

    def _number(self, tree: nodes.Template, name: str) -> None:
        first = len(self._flat.origins) * _LINES
        self._flat.origins.append(name)
        for node in tree.find_all(nodes.Node):
            node.lineno = first + (node.lineno or 1)

    # --- includes and blocks ----------------------------------------------------------------

    def _put_in_place(self, body: list[nodes.Node], chain: tuple[str, ...]) -> list[nodes.Node]:
        body = [self._included(node, chain) for node in body]
        parent = next((node for node in body if isinstance(node, nodes.Extends)), None)
        if parent is None:
            return body
        blocks = {node.name: node.body for node in body if isinstance(node, nodes.Block)}
        sets = [node for node in body if isinstance(node, nodes.Assign)]
        target = parent.template
        assert isinstance(target, nodes.Const)
        layout = self.template(target.value, chain)
        # They stay blocks: a template further down may fill them again.
        return [*sets, *(_each_block(node, lambda block: _fill(block, blocks)) for node in layout)]

    def _included(self, node: nodes.Node, chain: tuple[str, ...]) -> nodes.Node:
        if isinstance(node, nodes.Include):
            assert isinstance(node.template, nodes.Const)
            body = self.template(node.template.value, chain)
            return nodes.Scope([_each_block(item, _settle) for item in body], lineno=node.lineno)
        for part in _bodies(node):
            part[:] = [self._included(item, chain) for item in part]
        return node

    # --- operators --------------------------------------------------------------------------

    def _rewrite(self, node: nodes.Node) -> nodes.Node:
        """Replace, from the leaves up, what Python would do by what `filters` does."""
        for name, value in list(node.iter_fields()):
            if isinstance(value, nodes.Node):
                setattr(node, name, self._rewrite(value))
            elif isinstance(value, list):
                rewritten = [
                    self._rewrite(item) if isinstance(item, nodes.Node) else item for item in value
                ]
                setattr(node, name, rewritten)
        return safe(node)


def _bodies(node: nodes.Node) -> list[list[nodes.Node]]:
    """Return the lists of statements inside a statement."""
    match node:
        case nodes.If():
            return [node.body, *(arm.body for arm in node.elif_), node.else_]
        case nodes.For():
            return [node.body, node.else_]
        case nodes.Block() | nodes.Scope():
            return [node.body]
        case _:
            return []


def _each_block(node: nodes.Node, change: Callable[[nodes.Block], nodes.Node]) -> nodes.Node:
    """Return the statement with every block in it changed, the outermost first."""
    if isinstance(node, nodes.Block):
        node = change(node)
    for part in _bodies(node):
        part[:] = [_each_block(item, change) for item in part]
    return node


def _fill(block: nodes.Block, blocks: Mapping[str, list[nodes.Node]]) -> nodes.Node:
    if block.name in blocks:
        block.body = list(blocks[block.name])
    return block


def _settle(block: nodes.Block) -> nodes.Node:
    return nodes.Scope(block.body, lineno=block.lineno)
