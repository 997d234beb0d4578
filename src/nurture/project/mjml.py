"""Mails written in MJML, compiled to HTML that reads well on a phone and in Outlook.

Nothing is read and nobody is asked: an include is an error, and no font, icon or picture comes
from a server that the author did not name.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from urllib.parse import urlsplit

from nurture.project.mjml_source import Mark, MjmlError, Prepared, prepare

MAX_SOURCE = 128 * 1024
_POSITION = re.compile(r" in root template(?: at position (?P<at>\d+):\d+)?")
_LOADED = re.compile(r"""(?:src|background)="(https?://[^"]*)"|url\(['"]?(https?://[^'")]*)""")


class MjmlMissingError(Exception):
    """The compiler of MJML is not installed; it is an extra."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The HTML of a mail, and for each line of it the line of the MJML that it comes from."""

    html: str
    lines: tuple[int, ...]


def compile_mjml(source: str) -> Page:
    """Return the page that the MJML describes; raise MjmlError or MjmlMissingError."""
    compiler = _compiler()
    if len(source) > MAX_SOURCE:
        raise MjmlError(1, f"longer than {MAX_SOURCE} characters", "move text into partials")
    prepared = prepare(source)
    html = _compiled(compiler, prepared)
    passed = {int(found[1]) for found in prepared.word.finditer(html)}
    for number, mark in enumerate(prepared.marks):
        if mark.is_meant and number not in passed:
            shown = " ".join(mark.text.split())
            remedy = "put it into text, or into an attribute that takes any text"
            raise MjmlError(mark.line, f"MJML leaves out {shown}", remedy)
    page = _page(html, prepared)
    _refuse_strangers(page, source)
    return page


def _compiler() -> ModuleType:
    try:
        return importlib.import_module("mrml")
    except ImportError as error:
        raise MjmlMissingError from error


def _compiled(compiler: ModuleType, prepared: Prepared) -> str:
    try:
        output = compiler.to_html(
            prepared.text,
            compiler.ParserOptions(include_loader=compiler.noop_loader()),
            # Without these it would load fonts from a server of its own choice.
            compiler.RenderOptions(fonts={}),
        )
    except OSError as error:
        message = str(error)
        found = _POSITION.search(message)
        at = int(found["at"] or 0) if found else 0
        offset = len(prepared.text.encode()[:at].decode(errors="ignore"))
        told = f"the compiler of MJML says: {_POSITION.sub('', message)}"
        raise MjmlError(prepared.line(offset), told, "correct the MJML") from None
    return str(output.content)


def _page(html: str, prepared: Prepared) -> Page:
    """Put back what the marks stand for, and keep count of the lines."""
    pieces, lines = [], [prepared.line(0)]
    for text, mark in _pieces(html, prepared):
        pieces.append(text)
        first = mark.line if mark else lines[-1]
        step = 1 if mark else 0
        lines += [first + step * number for number in range(text.count("\n"))]
    return Page(html="".join(pieces), lines=tuple(lines))


def _pieces(html: str, prepared: Prepared) -> Iterator[tuple[str, Mark | None]]:
    at = 0
    for found in prepared.word.finditer(html):
        mark = prepared.marks[int(found[1])]
        yield html[at : found.start()], None
        yield mark.text, mark
        at = found.end()
    yield html[at:], None


def _refuse_strangers(page: Page, source: str) -> None:
    """Refuse pictures that some elements bring along: whose server has them sees who reads."""
    for found in _LOADED.finditer(page.html):
        url = found[1] or found[2]
        if url not in source:
            line = page.lines[page.html.count("\n", 0, found.start())]
            host = urlsplit(url).hostname
            message = f"an element here would load a picture from {host}"
            raise MjmlError(line, message, "name a picture of your own: src, or icon-...-url")
