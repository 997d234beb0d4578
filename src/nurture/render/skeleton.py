"""A template written out with tokens where values and branches stand, and read back from it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

from jinja2 import nodes

from nurture.render.grammar import walk
from nurture.render.links import ANCHOR
from nurture.render.markup import MAX_NESTING, VOID_TAGS, Place, Tokenizer

_ELEMENTS = frozenset(
    {
        *("html", "head", "title", "meta", "style", "body", "div", "span", "p", "a", "img", "br"),
        *("hr", "b", "strong", "i", "em", "u", "s", "small", "big", "sub", "sup", "font", "code"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "blockquote"),
        *("table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th", "center", "address"),
        *("section", "article", "header", "footer", "main"),
    }
)
"""Elements that parsers treat like any other once they are closed properly."""

_STYLED = frozenset({"class", "dir", "hidden", "id", "lang", "style"})
_IN_BODY = ["html", "body"]
_BRANCH = "#"
_OPEN_ENTITY = re.compile(r"&#?[0-9A-Za-z]*\Z")
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SELECTOR = re.compile(r"[^{};]+(?=\{)")
_HARMLESS = re.compile(r":(?:hover|active|focus|visited)\b")
_NEIGHBORLY = re.compile(r"[:+~\[\\]")
_BRACE_IN_QUOTES = re.compile(r"\"[^\"]*[{}][^\"]*\"|'[^']*[{}][^']*'")

Event = tuple[str, ...]


class Unfoldable(Exception):
    """A condition of folding does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """The filters that write values and link targets on one side, HTML or text."""

    content: str
    attribute: str
    link: str
    token: Callable[[str], re.Pattern[str]]


def _html_token(nonce: str) -> re.Pattern[str]:
    return re.compile(rf"<!--{nonce}(c)(\d+)z-->|{nonce}([vl])(\d+)z")


def _text_token(nonce: str) -> re.Pattern[str]:
    return re.compile(rf"{nonce}([c])(\d+)z|{nonce}([vl])(\d+)z")


HTML_SLOTS = Slots(content="_content", attribute="_attribute", link="_href", token=_html_token)
TEXT_SLOTS = Slots(content="_flat", attribute="_flat", link="_target", token=_text_token)


class Skeleton:
    """Writes a flattened template out once, all branches one after the other."""

    def __init__(self, body: Sequence[nodes.Node]) -> None:
        self.nonce = _nonce(body)
        self._values: list[tuple[nodes.Expr, bool]] = []
        self._controls: list[tuple[str, nodes.Node]] = []
        self._links: list[list[nodes.Expr]] = []
        self._prefix: list[nodes.Node] = []
        self._parts: list[str] = []
        self._at = Tokenizer()
        self._open: list[str] = []
        self._write(body)
        self.written = "".join(self._parts)
        if self._open or self._at.place is not Place.TEXT:
            raise Unfoldable("something is not closed")
        self._check_styles()

    # --- writing ----------------------------------------------------------------------------

    def _write(self, body: Sequence[nodes.Node]) -> None:
        for node in body:
            match node:
                case nodes.Output():
                    for child in node.nodes:
                        self._output(child)
                case nodes.If():
                    self._branches("if", node, node.body)
                    for arm in node.elif_:
                        self._branches("elif", arm, arm.body)
                    self._branches("else", node, node.else_)
                    self._control("end", node)
                case nodes.For():
                    self._branches("for", node, node.body)
                    self._branches("else", node, node.else_)
                    self._control("end", node)
                case nodes.Scope():
                    self._branches("scope", node, node.body)
                    self._control("end", node)
                case nodes.Assign() if not self._open and not self._values:
                    self._prefix.append(node)
                case nodes.Assign():
                    self._control("set", node)
                case _:
                    raise Unfoldable(type(node).__name__)

    def _branches(self, kind: str, node: nodes.Node, body: Sequence[nodes.Node]) -> None:
        self._control(kind, node)
        self._write(body)

    def _output(self, node: nodes.Expr) -> None:
        if isinstance(node, nodes.TemplateData):
            self._text(node.data)
            return
        place, in_body = self._at.place, self._open[:2] == _IN_BODY
        in_text = place is Place.TEXT and in_body
        in_title = place is Place.RAW and self._at.raw == "title"
        in_value = place is Place.QUOTED and self._at.attribute not in _STYLED
        if not (in_text or in_title or in_value):
            raise Unfoldable(f"a value in {place}")
        if any(isinstance(n, nodes.Filter) and n.name in {"e", "escape"} for n in walk(node)):
            raise Unfoldable("a value that is markup")
        self._token(f"{self.nonce}v{len(self._values)}z")
        self._values.append((node, in_value))

    def _control(self, kind: str, node: nodes.Node) -> None:
        if self._at.place is not Place.TEXT or self._open[:2] != _IN_BODY:
            raise Unfoldable("a branch outside the body, or inside a tag")
        if kind in {"end", "elif", "else"} and self._open.pop() != _BRANCH:
            raise Unfoldable("a branch that leaves something open")
        if kind not in {"end", "set"}:
            self._open.append(_BRANCH)
        self._token(f"<!--{self.nonce}c{len(self._controls)}z-->")
        self._controls.append((kind, node))

    def _token(self, token: str) -> None:
        # Half an entity in front would swallow, or be completed by, what follows.
        if self._parts and _OPEN_ENTITY.search(self._parts[-1]):
            raise Unfoldable("half an entity")
        self._parts.append(token)
        self._at.fed += len(token)

    def _text(self, text: str) -> None:
        self._parts.append(text)
        known = len(self._at.tags)
        self._at.feed(text)
        for tag in self._at.tags[known:]:
            if tag.name not in _ELEMENTS or (tag.closing and tag.name in VOID_TAGS):
                raise Unfoldable(f"<{tag.name}>")
            if tag.name in VOID_TAGS:
                continue
            if tag.closing:
                if not self._open or self._open.pop() != tag.name:
                    raise Unfoldable(f"</{tag.name}> closes something else")
                continue
            if tag.name == "style" and _BRANCH in self._open:
                raise Unfoldable("a style in a branch")
            self._open.append(tag.name)
            if len(self._open) > MAX_NESTING:
                raise Unfoldable("nested too deeply")

    def _check_styles(self) -> None:
        tags = self._at.tags
        for start, end in pairwise(tags):
            if start.name != "style" or start.closing:
                continue
            css = _CSS_COMMENT.sub("", self.written[start.end : end.start])
            selectors = (
                selector
                for selector in map(str.strip, _SELECTOR.findall(css))
                if not selector.startswith("@")
            )
            if _BRACE_IN_QUOTES.search(css) or any(
                _NEIGHBORLY.search(_HARMLESS.sub("", selector)) for selector in selectors
            ):
                raise Unfoldable("a selector that looks at neighbors")

    # --- comparing --------------------------------------------------------------------------

    def compare(self, inlined: str) -> None:
        """Make sure that parsing kept every tag and token where it was written."""
        wanted, got = self._events(self.written), self._events(inlined)
        # Parsers add this one to every table without it, which must not cut through a branch.
        added = {("<", "tbody"), ("/", "tbody")}
        if [e for e in wanted if e not in added] != [e for e in got if e not in added]:
            raise Unfoldable("the parser had to repair something")
        self._nested(got)

    def _events(self, document: str) -> list[Event]:
        """Return tags and tokens in order; tokens in attributes belong to their tag."""
        at = Tokenizer()
        at.feed(document)
        token = _html_token(self.nonce)
        events: list[tuple[int, Event]] = []
        inside: set[int] = set()
        for tag in at.tags:
            found = list(token.finditer(document, tag.start, tag.end))
            inside |= {match.start() for match in found}
            # The inliner may move attributes, not values from one tag to another.
            values = sorted(match[0] for match in found)
            events.append((tag.start, ("/" if tag.closing else "<", tag.name, *values)))
        events += [
            (match.start(), ("token", match[0]))
            for match in token.finditer(document)
            if match.start() not in inside
        ]
        return [event for _, event in sorted(events)]

    def _nested(self, events: Sequence[Event]) -> None:
        """Make sure that no added tag overlaps a branch."""
        token = _html_token(self.nonce)
        opened: list[str] = []
        for kind, name, *_ in events:
            if kind == "<" and name not in VOID_TAGS:
                opened.append(name)
            elif kind == "/" and (not opened or opened.pop() != name):
                raise Unfoldable("a tag overlaps a branch")
            elif kind == "token" and (found := token.fullmatch(name)) and found[1]:
                control = self._controls[int(found[2])][0]
                if control in {"end", "elif", "else"} and (not opened or opened.pop() != _BRANCH):
                    raise Unfoldable("a branch overlaps a tag")
                if control not in {"end", "set"}:
                    opened.append(_BRANCH)

    # --- reading back -----------------------------------------------------------------------

    def route(self, inlined: str) -> str:
        """Put a token for the target of every link that a mail may have to redirect."""
        token = _html_token(self.nonce)

        def point(found: re.Match[str]) -> str:
            if found[1] is None:
                return found[0]
            pieces: list[nodes.Expr] = []
            end = 0
            for value in token.finditer(found[2]):
                pieces.append(nodes.Const(html.unescape(found[2][end : value.start()])))
                pieces.append(self._values[int(value[4])][0])
                end = value.end()
            pieces.append(nodes.Const(html.unescape(found[2][end:])))
            pieces = [p for p in pieces if not (isinstance(p, nodes.Const) and p.value == "")]
            self._links.append(pieces)
            return f"{found[1]}{self.nonce}l{len(self._links) - 1}z{found[3]}"

        return ANCHOR.sub(point, inlined)

    def tree(self, document: str, slots: Slots) -> list[nodes.Node]:
        """Return the statements that the document with its tokens stands for."""
        stream = _stream(document, slots.token(self.nonce))
        body, rest = self._read(stream, slots)
        assert rest is None, "branches were written in pairs"
        return [*self._prefix, *body]

    def _read(
        self, stream: Iterator[tuple[str, str]], slots: Slots
    ) -> tuple[list[nodes.Node], tuple[str, nodes.Node] | None]:
        """Read up to the end of this branch; return it and the control that ended it."""
        body: list[nodes.Node] = []
        for kind, text in stream:
            match kind:
                case "text":
                    _write(body, nodes.TemplateData(text, lineno=1))
                case "v":
                    expression, in_attribute = self._values[int(text)]
                    name = slots.attribute if in_attribute else slots.content
                    _write(body, _slot(name, expression, []))
                case "l":
                    links = nodes.Name("_links", "load", lineno=1)
                    _write(body, _slot(slots.link, links, self._links[int(text)]))
                case _:
                    control, node = self._controls[int(text)]
                    if control in {"end", "elif", "else"}:
                        return body, (control, node)
                    body.append(self._statement(control, node, stream, slots))
        return body, None

    def _statement(
        self, control: str, node: nodes.Node, stream: Iterator[tuple[str, str]], slots: Slots
    ) -> nodes.Node:
        if control == "set":
            return node
        body, rest = self._read(stream, slots)
        arms: list[nodes.If] = []
        otherwise: list[nodes.Node] = []
        while rest is not None and rest[0] != "end":
            branch = rest
            inner, rest = self._read(stream, slots)
            if branch[0] == "else":
                otherwise = inner
            else:
                assert isinstance(branch[1], nodes.If)
                arms.append(nodes.If(branch[1].test, inner, [], [], lineno=branch[1].lineno))
        line = node.lineno
        match node:
            case nodes.If():
                return nodes.If(node.test, body, arms, otherwise, lineno=line)
            case nodes.For():
                loop = (node.target, node.iter, body, otherwise, node.test, False)
                return nodes.For(*loop, lineno=line)
            case _:
                return nodes.Scope(body, lineno=line)


def _write(body: list[nodes.Node], piece: nodes.Expr) -> None:
    """Add a piece to what the last statement writes: one call writes them all."""
    last = body[-1] if body else None
    if isinstance(last, nodes.Output):
        last.nodes.append(piece)
    else:
        body.append(nodes.Output([piece], lineno=piece.lineno))


def _slot(name: str, expression: nodes.Expr, arguments: list[nodes.Expr]) -> nodes.Filter:
    line = expression.lineno or 1
    return nodes.Filter(expression, name, arguments, [], None, None, lineno=line)


def _stream(document: str, token: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    end = 0
    for found in token.finditer(document):
        if found.start() > end:
            yield "text", document[end : found.start()]
        yield (found[1], found[2]) if found[1] else (found[3], found[4])
        end = found.end()
    if end < len(document):
        yield "text", document[end:]


def _nonce(body: Sequence[nodes.Node]) -> str:
    """Return a token that the template does not contain: derived from it, so never random."""
    texts = [
        node.data if isinstance(node, nodes.TemplateData) else str(node.value)
        for statement in body
        for node in walk(statement)
        if isinstance(node, nodes.TemplateData | nodes.Const)
    ]
    # A text that contained its own hash would be news.
    return "nq" + sha256("\n".join(texts).encode()).hexdigest()[:14]
