"""Read a mail written in MJML: is it whole, and on which line does everything in it stand.

The compiler of MJML knows neither Jinja2 nor lines, and says little about what it cannot read. So
what it is given was read here first: every Jinja2 tag is replaced by a mark, a word that means
nothing in it, and further marks keep the line of texts and links. `mjml` puts the tags back.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

from nurture.project.nearest import did_you_mean

_TEXTS = frozenset({"mj-button", "mj-raw", "mj-table", "mj-text"})
_PARTS = frozenset(
    {
        *("mj-accordion", "mj-carousel", "mj-divider", "mj-image", "mj-navbar", "mj-social"),
        *("mj-spacer", *_TEXTS),
    }
)
_HEAD = frozenset({"mj-attributes", "mj-breakpoint", "mj-font", "mj-raw", "mj-style", "mj-title"})
MAX_NESTING = 200
_INSIDE = {
    "": frozenset({"mjml"}),
    "mjml": frozenset({"mj-head", "mj-body"}),
    "mj-head": _HEAD,
    "mj-body": frozenset({"mj-hero", "mj-raw", "mj-section", "mj-wrapper"}),
    "mj-wrapper": frozenset({"mj-hero", "mj-raw", "mj-section"}),
    "mj-section": frozenset({"mj-column", "mj-group", "mj-raw"}),
    "mj-group": frozenset({"mj-column", "mj-raw"}),
    "mj-column": _PARTS,
    "mj-hero": _PARTS,
    "mj-accordion": frozenset({"mj-accordion-element"}),
    "mj-accordion-element": frozenset({"mj-accordion-text", "mj-accordion-title"}),
    "mj-carousel": frozenset({"mj-carousel-image"}),
    "mj-navbar": frozenset({"mj-navbar-link"}),
    "mj-social": frozenset({"mj-social-element"}),
}
"""What may stand directly inside an element that holds other elements."""
_CONTENT = frozenset(
    {
        *("mj-accordion-text", "mj-accordion-title", "mj-navbar-link", "mj-social-element"),
        *("mj-style", "mj-title", *_TEXTS),
    }
)
"""Elements that hold text and HTML."""
_PLAIN = frozenset({"mj-accordion-title", "mj-style", "mj-title"})
"""Those of them that hold text only."""
_MJML = frozenset({"mj-all", "mj-class"}).union(*_INSIDE.values())
_REFUSED = {
    "mj-include": (
        "<mj-include> reads other files",
        'include a part that mails share: <mj-raw>{% include "_NAME.html" %}</mj-raw>',
    ),
    "mj-preview": ("<mj-preview> in a mail", "write preheader: ... into the front matter"),
}
_UNMARKED = frozenset({"mj-style", "mj-title", "style", "title"})
"""Elements in which a mark of ours could be taken for something else."""
_VOID = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})
_MARKED = frozenset({"href", "src"})
"""Attributes whose values the rules for mails look at."""
_NO_UNIT = re.compile(r"(?<![\w.-])0(?![\w.%])")
"""A zero without its unit. With one in a padding the compiler takes none of it off a width."""

_OPENING = re.compile(r"\{[{%#]")
_QUOTED = r""""(?:\\.|[^"\\])*+"|'(?:\\.|[^'\\])*+'"""
_JINJA = re.compile(
    rf"\{{\{{(?:{_QUOTED}|(?!\}}\}}).)*+\}}\}}|\{{%(?:{_QUOTED}|(?!%\}}).)*+%\}}|\{{#.*?#\}}",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"(?P<comment><!--.*?-->)"
    r"""|<(?P<close>/?)(?P<name>[A-Za-z][\w:.-]*)(?P<rest>(?:"[^"]*"|'[^']*'|[^"'<>])*+)>"""
    r"|(?P<text>[^<]+)",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""\s+([^\s=<>"'/]+)(?:\s*=\s*("[^"]*"|'[^']*'))?""")
_CONDITIONAL = ("<!--[", "<!--<![")


class MjmlError(Exception):
    """The MJML cannot be used: what is wrong on which line of it, and what to do."""

    def __init__(self, line: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a mark stands for; `line` is the source's line behind the first line feed in it.

    `is_meant`: the author wrote it and expects it in the page.
    """

    text: str
    line: int
    is_meant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """MJML as its compiler may have it; `word` finds the number of each mark in it.

    `begins` and `lines` say from which place on a line of the source is the one meant.
    """

    text: str
    word: re.Pattern[str]
    marks: tuple[Mark, ...]
    begins: tuple[int, ...]
    lines: tuple[int, ...]

    def line(self, offset: int) -> int:
        """Return the source's line of a place in the text."""
        return self.lines[max(0, bisect_right(self.begins, offset) - 1)]


def prepare(source: str) -> Prepared:
    """Return the MJML as its compiler may have it; the first thing wrong raises MjmlError."""
    preparing = _Preparing(source)
    pieces, begins, lines, length = [], [], [], 0
    for line, token in preparing.tokens():
        piece = preparing.piece(line, token)
        begins.append(length)
        lines.append(line)
        pieces.append(piece)
        length += len(piece)
    preparing.close()
    return Prepared(
        text="".join(pieces),
        word=preparing.word,
        marks=tuple(preparing.marks),
        begins=tuple(begins),
        lines=tuple(lines),
    )


class _Preparing:
    def __init__(self, source: str) -> None:
        self._prefix = next(word for n in count() if (word := f"qj{n}m") not in source)
        self.word = re.compile(rf"{self._prefix}(\d+)z")
        self.marks: list[Mark] = []
        self._text = self._without_jinja(source)
        """The source with a mark for each tag of Jinja2, and none of the tags' line feeds."""
        self._open: list[tuple[str, int]] = []
        self._seen_root = False
        self._marked_line = 0

    def tokens(self) -> Iterator[tuple[int, re.Match[str]]]:
        """Yield each tag, comment and text with its line."""
        at, line = 0, 1
        while at < len(self._text):
            token = _TOKEN.match(self._text, at)
            if token is None:
                end = "a comment that is not closed"
                tag = "a < that begins no tag, or a tag without its >"
                is_comment = self._text.startswith("<!--", at)
                raise MjmlError(line, end if is_comment else tag, "close it, or write &lt;")
            yield line, token
            line += self._line_feeds(token[0])
            at = token.end()

    def piece(self, line: int, token: re.Match[str]) -> str:
        """Return what the compiler may have of a token."""
        if token["comment"]:
            if token[0].startswith(_CONDITIONAL):
                return self._with_line_feeds(token[0], line)
            # What is only for the author is left out, and what is commented out with it.
            for number in self._numbers(token[0]):
                self.marks[number] = replace(self.marks[number], is_meant=False)
            return ""
        if token["text"]:
            return self._words(token[0], line)
        if token["close"]:
            self._leave(token["name"], line)
            return token[0]
        return self._element(token, line)

    def close(self) -> None:
        """Expect everything to be closed at the end."""
        if self._open:
            name, line = self._open[-1]
            raise MjmlError(line, f"<{name}> is not closed", f"add </{name}>")
        if not self._seen_root:
            raise MjmlError(1, "this is no MJML", "begin with <mjml><mj-body>")

    # --- marks ------------------------------------------------------------------------------

    def _mark(self, text: str, line: int, *, is_meant: bool = False) -> str:
        self.marks.append(Mark(text=text, line=line, is_meant=is_meant))
        return f"{self._prefix}{len(self.marks) - 1}z"

    def _here(self, line: int) -> str:
        """Return a mark that shows nothing and begins a line."""
        self._marked_line = line
        return self._mark("{#\n#}", line)

    def _line_feed(self, line: int) -> str:
        """Return a mark for a line feed in a text, behind which the line begins."""
        self._marked_line = line
        return self._mark("\n", line)

    def _without_jinja(self, source: str) -> str:
        pieces, at, line = [], 0, 1
        while opening := _OPENING.search(source, at):
            before = source[at : opening.start()]
            line += before.count("\n")
            tag = _JINJA.match(source, opening.start())
            if tag is None:
                raise MjmlError(line, f"{opening[0]} is not closed", "close the tag of Jinja2")
            if re.match(r"\{%[-+]?\s*extends\b", tag[0]):
                message = "a mail in MJML fills no layout"
                raise MjmlError(line, message, "include what mails share: {% include ... %}")
            # The line feed begins a line of the page: so Jinja2 names a line that is known.
            lead = 3 if tag[0][2] in "-+" else 2
            text = f"{tag[0][:lead]}\n{tag[0][lead:]}"
            pieces += [before, self._mark(text, line, is_meant=not text.startswith("{#"))]
            line += tag[0].count("\n")
            at = tag.end()
        return "".join([*pieces, source[at:]])

    def _numbers(self, text: str) -> list[int]:
        return [int(found[1]) for found in self.word.finditer(text)]

    def _line_feeds(self, text: str) -> int:
        tags = (self.marks[number].text for number in self._numbers(text))
        return text.count("\n") + sum(tag.count("\n") - 1 for tag in tags)

    def _with_line_feeds(self, text: str, line: int) -> str:
        """Put a mark for each line feed: others the compiler may leave out."""
        pieces = []
        for piece in re.split(rf"(\n|{self.word.pattern.replace('(', '(?:')})", text):
            line += self._line_feeds(piece)
            pieces.append(self._line_feed(line) if piece == "\n" else piece)
        return "".join(pieces)

    # --- what stands in it ------------------------------------------------------------------

    def _inside(self) -> str:
        """Return the element of MJML inside of which we are."""
        return next((name for name, _ in reversed(self._open) if name in _MJML), "")

    def _words(self, text: str, line: int) -> str:
        inside = self._inside()
        if inside not in _CONTENT:
            self._refuse_words(text, line)
            return text
        if self._open[-1][0] in _UNMARKED:
            return text
        first = text.partition("\n")[0].strip()
        begins_line = line != self._marked_line and first and not self.word.match(first)
        return (self._here(line) if begins_line else "") + self._with_line_feeds(text, line)

    def _refuse_words(self, text: str, line: int) -> None:
        stripped = text.lstrip()
        if not stripped:
            return
        line += text[: len(text) - len(stripped)].count("\n")
        if self.word.match(stripped):
            remedy = "put it into <mj-raw>: <mj-raw>{% if ... %}</mj-raw>"
            raise MjmlError(line, "a tag of Jinja2 between elements of MJML", remedy)
        raise MjmlError(line, "text between elements of MJML", "put it into <mj-text>")

    def _element(self, token: re.Match[str], line: int) -> str:
        name, rest = token["name"], token["rest"]
        self._expect(name, line)
        is_whole = rest.endswith("/")
        attributes = self._attributes(rest.removesuffix("/"), name, line)
        if not is_whole and name.lower() not in _VOID:
            self._open.append((name, line))
            if len(self._open) > MAX_NESTING:
                # The compiler goes as deep as it is led, and takes us with it when it falls.
                message = f"more than {MAX_NESTING} elements inside one another"
                raise MjmlError(line, message, "take some of them out")
        return f"<{name}{attributes}{' /' if is_whole else ''}>"

    def _expect(self, name: str, line: int) -> None:
        if name in _REFUSED:
            raise MjmlError(line, *_REFUSED[name])
        inside = self._inside()
        if not name.startswith("mj"):
            if inside not in _CONTENT:
                remedy = "put it into <mj-text> or <mj-raw>"
                raise MjmlError(line, f"<{name}> between elements of MJML", remedy)
            if inside in _PLAIN:
                raise MjmlError(line, f"<{name}> inside of <{inside}>", "write plain text there")
            return
        if name not in _MJML:
            message = f"MJML has no element <{name}>"
            raise MjmlError(line, message, did_you_mean(name, sorted(_MJML)))
        # mj-attributes says how elements look, whatever they stand in.
        known = _MJML if inside == "mj-attributes" else _INSIDE.get(inside, frozenset())
        if name not in known or (name == "mjml" and self._seen_root):
            where = f"inside of <{inside}>" if inside else "outside of <mjml>"
            fitting = ", ".join(f"<{each}>" for each in sorted(known))
            remedy = f"there may be {fitting}" if fitting and inside else "take it out"
            raise MjmlError(line, f"<{name}> {where}", remedy)
        self._seen_root = True

    def _leave(self, name: str, line: int) -> None:
        if self._open and self._open[-1][0] == name:
            self._open.pop()
            return
        if any(opened == name for opened, _ in self._open):
            inner, began = self._open[-1]
            raise MjmlError(began, f"<{inner}> is not closed", f"add </{inner}> before </{name}>")
        raise MjmlError(line, f"</{name}> closes nothing", "take it out, or open it before")

    def _attributes(self, rest: str, name: str, line: int) -> str:
        pieces, at, text = [], 0, rest.rstrip()
        while at < len(text):
            found = _ATTRIBUTE.match(text, at)
            if found is None:
                message = f"an attribute of <{name}> without quotes"
                raise MjmlError(line, message, 'put quotes around its value: name="value"')
            key, quoted = found.groups()
            if self.word.search(key):
                message = "a tag of Jinja2 in the middle of a tag"
                raise MjmlError(line, message, "such tags go into text and quotes")
            # The compiler takes the quotes away and puts double ones.
            value = None if quoted is None else quoted[1:-1].replace('"', "&quot;")
            if value and key in _MARKED and not self.word.match(value):
                at_line = line + self._line_feeds(text[: found.start(2)])
                value = self._here(at_line) + value
            if value and key.endswith("padding"):
                value = _NO_UNIT.sub("0px", value)
            pieces.append(f" {key}" if value is None else f' {key}="{value}"')
            at = found.end()
        return "".join(pieces)
