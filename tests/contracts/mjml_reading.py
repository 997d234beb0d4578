"""What a reader meets in a page made from MJML, whoever made it: to compare two compilers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_CONDITIONAL = re.compile(r"\[if [^\]]*\]>(.*)<!\[endif\]$", re.DOTALL)
_COLUMN = re.compile(r"\.(mj-column-[\w-]+) \{ width:([\d.]+)(%|px) !important")
_OUTLOOK = re.compile(r"<t(?:able|d)\b[^>]*[ ;\"]width:([\d.]+)px")
_WORDS = str.maketrans({"<": "less", ">": "more", '"': "quote", "'": "quote"})
_KEPT = (
    *("align", "alt", "background", "bgcolor", "cellpadding", "colspan", "href", "lang", "src"),
    *("style", "title", "valign", "width"),
)


def jinja_tags(page: str) -> list[str]:
    """Return the page's tags of Jinja2 in their order, without comments."""
    return [_tag(tag) for tag in _JINJA.findall(page) if not tag.startswith("{#")]


def reading(page: str) -> list[str]:
    """Return texts, elements and how they look, in the order of the page.

    Jinja2 tags stand where they stood. What only Outlook sees is `outlook_widths`.
    """
    reader = _Reader({name: f"{float(n):.2f}{unit}" for name, n, unit in _COLUMN.findall(page)})
    reader.feed(_JINJA.sub(_plain, page))
    reader.close()
    return reader.found()


def outlook_widths(page: str) -> list[float]:
    """Return the widths of tables and cells that only Outlook sees, in pixels."""
    comments = re.findall(r"<!--(\[if mso.*?)-->", page, re.DOTALL)
    hidden = (found[1] for comment in comments if (found := _CONDITIONAL.match(comment)))
    return [float(width) for text in hidden for width in _OUTLOOK.findall(text)]


class _Reader(HTMLParser):
    def __init__(self, columns: Mapping[str, str]) -> None:
        super().__init__()
        self._columns = columns
        self._found: list[str] = []
        self._text: list[str] = []
        self._inside = ""

    def found(self) -> list[str]:
        """Return what was read."""
        self._end_text()
        return self._found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep what of an element a reader can notice."""
        self._end_text()
        self._inside = tag
        given = {key: value or "" for key, value in attrs}
        told = [f"{key}={_shown(key, given[key])}" for key in _KEPT if given.get(key)]
        told += [
            self._columns[name] for name in given.get("class", "").split() if name in self._columns
        ]
        self._found.append(f"<{' '.join([tag, *told])}>")

    def handle_endtag(self, tag: str) -> None:
        """Keep where an element ends."""
        self._end_text()
        self._inside = ""
        self._found.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Keep what is not styles."""
        if self._inside != "style":
            self._text.append(data)

    def _end_text(self) -> None:
        text = " ".join("".join(self._text).split())
        self._text.clear()
        if text:
            self._found.append(text)


def _shown(key: str, value: str) -> str:
    if key != "style":
        return value
    value = re.sub(r"\b0px", "0", value)
    return "; ".join(sorted(" ".join(each.split()) for each in value.split(";") if each.strip()))


def _plain(found: re.Match[str]) -> str:
    tag = found[0]
    return "" if tag.startswith("{#") else _tag(tag).translate(_WORDS)


def _tag(tag: str) -> str:
    return " ".join(tag.split())
