"""The text of a condition: what may stand in it, and Jinja2's tree of it."""

from __future__ import annotations

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.parser import Parser

from nurture.project.codes import Code

MAX_LETTERS = 4000
MAX_DEPTH = 20


class Refused(Exception):
    """This part says nothing that could be read on; the finding goes on the list."""

    def __init__(self, code: Code, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.told = (code, message, remedy)


_TOKENS = frozenset(
    {
        "name", "string", "integer", "float", "lparen", "rparen", "lbracket", "rbracket", "comma",
        "dot", "eq", "ne", "lt", "lteq", "gt", "gteq", "assign", "sub",
    }
)  # fmt: skip
# Not the environment of the mails: this one only ever parses.
_JINJA = Environment(autoescape=True)


def expression(text: str) -> nodes.Node:
    """Return Jinja2's tree of the text, refusing before what the language does not have."""
    try:
        _admit(text)
        parser = Parser(_JINJA, text, state="variable")
        node = parser.parse_expression()
    except TemplateSyntaxError as error:
        message = f"cannot be read: {error.message}"
        remedy = "check quotes, brackets and operators"
        raise Refused(Code.CONDITION_SYNTAX, message, remedy) from error
    if not parser.stream.eos:
        message = f'"{parser.stream.current.value}" is not expected here'
        raise Refused(Code.CONDITION_SYNTAX, message, 'join two conditions with "and" or "or"')
    return node


def _admit(text: str) -> None:
    """Refuse what the language does not have before Jinja2 makes a tree of it."""
    if len(text) > MAX_LETTERS:
        message = f"longer than {MAX_LETTERS} letters"
        raise Refused(Code.CONDITION_TOO_LARGE, message, "split it into segments")
    strange = next((letter for letter in text if letter == "\\" or not _is_plain(letter)), None)
    if strange is not None:
        shown = strange if strange.isprintable() else f"U+{ord(strange):04X}"
        message = f'the character "{shown}" has no place in a condition'
        raise Refused(Code.CONDITION_LANGUAGE, message, "remove it")
    depth = nots = 0
    for token in _JINJA.lexer.tokenize(text, state="variable"):
        if token.type not in _TOKENS or token.test_any("name:if", "name:else", "name:is"):
            message = f'"{token.value}" is not part of the condition language'
            remedy = "use and, or, not, in, comparisons and the functions of the reference"
            raise Refused(Code.CONDITION_LANGUAGE, message, remedy)
        depth += (token.type in ("lparen", "lbracket")) - (token.type in ("rparen", "rbracket"))
        nots = nots + 1 if token.type == "sub" or token.test("name:not") else 0
        if max(depth, nots) > MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels"
            raise Refused(Code.CONDITION_TOO_LARGE, message, "split it into segments")


def _is_plain(letter: str) -> bool:
    return letter.isprintable() or letter in "\n\r\t"
