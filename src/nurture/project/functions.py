"""The functions of the condition language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from nurture.core.condition import (
    Condition,
    DatePast,
    DateWithin,
    Happened,
    InSequence,
    Known,
    Ref,
    Sent,
    Silent,
    ValueType,
)
from nurture.core.event import EventKind
from nurture.project import durations
from nurture.project.codes import Code
from nurture.project.names import Names
from nurture.project.nearest import did_you_mean

Argument = Ref | str | int | float | bool | None

Refusal = tuple[Code, str, str]
"""Code, message and remedy."""


class _Bad(Exception):
    def __init__(self, code: Code, message: str, remedy: str) -> None:
        super().__init__(message)
        self.refusal = (code, message, remedy)


class _Arguments:
    """The arguments of one call, taken one by one."""

    def __init__(
        self,
        function: str,
        arguments: Sequence[Argument],
        named: Mapping[str, Argument],
        names: Names,
    ) -> None:
        self.function = function
        self.left = list(arguments)
        self.named = dict(named)
        self.names = names

    def bad(self, message: str) -> _Bad:
        return _Bad(Code.CONDITION_ARGUMENTS, f"{self.function}(): {message}", self.usage)

    @property
    def usage(self) -> str:
        return f"write {USAGE[self.function]}"

    def text(self, what: str) -> str:
        if not self.left:
            raise self.bad(f"{what} is missing")
        value = self.left.pop(0)
        if not isinstance(value, str) or not value:
            raise self.bad(f"{what} is text in quotes")
        return value

    def name(self, what: str, known: Iterable[str]) -> str:
        value = self.text(what)
        if value not in known:
            message = f'unknown {what} "{value}"'
            raise _Bad(Code.CONDITION_UNKNOWN, message, did_you_mean(value, known))
        return value

    def optional_name(self, what: str, known: Iterable[str]) -> str | None:
        return self.name(what, known) if self.left else None

    def ref(self) -> Ref:
        value = self.left.pop(0) if self.left else None
        if not isinstance(value, Ref):
            raise self.bad("a field is missing")
        return value

    def date(self) -> Ref:
        ref = self.ref()
        if ref.type is not ValueType.DATE:
            message = f"{self.function}(): {ref.text} is no date"
            raise _Bad(Code.CONDITION_TYPE, message, self.usage)
        return ref

    def duration(self) -> int:
        return self._seconds(self.text("a duration"))

    def within(self) -> int | None:
        value = self.named.pop("within", None)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.bad("within is a duration in quotes")
        return self._seconds(value)

    def _seconds(self, text: str) -> int:
        try:
            return durations.seconds(text)
        except ValueError as error:
            raise self.bad(f'"{text}": {error}') from error

    def end(self) -> None:
        if self.left:
            raise self.bad("too many arguments")
        if self.named:
            raise self.bad(f'no argument is called "{min(self.named)}"')


def call(
    function: str, arguments: Sequence[Argument], named: Mapping[str, Argument], names: Names
) -> Condition | str | Refusal:
    """Return the condition, a refusal, or the name of the segment that in_segment asks for."""
    if function not in _FUNCTIONS:
        message = f"unknown function {function}()"
        return (Code.CONDITION_FUNCTION, message, did_you_mean(function, _FUNCTIONS))
    given = _Arguments(function, arguments, named, names)
    try:
        made = _FUNCTIONS[function](given)
        given.end()
    except _Bad as bad:
        return bad.refusal
    return made


def _known(given: _Arguments) -> Condition:
    ref = given.ref()
    if ref.owner not in ("lead", "account") and ref.name != "source":
        raise given.bad(f"{ref.text} is always known")
    return Known(ref)


def _clicked(given: _Arguments) -> Condition:
    template = given.optional_name("template", given.names.templates)
    return Happened(EventKind.MESSAGE_CLICKED, template, given.within())


def _submitted(given: _Arguments) -> Condition:
    form = given.optional_name("form", given.names.forms)
    return Happened(EventKind.FORM_SUBMITTED, form, given.within())


def _replied(given: _Arguments) -> Condition:
    return Happened(EventKind.MESSAGE_REPLIED, None, given.within())


def _sent(given: _Arguments) -> Condition:
    return Sent(given.optional_name("template", given.names.templates), given.within())


def subjects(kind: EventKind, names: Names) -> tuple[str, frozenset[str] | None]:
    """Return what events of the kind are about, and the names of it if the project fixes them."""
    match kind.partition(".")[0]:
        case "message":
            return "template", names.templates
        case "form":
            return "form", names.forms
        case "consent":
            return "topic", names.topics
        case _:
            return "subject", None


def _happened(given: _Arguments) -> Condition:
    kinds = [kind.value for kind in EventKind]
    kind = EventKind(given.name("event kind", kinds))
    subject = None
    if given.left:
        what, known = subjects(kind, given.names)
        subject = given.text(what) if known is None else given.name(what, known)
    return Happened(kind, subject, given.within())


def _silent(given: _Arguments) -> Condition:
    return Silent(given.duration())


def _soon(given: _Arguments) -> Condition:
    ref = given.date()
    seconds = given.duration()
    if seconds % durations.DAY:
        raise given.bad("dates have no hours, so this must be whole days")
    return DateWithin(ref, seconds // durations.DAY)


def _past(given: _Arguments) -> Condition:
    return DatePast(given.date())


def _in_segment(given: _Arguments) -> str:
    return given.name("segment", given.names.segments)


def _enrolled(given: _Arguments) -> Condition:
    return InSequence(given.name("sequence", given.names.sequences), finished=False)


def _completed(given: _Arguments) -> Condition:
    return InSequence(given.name("sequence", given.names.sequences), finished=True)


_FUNCTIONS: Mapping[str, Callable[[_Arguments], Condition | str]] = {
    "known": _known,
    "clicked": _clicked,
    "submitted": _submitted,
    "replied": _replied,
    "sent": _sent,
    "happened": _happened,
    "silent": _silent,
    "soon": _soon,
    "past": _past,
    "in_segment": _in_segment,
    "enrolled": _enrolled,
    "completed": _completed,
}

USAGE: Mapping[str, str] = {
    "known": "known(lead.x)",
    "clicked": "clicked(), clicked('TEMPLATE') or clicked('TEMPLATE', within='14d')",
    "submitted": "submitted(), submitted('FORM') or submitted('FORM', within='14d')",
    "replied": "replied() or replied(within='14d')",
    "sent": "sent(), sent('TEMPLATE') or sent('TEMPLATE', within='14d')",
    "happened": "happened('event.kind'), happened('event.kind', 'subject', within='14d')",
    "silent": "silent('60d')",
    "soon": "soon(lead.x, '30d')",
    "past": "past(lead.x)",
    "in_segment": "in_segment('SEGMENT')",
    "enrolled": "enrolled('SEQUENCE')",
    "completed": "completed('SEQUENCE')",
}
"""How each function is written."""
