"""Where in the HTML a value stands: a tokenizer that can stop anywhere and go on.

It follows the tokenizer of the HTML standard closely enough to say, at the place of every
`{{ value }}`, whether that is text, which attribute of which tag, a comment or a script.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

_SPACE = " \t\n\r\f"
_LONGEST_END = 12


class Place(StrEnum):
    """The tokenizer's state, as far as anybody outside wants to know it."""

    TEXT = "text"
    RAW = "raw"
    COMMENT = "comment"
    DECLARATION = "declaration"
    LESS_THAN = "less_than"
    END_TAG_OPEN = "end_tag_open"
    TAG_NAME = "tag_name"
    IN_TAG = "in_tag"
    ATTRIBUTE_NAME = "attribute_name"
    AFTER_NAME = "after_name"
    BEFORE_VALUE = "before_value"
    QUOTED = "quoted"
    UNQUOTED = "unquoted"


RAW_TAGS = frozenset(
    {
        *("iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title"),
        "xmp",
    }
)
"""Elements whose content is text up to their own end tag."""

VALUE_ONLY_TEXT = frozenset({"title", "textarea"})
"""Among these, the ones in which entities work, so that escaping is enough."""

VOID_TAGS = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)


MAX_NESTING = 200
"""Tags inside each other. Parsers recurse; some thousands more and they take the process down."""

_TAG = re.compile(
    # What is not closed goes on to the end, as it does for a parser, and is read once.
    r"<!--.*?(?:-->|\Z)|<(/?)([a-zA-Z][^\s/>]*+)(?:\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^'\">])*+",
    re.DOTALL,
)


def nests_too_deeply(document: str) -> bool:
    """Tell whether a document could have more than MAX_NESTING tags inside each other.

    Only an end tag that follows its own start tag in order counts as closing it, so sloppy
    documents look deeper here than to a parser, and none looks shallower.
    """
    opened: list[str] = []
    for closing, name in _TAG.findall(document):
        tag = name.lower()
        if closing:
            if opened and opened[-1] == tag:
                opened.pop()
        elif name and tag not in VOID_TAGS:
            opened.append(tag)
            if len(opened) > MAX_NESTING:
                return True
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """One tag and where it stands in what was fed so far."""

    name: str
    closing: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute with a value, and where it ends in what was fed so far."""

    name: str
    value: str
    end: int


@dataclass(slots=True, kw_only=True)
class Tokenizer:
    """Feed it text piece by piece; read `place` in between."""

    place: Place = Place.TEXT
    tag: str = ""
    closing: bool = False
    attribute: str = ""
    quote: str = ""
    value: str = ""
    raw: str = ""
    fed: int = 0
    tags: list[Tag] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)
    _buffer: str = ""
    _start: int = 0
    _hidden: int = 0

    def copy(self) -> Tokenizer:
        """Return an independent tokenizer in the same state."""
        return replace(self, tags=list(self.tags), attributes=list(self.attributes))

    @property
    def state(self) -> tuple[str, ...]:
        """What two branches must agree on when they meet again."""
        place = self.place
        if place is Place.RAW:
            return (place, self.raw, str(self._hidden))
        if place in {Place.TEXT, Place.COMMENT, Place.DECLARATION}:
            return (place,)
        if place in {Place.IN_TAG, Place.AFTER_NAME}:
            return (Place.IN_TAG, self.tag)
        return (place, self.tag, self.attribute, self.quote)

    def feed(self, text: str) -> None:
        """Go on with literal text."""
        begin, position = self.fed, self._leap(text, 0)
        while position < len(text):
            _STEPS[self.place](self, text[position], begin + position)
            position = self._leap(text, position + 1)
        self.fed += len(text)

    def _leap(self, text: str, position: int) -> int:
        """Go over what changes nothing but is most of a document; return where that ends."""
        if self.place is Place.TEXT:
            return _next("<", text, position)
        if self.place is Place.QUOTED:
            end = _next(self.quote, text, position)
            self.value += text[position:end]
            return end
        # What may begin an end tag, or a script in a script, is read letter by letter.
        if self.place is Place.RAW and self.raw != "script" and "<" not in self._buffer:
            end = _next("<", text, position)
            last = "".join(map(str.lower, text[max(position, end - _LONGEST_END) : end]))
            self._buffer = (self._buffer + last)[-_LONGEST_END:]
            return end
        return position

    def feed_value(self) -> None:
        """Go on behind a value that cannot leave the place where it stands."""
        if self.place is Place.BEFORE_VALUE:
            self.place = Place.UNQUOTED
        elif self.place in {Place.LESS_THAN, Place.END_TAG_OPEN}:
            self.place = Place.TEXT

    # --- one method a state, named after it -------------------------------------------------

    def _text(self, character: str, position: int) -> None:
        if character == "<":
            self.place, self._start = Place.LESS_THAN, position

    def _less_than(self, character: str, position: int) -> None:
        if character.isascii() and character.isalpha():
            self._begin_tag(character, closing=False)
        elif character == "/":
            self.place = Place.END_TAG_OPEN
        elif character in "!?":
            self.place, self._buffer = Place.DECLARATION, character
        else:
            self.place = Place.TEXT
            self._text(character, position)

    def _end_tag_open(self, character: str, position: int) -> None:
        if character.isascii() and character.isalpha():
            self._begin_tag(character, closing=True)
        else:
            self.place, self._buffer = Place.DECLARATION, "/"
            self._declaration(character, position)

    def _begin_tag(self, character: str, *, closing: bool) -> None:
        self.place, self.tag, self.closing = Place.TAG_NAME, character.lower(), closing
        self.attribute = self.value = ""

    def _tag_name(self, character: str, position: int) -> None:
        if character in _SPACE or character == "/":
            self.place = Place.IN_TAG
        elif character == ">":
            self._end_tag(position)
        else:
            self.tag += character.lower()

    def _in_tag(self, character: str, position: int) -> None:
        if character == ">":
            self._end_tag(position)
        elif character not in _SPACE and character != "/":
            self.place, self.attribute = Place.ATTRIBUTE_NAME, character.lower()

    def _attribute_name(self, character: str, position: int) -> None:
        if character == "=":
            self.place = Place.BEFORE_VALUE
        elif character == ">":
            self._end_tag(position)
        elif character in _SPACE:
            self.place = Place.AFTER_NAME
        elif character == "/":
            self.place = Place.IN_TAG
        else:
            self.attribute += character.lower()

    def _after_name(self, character: str, position: int) -> None:
        if character == "=":
            self.place = Place.BEFORE_VALUE
        elif character not in _SPACE:
            self.place = Place.IN_TAG
            self._in_tag(character, position)

    def _before_value(self, character: str, position: int) -> None:
        if character in "\"'":
            self.place, self.quote, self.value = Place.QUOTED, character, ""
        elif character == ">":
            self._end_tag(position)
        elif character not in _SPACE:
            self.place, self.quote, self.value = Place.UNQUOTED, "", character

    def _quoted(self, character: str, position: int) -> None:
        if character == self.quote:
            self._end_attribute(position)
            self.place = Place.IN_TAG
        else:
            self.value += character

    def _unquoted(self, character: str, position: int) -> None:
        if character == ">":
            self._end_attribute(position)
            self._end_tag(position)
        elif character in _SPACE:
            self._end_attribute(position)
            self.place = Place.IN_TAG
        else:
            self.value += character

    def _end_attribute(self, position: int) -> None:
        self.attributes.append(Attribute(name=self.attribute, value=self.value, end=position))

    def _end_tag(self, position: int) -> None:
        tag = Tag(name=self.tag, closing=self.closing, start=self._start, end=position + 1)
        self.tags.append(tag)
        self.place, self._buffer = Place.TEXT, ""
        if not self.closing and self.tag in RAW_TAGS:
            self.place, self.raw, self._hidden = Place.RAW, self.tag, 0

    def _raw(self, character: str, position: int) -> None:
        tail = self._buffer = (self._buffer + character.lower())[-_LONGEST_END:]
        end, ends_name = f"</{self.raw}", character in _SPACE or character in "/>"
        if self.raw == "script" and self._hides_end(tail, ends_name=ends_name):
            return
        if ends_name and tail[:-1].endswith(end):
            self.tag, self.closing, self.attribute = self.raw, True, ""
            self.place, self._start = Place.IN_TAG, position - len(end)
            self._in_tag(character, position)

    def _hides_end(self, tail: str, *, ends_name: bool) -> bool:
        """Tell whether a script, by a script in a comment in it, does not end here."""
        if tail.endswith("<!--"):
            self._hidden = max(self._hidden, 1)
        elif tail.endswith("-->"):
            self._hidden = 0
        elif self._hidden and ends_name and tail[:-1].endswith(("<script", "</script")):
            inner = self._hidden == 2  # noqa: PLR2004 (in the inner script)
            opens = tail[:-1].endswith("<script")
            self._hidden = 2 if opens else 1
            return inner or opens
        return False

    def _declaration(self, character: str, position: int) -> None:
        if self._buffer == "!-" and character == "-":
            self.place, self._buffer = Place.COMMENT, ""
        elif character == ">":
            self.place = Place.TEXT
        else:
            self._buffer += character

    def _comment(self, character: str, position: int) -> None:
        ends = character == ">" and (
            self._buffer.endswith(("--", "--!")) or self._buffer in {"", "-"}
        )
        if ends:
            self.place = Place.TEXT
        else:
            self._buffer += character


def _next(character: str, text: str, position: int) -> int:
    found = text.find(character, position)
    return len(text) if found < 0 else found


_STEPS: Mapping[Place, Callable[[Tokenizer, str, int], None]] = {
    place: getattr(Tokenizer, f"_{place}") for place in Place
}
