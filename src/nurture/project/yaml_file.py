"""Read one YAML text strictly, keeping the line on which everything stands.

This is the part of YAML that cannot surprise: one document of plain mappings, lists and
scalars. Aliases, anchors, tags, merge keys and duplicate keys are refused; `no` is text and
`1.10` a number, as YAML 1.2 has it, and the schemas refuse numbers where text belongs. Keys are
always text. The limits hold while reading, so a hostile file costs no more than a large one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)
from ruamel.yaml.reader import ReaderError

from nurture.core.errors import Finding, ProjectError
from nurture.project.codes import Code

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_NODES = 20_000
MAX_DIGITS = 18
# A folder's files are those of the release in force but for a few, and are asked about one by one
# too: the files of a few projects.
_KEPT = 256

KeyPath = tuple[str | int, ...]
"""Keys and list positions from the top of a document down."""

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, list or mapping and the line on which it (or its key) stands."""

    line: int
    value: Scalar | list[Node] | dict[str, Node]

    @property
    def plain(self) -> object:
        """The value without lines."""
        match self.value:
            case dict():
                return {key: node.plain for key, node in self.value.items()}
            case list():
                return [node.plain for node in self.value]
            case _:
                return self.value


@dataclass(frozen=True, kw_only=True)
class Document:
    """One file as read: plain values, and the line of every path."""

    file: str
    root: Node

    @cached_property
    def content(self) -> object:
        """The whole document as plain dicts, lists and scalars."""
        return self.root.plain

    @cached_property
    def lines(self) -> Mapping[KeyPath, int]:
        """The line of every path."""
        return dict(_positions(self.root, ()))

    def line(self, path: KeyPath) -> int:
        """Return the line of the path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def at(self, path: KeyPath) -> object:
        """Return the plain value at the path, None if there is none."""
        node = find(self.root, path)
        return None if node is None else node.plain

    def with_text(self, change: Callable[[str, int], str]) -> Document:
        """Return the document with every text value changed; keys stay."""
        return Document(file=self.file, root=_change(self.root, change))


def read(text: str, *, file: str) -> Document:
    """Return the document; raise ProjectError with every finding if it is not strict YAML."""
    document, findings = scan(text, file=file)
    if document is None or findings:
        raise ProjectError(findings)
    return document


def scan(text: str, *, file: str) -> tuple[Document | None, list[Finding]]:
    """Return what could be read and everything that is wrong with it."""
    document, findings = _scan(text, file)
    return document, list(findings)


@lru_cache(maxsize=_KEPT)
def _scan(text: str, file: str) -> tuple[Document | None, tuple[Finding, ...]]:
    builder = _Builder(file)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        builder.report(1, Code.YAML_TOO_LARGE, "the file is larger than 1 MiB", "split it")
        return None, tuple(builder.findings)
    try:
        for event in YAML(typ="safe", pure=True).parse(text.removeprefix("\ufeff")):
            builder.take(event)
    except _Stop:
        return None, tuple(builder.findings)
    except YAMLError as error:
        builder.report(*_syntax(error, text))
        return None, tuple(builder.findings)
    if builder.root is None:
        builder.report(1, Code.YAML_DOCUMENT, "the file is empty", "write its keys and values")
        return None, tuple(builder.findings)
    return Document(file=file, root=builder.root), tuple(builder.findings)


def find(node: Node, path: KeyPath) -> Node | None:
    """Return the node at the path below, None if there is none."""
    for key in path:
        match node.value:
            case dict() if isinstance(key, str) and key in node.value:
                node = node.value[key]
            case list() if isinstance(key, int) and key < len(node.value):
                node = node.value[key]
            case _:
                return None
    return node


def _positions(node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    yield path, node.line
    match node.value:
        case dict():
            for key, inner in node.value.items():
                yield from _positions(inner, (*path, key))
        case list():
            for index, inner in enumerate(node.value):
                yield from _positions(inner, (*path, index))
        case _:
            pass


def _change(node: Node, change: Callable[[str, int], str]) -> Node:
    match node.value:
        case dict():
            return Node(node.line, {k: _change(v, change) for k, v in node.value.items()})
        case list():
            return Node(node.line, [_change(v, change) for v in node.value])
        case str():
            return Node(node.line, change(node.value, node.line))
        case _:
            return node


def _syntax(error: YAMLError, text: str) -> tuple[int, Code, str, str]:
    line, problem = 1, "this is not YAML"
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problem = ": ".join(filter(None, [error.context, error.problem]))
    elif isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        problem = "a control character stands here"
    lines = text.split("\n")
    written = lines[line - 1] if line <= len(lines) else ""
    if "\t" in written:
        remedy = "indent with spaces, not with tabs"
    elif "{{" in written:
        remedy = "put text that contains {{ in quotes"
    else:
        remedy = "check indentation and quotes, also in the line above"
    return line, Code.YAML_SYNTAX, problem, remedy


class _Stop(Exception):
    """Reading cannot go on; the finding is on the list."""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    node: Node
    key: str | None = None
    key_line: int = 0
    seen: bool = True


@dataclass(slots=True)
class _Builder:
    file: str
    findings: list[Finding] = field(default_factory=list)
    root: Node | None = None
    stack: list[_Open] = field(default_factory=list)
    nodes: int = 0
    documents: int = 0

    def report(self, line: int, code: Code, message: str, remedy: str) -> None:
        self.findings.append(
            Finding(file=self.file, line=line, code=code, message=message, remedy=remedy)
        )

    def stop(self, line: int, code: Code, message: str, remedy: str) -> _Stop:
        self.report(line, code, message, remedy)
        return _Stop()

    def take(self, event: Event) -> None:
        """Take the parser's next event."""
        line = event.start_mark.line + 1
        if isinstance(event, NodeEvent):
            self._limit(line)
            self._refuse(event, line)
        match event:
            case DocumentStartEvent():
                self._document(event, line)
            case AliasEvent():
                self._skip(line)
            case ScalarEvent() if self._expects_key():
                self._key(event, line)
            case ScalarEvent():
                self._put(Node(line, self._scalar(event, line)))
            case CollectionStartEvent():
                self._open(event, line)
            case MappingEndEvent() | SequenceEndEvent():
                self.stack.pop()
            case _:
                pass

    def _limit(self, line: int) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            message = f"the file holds more than {MAX_NODES} values"
            raise self.stop(line, Code.YAML_TOO_LARGE, message, "split it")

    def _refuse(self, event: NodeEvent, line: int) -> None:
        if isinstance(event, AliasEvent) or event.anchor is not None:
            sign = "*" if isinstance(event, AliasEvent) else "&"
            message = f'"{sign}{event.anchor}": anchors and aliases are not used here'
            self.report(line, Code.YAML_ALIAS, message, "write the values out, or quote the text")
        elif getattr(event, "tag", None) is not None:
            message = "tags (a word that begins with !) are not used here"
            self.report(line, Code.YAML_TAG, message, "remove the tag, or quote the text")

    def _document(self, event: DocumentStartEvent, line: int) -> None:
        self.documents += 1
        if self.documents > 1:
            message = "a second document begins here"
            raise self.stop(line, Code.YAML_DOCUMENT, message, "keep one document a file")
        if event.version is not None or event.tags:
            message = "directives (lines that begin with %) are not used here"
            self.report(line, Code.YAML_DOCUMENT, message, "remove them")

    def _expects_key(self) -> bool:
        return (
            bool(self.stack) and self.stack[-1].seen and isinstance(self.stack[-1].node.value, dict)
        )

    def _key(self, event: ScalarEvent, line: int) -> None:
        top = self.stack[-1]
        assert isinstance(top.node.value, dict)
        plain = event.style is None
        top.key, top.key_line, top.seen = event.value, line, False
        if plain and event.value == "<<":
            message = "merge keys are not used here"
            self.report(line, Code.YAML_MERGE, message, "write the keys out")
            top.key = None
        elif not event.value:
            message = "a key is missing before the colon"
            self.report(line, Code.YAML_KEY, message, "write the key, or quote the text")
            top.key = None
        elif event.value in top.node.value:
            first = top.node.value[event.value].line
            message = f'the key "{event.value}" stands twice'
            remedy = f"keep one of them; the first is on line {first}"
            self.report(line, Code.YAML_DUPLICATE, message, remedy)
            top.key = None

    def _open(self, event: CollectionStartEvent, line: int) -> None:
        if self._expects_key():
            message = "a list or mapping cannot be a key"
            remedy = "quote the text; {{ and [ begin structures in YAML"
            raise self.stop(line, Code.YAML_KEY, message, remedy)
        if len(self.stack) >= MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels"
            raise self.stop(line, Code.YAML_TOO_LARGE, message, "make it flatter")
        node = Node(line, {} if isinstance(event, MappingStartEvent) else [])
        self.stack.append(_Open(self._put(node)))

    def _skip(self, line: int) -> None:
        """Leave an alias out, having told about it."""
        if self._expects_key():
            message = "an alias cannot be a key"
            raise self.stop(line, Code.YAML_KEY, message, "write the key out")
        if self.stack:
            self.stack[-1].seen = True

    def _put(self, node: Node) -> Node:
        """Hang the node where it belongs; a mapping's entry takes the line of its key."""
        if not self.stack:
            self.root = node
            return node
        top = self.stack[-1]
        if isinstance(top.node.value, list):
            top.node.value.append(node)
            return node
        assert isinstance(top.node.value, dict)
        top.seen = True
        node = Node(top.key_line, node.value)
        if top.key is not None:
            top.node.value[top.key] = node
        return node

    def _scalar(self, event: ScalarEvent, line: int) -> Scalar:
        text: str = event.value
        if event.style is not None:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if re.fullmatch(r"[-+]?[0-9]+", text) and len(text) > MAX_DIGITS:
            message = f"a number of more than {MAX_DIGITS} digits"
            self.report(line, Code.YAML_NUMBER, message, "put it in quotes if it is text")
            return text
        return _number(text)


_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(["true", "True", "TRUE"], True),
    **dict.fromkeys(["false", "False", "FALSE"], False),
}

_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|nan)")


def _number(text: str) -> str | int | float:
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}", text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text.replace(".inf", "inf").replace(".nan", "nan"))
    return text
