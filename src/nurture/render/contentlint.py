"""What no mail may carry, whoever wrote it: programs, frames, and links that are programs."""

from __future__ import annotations

import html
import re

from jinja2 import nodes

from nurture.render.grammar import Flaw, walk
from nurture.render.markup import Place, Tokenizer

_PROGRAMS = frozenset(
    {"applet", "base", "embed", "form", "frame", "frameset", "iframe", "object", "script"}
)
_LINKS = frozenset(
    {
        *("action", "background", "cite", "data", "formaction", "href", "longdesc", "ping"),
        *("poster", "src", "srcset", "xlink:href"),
    }
)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):")
_SCHEMES = frozenset({"cid", "http", "https", "mailto", "sms", "tel"})
_PICTURE = re.compile(r"data:image/(gif|jpeg|png)[;,]")
# A browser leaves these out before it looks for the scheme.
_LEFT_OUT = re.compile("[\x00-\x20]+")
_VALUE = "{}"
"""Stands in an attribute for a value that a lead or we ourselves put there."""


def content_flaws(tree: nodes.Template) -> list[Flaw]:
    """Return every tag and attribute that makes a mail a program."""
    flaws: list[Flaw] = []
    at = Tokenizer()
    for output in walk(tree):
        if not isinstance(output, nodes.Output):
            continue
        for child in output.nodes:
            if isinstance(child, nodes.TemplateData):
                flaws += _feed(child, at)
            else:
                at.feed_value()
                if at.place in {Place.QUOTED, Place.UNQUOTED}:
                    at.value += _VALUE
    return flaws


def _feed(literal: nodes.TemplateData, at: Tokenizer) -> list[Flaw]:
    start, tags, attributes = at.fed, len(at.tags), len(at.attributes)
    at.feed(literal.data)
    found = [(tag.end, _tag_flaw(tag.name)) for tag in at.tags[tags:] if not tag.closing]
    found += [
        (each.end, _attribute_flaw(each.name, each.value)) for each in at.attributes[attributes:]
    ]
    return [
        Flaw(literal.lineno + literal.data.count("\n", 0, end - start), *flaw)
        for end, flaw in found
        if flaw
    ]


def _tag_flaw(name: str) -> tuple[str, str] | None:
    if name in _PROGRAMS:
        return (
            f"<{name}> in a mail",
            "take it out: mail programs do, or take the mail for an attack",
        )
    return None


def _attribute_flaw(name: str, value: str) -> tuple[str, str] | None:
    if re.fullmatch("on[a-z]+", name) or name == "srcdoc":
        return f"{name}= in a mail", "take it out: mail programs run nothing"
    if name == "http-equiv" and value.strip().lower() == "refresh":
        return "a mail that leads elsewhere by itself", "take the refresh out"
    if name not in _LINKS:
        return None
    target = _LEFT_OUT.sub("", html.unescape(value)).lower()
    scheme = _SCHEME.match(target)
    if scheme is None or scheme[1] in _SCHEMES or (name == "src" and _PICTURE.match(target)):
        return None
    return f"{name}= leads to {scheme[1]}:", "link to https://, mailto: or tel:"
