"""Read the pages under docs/: fenced blocks, tables, links and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^( *)```(\S*) ?(.*?)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,4}) (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")
_RULE = re.compile(r"^\|( *-+ *\|)+$")
_BAR = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block; `kind` is what follows its language, such as "sequence"."""

    page: str
    line: int
    language: str
    kind: str
    text: str

    def __str__(self) -> str:
        """Name the block where a test is named after it."""
        return f"{self.page}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table and the headings above it, outermost first; rows by the table's own head."""

    headings: tuple[str, ...]
    head: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


def pages() -> list[str]:
    """Return all pages of the documentation, relative to the root."""
    found = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "ARCHITECTURE.md"]
    return sorted(page.relative_to(ROOT).as_posix() for page in found)


@cache
def text_of(page: str) -> str:
    """Return the page as written."""
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    """Return the page without its fenced blocks."""
    return _FENCE.sub("", text_of(page))


def flowing(page: str) -> str:
    """Return the prose as one line, so that it does not matter where lines break."""
    return " ".join(prose(page).split())


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """Return the fenced blocks of the page."""
    text = text_of(page)
    return tuple(
        Block(
            page=page,
            line=text.count("\n", 0, found.start()) + 1,
            language=found[2],
            kind=found[3],
            text=dedent(found[4]),
        )
        for found in _FENCE.finditer(text)
    )


def block(page: str, language: str, kind: str) -> str:
    """Return the text of the one block of its kind on the page."""
    (found,) = [b for b in blocks(page) if (b.language, b.kind) == (language, kind)]
    return found.text


@cache
def tables(page: str) -> tuple[Table, ...]:
    """Return the tables of the page."""
    return tuple(_tables(prose(page).splitlines()))


def _tables(lines: list[str]) -> Iterator[Table]:
    headings: list[str] = []
    for number, line in enumerate(lines):
        title = _HEADING.match(line)
        if title:
            level = len(title[1])
            headings = [*headings[: level - 1], title[2]]
        elif _RULE.match(line):
            head = tuple(_cells(lines[number - 1]))
            rows = []
            for row in lines[number + 1 :]:
                if not row.startswith("|"):
                    break
                rows.append(dict(zip(head, _cells(row), strict=True)))
            yield Table(headings=tuple(headings), head=head, rows=tuple(rows))


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _BAR.split(line.strip())[1:-1]]


def table(page: str, *head: str) -> Table:
    """Return the one table of the page whose head begins with these columns."""
    (found,) = [t for t in tables(page) if t.head[: len(head)] == head]
    return found


def codes(cell: str) -> list[str]:
    """Return what stands in back quotes."""
    return _CODE.findall(cell)


def links(page: str) -> list[str]:
    """Return where the page links to."""
    return _LINK.findall(prose(page))


@cache
def anchors(page: str) -> frozenset[str]:
    """Return the anchors that the page's headings make, as the usual viewers make them."""
    titles = [title for _, title in _HEADING.findall(prose(page))]
    return frozenset(re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles)
