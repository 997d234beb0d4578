"""Print a condition as an author would write it."""

from __future__ import annotations

from typing import assert_never

from nurture.core.condition import (
    And,
    Compare,
    Condition,
    Constant,
    Contains,
    DatePast,
    DateWithin,
    Happened,
    InSequence,
    Known,
    Not,
    OneOf,
    Or,
    Sent,
    Silent,
)
from nurture.core.event import EventKind
from nurture.core.lead import Value
from nurture.project import durations


def to_text(condition: Condition) -> str:
    """Return text that parses to the same tree."""
    match condition:
        case Or(terms):
            return " or ".join(to_text(term) for term in terms)
        case And(terms):
            return " and ".join(_inside(term, Or) for term in terms)
        case Not(OneOf(ref, literals)):
            return f"{ref.text} not in {_literal_list(literals)}"
        case Not(Contains(ref, literal)):
            return f"{_literal(literal)} not in {ref.text}"
        case Not(term):
            return f"not {_inside(term, And, Or)}"
        case _:
            return _leaf(condition)


def _inside(term: Condition, *looser: type) -> str:
    """Return the term, in brackets if it binds less tightly than what is around it."""
    text = to_text(term)
    return f"({text})" if isinstance(term, looser) else text


def _leaf(condition: Condition) -> str:
    match condition:
        case Constant(value):
            return _literal(value)
        case Compare(ref, operator, literal):
            return f"{ref.text} {operator.value} {_literal(literal)}"
        case OneOf(ref, literals):
            return f"{ref.text} in {_literal_list(literals)}"
        case Contains(ref, literal):
            return f"{_literal(literal)} in {ref.text}"
        case Known(ref):
            return f"known({ref.text})"
        case DatePast(ref):
            return f"past({ref.text})"
        case DateWithin(ref, days):
            return f"soon({ref.text}, '{days}d')"
        case Happened() | Sent() | Silent() | InSequence():
            return _history(condition)
        case And() | Or() | Not():
            raise AssertionError("not a leaf")
        case _ as unknown:
            assert_never(unknown)


_SHORT = {EventKind.MESSAGE_CLICKED: "clicked", EventKind.FORM_SUBMITTED: "submitted"}


def _history(condition: Happened | Sent | Silent | InSequence) -> str:
    match condition:
        case Happened(kind, subject, within) if kind in _SHORT:
            return _called(_SHORT[kind], subject, within=within)
        case Happened(EventKind.MESSAGE_REPLIED, None, within):
            return _called("replied", within=within)
        case Happened(kind, subject, within):
            return _called("happened", kind.value, subject, within=within)
        case Sent(template, within):
            return _called("sent", template, within=within)
        case Silent(seconds):
            return _called("silent", durations.to_text(seconds))
        case InSequence(sequence, finished):
            return _called("completed" if finished else "enrolled", sequence)
        case _ as unknown:
            assert_never(unknown)


def _called(function: str, *arguments: str | None, within: int | None = None) -> str:
    given = [_literal(argument) for argument in arguments if argument is not None]
    if within is not None:
        given.append(f"within='{durations.to_text(within)}'")
    return f"{function}({', '.join(given)})"


def _literal(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str():
            return _quoted(value)
        case tuple():
            return _literal_list(value)


def _literal_list(values: tuple[Value, ...]) -> str:
    return f"[{', '.join(_literal(value) for value in values)}]"


def _quoted(text: str) -> str:
    """Quote without backslashes; text with both kinds of quotes becomes two strings that join."""
    if "'" not in text:
        return f"'{text}'"
    if '"' not in text:
        return f'"{text}"'
    return " ".join(f"'{part}'" if part != "'" else '"\'"' for part in _split(text))


def _split(text: str) -> list[str]:
    parts = [part for piece in text.split("'") for part in (piece, "'")][:-1]
    return [part for part in parts if part]
