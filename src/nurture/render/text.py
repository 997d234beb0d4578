"""The text part of a mail, derived from its HTML.

In two steps, so that the first can be done once per template: `mark` walks the tree and writes
text with marks for what depends on neighbors (link texts, list numbers, underlines); `finish`
resolves the marks and the white space. `mark` treats every piece of the tree by itself, which is
what lets a mail be folded.
"""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

# Control characters: `clean` keeps them out of every value, so none of these can be forged.
_LINK, _TO, _END_LINK = "\x01", "\x02", "\x03"
_ITEM, _NUMBERED, _BULLETED, _END_LIST = "\x04", "\x05", "\x06", "\x07"
_INDENT, _HEADING, _SUBHEADING = "\x08", "\x0e", "\x0f"

_AROUND = {
    **dict.fromkeys(("div", "tr", "section", "article", "header", "footer"), ("\n", "\n")),
    **dict.fromkeys(("address", "center", "main", "dd", "dt", "figure"), ("\n", "\n")),
    **dict.fromkeys(("p", "table", "blockquote", "pre", "dl"), ("\n\n", "\n\n")),
    **dict.fromkeys(("h3", "h4", "h5", "h6"), ("\n\n", "\n\n")),
    "h1": (f"\n\n{_HEADING}", "\n\n"),
    "h2": (f"\n\n{_SUBHEADING}", "\n\n"),
    "ul": (f"\n\n{_BULLETED}", f"{_END_LIST}\n\n"),
    "ol": (f"\n\n{_NUMBERED}", f"{_END_LIST}\n\n"),
    "li": (f"\n{_ITEM}", ""),
    "td": ("", " "),
    "th": ("", " "),
    "br": ("\n", ""),
    "hr": ("\n\n----\n\n", ""),
}
_UNSEEN = frozenset({"head", "style", "script", "title", "template", "object", "noscript"})
_HIDDEN = re.compile(r"(?:^|;)\s*display\s*:\s*none", re.IGNORECASE)
_BLANKS = re.compile("[ \t\n\r\f\xa0]+")
_LINKS = re.compile(f"{_LINK}([^{_LINK}{_TO}]*){_TO}([^{_END_LINK}]*){_END_LINK}")
_LISTS = re.compile(f"[{_ITEM}-{_END_LIST}]")
_MARKS = "\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f"


def mark(html: str, *, nonce: str = "") -> str:
    """Return the visible text of a document, marked; comments that hold the nonce are kept."""
    body = LexborHTMLParser(html).body
    parts: list[str] = []
    if body is not None:
        _children(body, parts, nonce, seen=True)
    return "".join(parts)


def flat(text: str) -> str:
    """Return a value as it stands in running text: any white space is a blank."""
    return _BLANKS.sub(" ", text) if not text.isprintable() else text


def finish(marked: str) -> str:
    """Resolve the marks: links as `text: url`, lists, underlined headings, single blank lines."""
    text = _LINKS.sub(_link, marked)
    if _ITEM in text or _BULLETED in text or _NUMBERED in text:
        text = _LISTS.sub(_Lists(), text)
    lines: list[str] = []
    for raw in text.split("\n"):
        line = raw.strip(" ")
        if "  " in line:
            line = _BLANKS.sub(" ", line)
        if not line:
            if lines and lines[-1]:
                lines.append("")
        elif line[0] in "\x08\x0e\x0f":
            lines += _special(line)
        else:
            lines.append(line)
    text = "\n".join(lines).strip("\n")
    for left in _MARKS:
        if left in text:  # it stood where no author would put it; a mail must not carry it
            text = text.replace(left, "")
    return text + "\n"


def _children(node: LexborNode, parts: list[str], nonce: str, *, seen: bool) -> None:
    child = node.child
    while child is not None:
        if child.is_text_node:
            if seen:
                parts.append(_BLANKS.sub(" ", child.text_content or ""))
        elif child.is_comment_node:
            comment = child.comment_content or ""
            if nonce and nonce in comment:
                parts.append(comment)
        else:
            _element(child, parts, nonce, seen=seen)
        child = child.next


def _element(node: LexborNode, parts: list[str], nonce: str, *, seen: bool) -> None:
    tag = node.tag or ""
    attributes = node.attributes
    if not seen or tag in _UNSEEN or _HIDDEN.search(attributes.get("style") or ""):
        _children(node, parts, nonce, seen=False)
        return
    if tag == "a" and attributes.get("href"):
        parts.append(_LINK)
        _children(node, parts, nonce, seen=True)
        parts.append(f"{_TO}{attributes['href']}{_END_LINK}")
        return
    if tag == "img":
        parts.append(_BLANKS.sub(" ", attributes.get("alt") or ""))
        return
    before, after = _AROUND.get(tag, ("", ""))
    parts.append(before)
    _children(node, parts, nonce, seen=True)
    parts.append(after)


def _link(found: re.Match[str]) -> str:
    text, url = " ".join(found[1].split()), found[2].strip()
    if url.startswith("http"):
        return f"{text}: {url}" if text and text != url else url
    if url.startswith("#") or not url:
        return text
    bare = url.removeprefix("mailto:").removeprefix("tel:")
    return bare if text in {"", url, bare} else f"{text}: {bare}"


class _Lists:
    """Numbers and indents list items, met in order; one object for one text."""

    def __init__(self) -> None:
        self._open: list[int | None] = []

    def __call__(self, found: re.Match[str]) -> str:
        match found[0]:
            case "\x05":
                self._open.append(0)
            case "\x06":
                self._open.append(None)
            case "\x07":
                if self._open:
                    self._open.pop()
            case _:
                return self._item()
        return ""

    def _item(self) -> str:
        if not self._open:
            return "- "
        indent = _INDENT * (len(self._open) - 1)
        number = self._open[-1]
        if number is None:
            return f"{indent}- "
        self._open[-1] = number + 1
        return f"{indent}{number + 1}. "


def _special(line: str) -> list[str]:
    """Return the lines for one that begins with a mark: indented, or underlined."""
    text = line.lstrip("\x08\x0e\x0f").strip(" ")
    if line[0] == _INDENT:
        return ["  " * (len(line) - len(line.lstrip(_INDENT))) + text]
    return [text, ("=" if line[0] == _HEADING else "-") * len(text)] if text else []
