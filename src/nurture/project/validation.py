"""Hold a document against the model of its kind, and tell everything that is wrong with it.

What is wrong is cut out and the rest is held against the model again, so that one slip does not
keep the checks that follow from seeing the remainder of the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from nurture.core.errors import Finding
from nurture.project import durations
from nurture.project.codes import Code
from nurture.project.nearest import did_you_mean, nearest
from nurture.project.schema_base import Strict
from nurture.project.schema_sequence import STEP_KINDS
from nurture.project.schema_workspace import TRANSPORT_KINDS
from nurture.project.yaml_file import Document, KeyPath, Node, find

ROUNDS = 60
"""More than the depth of any document: every round cuts at least one level."""

M = TypeVar("M", bound=Strict)


def validate(
    model: type[M], document: Document, *, stand_in: Document | None = None
) -> tuple[M | None, Document, list[Finding]]:
    """Return the model, the document it was made of and the findings.

    `stand_in` lends values for required keys that are missing or wrong. The model is None if too
    little is left to make one.
    """
    findings: list[Finding] | None = None
    for _ in range(ROUNDS):
        try:
            made = model.model_validate(document.content)
        except ValidationError as error:
            details = error.errors(include_url=False)
        else:
            return made, document, findings or []
        problems = [_Problem(detail, model, document) for detail in details]
        if findings is None:
            # What the later rounds find follows from what was cut.
            findings = [problem.finding() for problem in problems]
        root = _mended(document.root, problems, stand_in)
        if root is None:
            break
        document = Document(file=document.file, root=root)
    return None, document, findings or []


class _Problem:
    """One of pydantic's errors, found again in the document."""

    def __init__(self, detail: ErrorDetails, model: type[Strict], document: Document) -> None:
        self.kind = detail["type"]
        self.context: Mapping[str, Any] = detail.get("ctx", {})
        self.found = detail["input"]
        self.document = document
        self.path, self.model = _locate(model, detail["loc"])

    @property
    def key(self) -> str:
        """The last key of the path, as text."""
        return str(self.path[-1]) if self.path else ""

    def finding(self) -> Finding:
        """Return what an author reads."""
        code, message, remedy = self._told()
        return Finding(
            file=self.document.file,
            line=self.document.line(self.path),
            code=code,
            message=message,
            remedy=remedy,
        )

    def _told(self) -> tuple[Code, str, str]:
        match self.kind:
            case "extra_forbidden":
                remedy = did_you_mean(self.key, _keys(self.model))
                return Code.UNKNOWN_KEY, f'unknown key "{self.key}"', remedy
            case "missing" if self.key == "at_most":
                message = "a goto without a bound can go round for ever"
                return Code.UNBOUNDED_GOTO, message, 'add "at_most: 2"'
            case "missing":
                return Code.MISSING_KEY, f'"{self.key}" is missing', f'add "{self.key}: ..."'
            case "literal_error":
                known = re.findall(r"'([^']*)'", str(self.context.get("expected")))
                message = f"{self._name}{_shown(self.found)} is not known here"
                return Code.NOT_A_CHOICE, message, did_you_mean(str(self.found), known)
            case "union_tag_not_found":
                return self._kindless()
            case _ if self.kind in set(Code):
                message = f"{self._name}{self.context['text']}"
                return Code(self.kind), message, str(self.context["remedy"])
            case _:
                return self._simple()

    def _simple(self) -> tuple[Code, str, str]:
        expected = next((text for end, text in _EXPECTED.items() if end in self.kind), "")
        if expected:
            message = f"{self._name}expected {expected}, found {_sort(self.found)}"
            return Code.WRONG_TYPE, message, _type_remedy(expected, self.found)
        limits = (
            ("ge", "at least {}"),
            ("le", "at most {}"),
            ("min_length", "{} or more entries"),
            ("max_length", "{} entries at most"),
        )
        for name, text in limits:
            if name in self.context:
                limit = text.format(self._as_written(self.context[name]))
                return Code.OUT_OF_RANGE, f"{self._name}out of range", f"write {limit}"
        return Code.WRONG_TYPE, f"{self._name}this cannot be used here", "see the reference"

    def _as_written(self, limit: object) -> object:
        """Return a limit as its author writes such values: durations have a unit."""
        found = find(self.document.root, self.path)
        written = found.plain if found else None
        is_duration = isinstance(written, str) and re.fullmatch(durations.PATTERN, written)
        return durations.to_text(limit) if is_duration and isinstance(limit, int) else limit

    def _kindless(self) -> tuple[Code, str, str]:
        written = [str(key) for key in self.found] if isinstance(self.found, dict) else []
        if "kind" in written or self.key == "transport":
            kind = self.found.get("kind") if isinstance(self.found, dict) else None
            message = f"there is no transport {_shown(kind)}" if kind else '"kind" is missing'
            return Code.NOT_A_CHOICE, message, did_you_mean(str(kind or ""), TRANSPORT_KINDS)
        kinds = [key for key in STEP_KINDS if key in written]
        if len(kinds) > 1:
            message = f"a step cannot be {' and '.join(kinds)} at once"
            return Code.STEP_KIND, message, "make two steps of it"
        if not written:
            message = f"expected a step, found {_sort(self.found)}"
            return Code.STEP_KIND, message, "write for example {wait: 2d}"
        near = next((found for key in written if (found := nearest(key, STEP_KINDS))), "")
        remedy = f'did you mean "{near}"?' if near else f"known: {', '.join(STEP_KINDS)}"
        return Code.STEP_KIND, f"no known kind of step: {', '.join(written)}", remedy

    @property
    def _name(self) -> str:
        """The key that the problem is about, as the beginning of a sentence."""
        key = next((str(part) for part in reversed(self.path) if isinstance(part, str)), "")
        return f'"{key}": ' if key else ""


_EXPECTED = {
    "string_type": "text",
    "int": "a whole number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "keys and values",
    "model": "keys and values",
}


def _type_remedy(expected: str, found: object) -> str:
    if expected == "text" and isinstance(found, int | float):
        return "put it in quotes"
    if expected == "text" and isinstance(found, dict):
        return "put the text in quotes"
    if isinstance(found, str) and expected in ("a whole number", "true or false"):
        return f"write {expected} without quotes"
    if expected == "a list" and not isinstance(found, dict):
        return "write [one, two]"
    return f"write {expected}"


def _sort(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a decimal number"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "keys and values"


def _shown(value: object) -> str:
    return f'"{value}"' if isinstance(value, str | int | float) else _sort(value)


def _locate(model: type[Strict], loc: Sequence[int | str]) -> tuple[KeyPath, Any]:
    """Return where in the document the error lies, and the model it was told by.

    Pydantic names the chosen kind of a union on the way; such words are no keys.
    """
    path: list[str | int] = []
    holder: Any = model
    here: Any = model
    for part in loc:
        if part == "[key]":
            break
        member = _tagged(here, part)
        if member is not None:
            here = member
            continue
        holder = here
        here = _inside(here, part)
        path.append(part)
    return tuple(path), holder


def _inside(annotation: Any, part: int | str) -> Any:  # noqa: ANN401 (annotations are anything)
    """Return the annotation of one element, None where nothing is known about it."""
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        for name, info in bare.model_fields.items():
            if part == (info.alias or name):
                return info.annotation
        return None
    arguments = get_args(bare)
    return arguments[-1] if get_origin(bare) in (list, dict) else None


def _bare(annotation: Any) -> Any:  # noqa: ANN401
    """Return the annotation without what decorates it, and without None."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    members = [member for member in get_args(annotation) if member is not type(None)]
    if len(members) == 1 and len(get_args(annotation)) > 1:
        return _bare(members[0])
    return annotation


def _tagged(annotation: Any, part: int | str) -> Any:  # noqa: ANN401
    """Return the member of a union that carries the tag, None if it is no tag but a key."""
    members = get_args(_bare(annotation))
    return next((m for m in members if Tag(str(part)) in getattr(m, "__metadata__", ())), None)


def _keys(model: Any) -> list[str]:  # noqa: ANN401
    bare = _bare(model)
    assert issubclass(bare, BaseModel)
    return [info.alias or name for name, info in bare.model_fields.items()]


def _mended(root: Node, problems: Sequence[_Problem], stand_in: Document | None) -> Node | None:
    """Lend what is missing and cut out what is wrong; None if nothing would be left."""
    cuts: set[KeyPath] = set()
    for problem in problems:
        path = problem.path
        if problem.kind == "missing":
            named = all(isinstance(part, str) for part in path)
            lent = find(stand_in.root, path) if stand_in and named else None
            if lent is not None:
                root = _put(root, path, Node(problem.document.line(path), lent.value))
                continue
            path = path[:-1]
        cuts.add(path)
    if () in cuts:
        return None
    # From the end, so that cutting does not move what is still to be cut.
    for path in sorted(cuts, reverse=True):
        root = _cut(root, path)
    return root


def _cut(node: Node, path: KeyPath) -> Node:
    head, rest = path[0], path[1:]
    if isinstance(node.value, dict):
        assert isinstance(head, str)
        kept = {k: v for k, v in node.value.items() if k != head}
        if rest:
            # In the old place: findings come in the order of the file.
            kept = {k: _cut(v, rest) if k == head else v for k, v in node.value.items()}
        return Node(node.line, kept)
    assert isinstance(node.value, list)
    assert isinstance(head, int)
    items = list(node.value)
    if rest:
        items[head] = _cut(items[head], rest)
    else:
        del items[head]
    return Node(node.line, items)


def _put(node: Node, path: KeyPath, new: Node) -> Node:
    head, rest = path[0], path[1:]
    assert isinstance(node.value, dict)
    assert isinstance(head, str)
    inner = _put(node.value[head], rest, new) if rest else new
    return Node(node.line, {**node.value, head: inner})
