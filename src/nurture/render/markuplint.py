"""Which value may stand where in the HTML.

Escaping makes a value safe as text and inside quotes. It does not make `javascript:` a safe link,
nor anything safe in a script, a style, a tag or an attribute without quotes: those are errors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import nodes

from nurture.render.grammar import Flaw
from nurture.render.markup import VALUE_ONLY_TEXT, Place, Tokenizer

_URL_ATTRIBUTES = frozenset(
    {
        *("action", "background", "cite", "data", "formaction", "href", "longdesc", "ping"),
        *("poster", "src", "srcset", "usemap", "xlink:href"),
    }
)
_OURS = frozenset({"company", "sender"})
_SCHEME = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_HOST_IS_FIXED = re.compile(r"https?://[^/?#]+[/?#]|(?:mailto|tel):", re.IGNORECASE)
_IN_PLACE = frozenset({Place.TEXT, Place.QUOTED, Place.RAW, Place.COMMENT})


def markup_flaws(tree: nodes.Template) -> list[Flaw]:
    """Return every value that stands where it must not, and every branch that breaks a tag."""
    check = _Check()
    end = check.body(tree.body, Tokenizer())
    if end.place is not Place.TEXT:
        check.flaw(tree, "the file ends inside a tag, script or comment", "close it")
    return check.flaws


class _Check:
    def __init__(self) -> None:
        self.flaws: list[Flaw] = []

    def flaw(self, node: nodes.Node, message: str, remedy: str) -> None:
        self.flaws.append(Flaw(node.lineno or 1, message, remedy))

    def body(self, body: Sequence[nodes.Node], at: Tokenizer) -> Tokenizer:
        """Follow the statements from the state `at`; return the state behind them."""
        for node in body:
            at = self._statement(node, at)
        return at

    def _statement(self, node: nodes.Node, at: Tokenizer) -> Tokenizer:
        match node:
            case nodes.Output():
                for child in node.nodes:
                    self._output(child, at)
            case nodes.If():
                arms = [node.body, *(arm.body for arm in node.elif_), node.else_]
                return self._meet(node, [self.body(arm, at.copy()) for arm in arms])
            case nodes.For():
                self._meet(node, [at, self.body(node.body, at.copy())])
                self._meet(node, [at, self.body(node.else_, at.copy())])
            case nodes.Block():
                self._whole(node, at)
                self._meet(node, [at, self.body(node.body, at.copy())])
            case nodes.Include():
                self._whole(node, at)
        return at

    def _whole(self, node: nodes.Node, at: Tokenizer) -> None:
        if at.place is not Place.TEXT:
            self.flaw(node, "a block or include inside a tag", "put it between tags")

    def _meet(self, node: nodes.Node, ends: list[Tokenizer]) -> Tokenizer:
        """Return the state in which branches meet again, the least safe one where they differ."""
        if len({end.state for end in ends}) > 1:
            remedy = "open and close tags, quotes and comments on the same side of it"
            self.flaw(node, "a branch or loop that tears a tag apart", remedy)
        return next((end for end in ends if not _HOST_IS_FIXED.match(end.value)), ends[0])

    def _output(self, node: nodes.Node, at: Tokenizer) -> None:
        if isinstance(node, nodes.TemplateData):
            at.feed(node.data)
            return
        if at.place in {Place.BEFORE_VALUE, Place.UNQUOTED}:
            self.flaw(node, f"{at.attribute}= without quotes", 'put quotes around it: "{{ }}"')
        elif at.place not in _IN_PLACE:
            self.flaw(node, "a value in the middle of a tag", "values go into text and quotes")
        elif at.place is Place.RAW and at.raw not in VALUE_ONLY_TEXT:
            self.flaw(node, f"a value inside <{at.raw}>", "take it out; it cannot be made safe")
        elif at.place is Place.COMMENT and not _is_ours(node):
            self.flaw(node, "a lead's value inside a comment", "take it out")
        elif at.place is Place.QUOTED:
            self._attribute(node, at)
        at.feed_value()
        if at.place in {Place.QUOTED, Place.UNQUOTED} and not at.value:
            # Something stands here already, so what follows is not the beginning of the URL.
            at.value = "https://ours" if _is_url(node) else "\0"

    def _attribute(self, node: nodes.Node, at: Tokenizer) -> None:
        name = at.attribute
        if name in {"style", "srcdoc"} or name.startswith("on"):
            self.flaw(node, f"a value inside {name}=", "take it out; it cannot be made safe")
        elif name == "content" and not _is_ours(node):
            self.flaw(node, "a lead's value inside content=", "take it out")
        elif name in _URL_ATTRIBUTES and not _safe_url(node, at.value):
            remedy = "begin with https://your.host/ and end the value with |urlencode"
            self.flaw(node, f"a value that could choose where {name}= leads", remedy)


def _safe_url(node: nodes.Node, before: str) -> bool:
    """Tell whether a value behind the text `before` leaves the host in the author's hands."""
    if _is_url(node):
        return not before
    if isinstance(node, nodes.Filter) and node.name == "urlencode":
        return _HOST_IS_FIXED.match(before) is not None
    if isinstance(node, nodes.Const):
        return True
    return _is_ours(node) and _SCHEME.match(before) is not None


def _is_url(node: nodes.Node) -> bool:
    match node:
        case nodes.Name(name=name):
            return name.endswith("_url")
        case nodes.Getattr(node=nodes.Name(name="company"), attr="website"):
            return True
        case _:
            return False


def _is_ours(node: nodes.Node) -> bool:
    """Tell whether a value comes from the project's own files or from the engine."""
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return node.node.name in _OURS
    return _is_url(node)
