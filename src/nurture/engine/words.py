"""Say values and conditions in plain words.

A rule is said as its author wrote it: a segment is named, not spelled out. For that the rule's
text is parsed once more with every segment standing for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

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
    Operator,
    Or,
    Ref,
    Sent,
    Silent,
    ValueType,
)
from nurture.core.errors import ProjectError
from nurture.core.event import EventKind
from nurture.core.lead import Stage, Value, Verdict
from nurture.core.project import Project
from nurture.core.score import MILLI
from nurture.engine.moments import say_day, say_seconds
from nurture.project.expressions import parse
from nurture.project.names import names_of
from nurture.project.schema_base import is_date

SEGMENT_MARK = "\u00a7segment "
"""Begins the literal by which a parsed rule still knows that it asked for a segment."""

_FEW_BLANKS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Words for what a project names by keys."""

    project: Project

    # -- values ----------------------------------------------------------------------------------

    def label(self, ref: Ref) -> str:
        """Return what people call the reference."""
        field = self.project.fields.get(ref.text)
        if field is not None:
            return field.label
        match ref.owner:
            case "score":
                return f"{ref.name} score"
            case "verdict":
                return f"gate {ref.name}"
            case _:
                return {"time_zone": "time zone", "email": "address"}.get(ref.name, ref.name)

    def value(self, ref: Ref, value: Value | None) -> str:
        """Return the value as people read it; scores are stored in milli-points."""
        if value is None:
            return "not known"
        if ref.owner == "score" and isinstance(value, int):
            return points(value)
        if ref.text == "stage":
            return self.stage(str(value))
        said = self.answer(ref.text, value)
        # A choice may be a whole sentence; without quotes it would run into ours.
        return f'"{said}"' if said.count(" ") > _FEW_BLANKS and isinstance(value, str) else said

    def answer(self, key: str, value: Value) -> str:
        """Return the value of the field with labels for choices and dates as people write them."""
        field = self.project.fields.get(key)
        labels = field.choices if field is not None else {}
        match value:
            case bool():
                return "yes" if value else "no"
            case int():
                return f"{value:,}" if abs(value) >= 10_000 else str(value)  # noqa: PLR2004
            case tuple():
                return ", ".join(labels.get(item, item) for item in value)
            case str() if field is not None and field.type is ValueType.DATE and is_date(value):
                return iso_day(value)
            case _:
                return labels.get(value, value)

    def literal(self, ref: Ref, value: Value) -> str:
        """Return a literal of a condition: scores are written in points there."""
        return str(value) if ref.owner == "score" else self.value(ref, value)

    def stage(self, key: str) -> str:
        """Return the stage's display name."""
        definition = self.project.qualification.stages.get(Stage(key))
        return definition.name if definition else key

    def template(self, name: str) -> str:
        """Return how a mail is named: by its key, which is what people find in the project."""
        return f"'{name}'"

    def form(self, name: str) -> str:
        """Return how a form is named: title and key."""
        form = self.project.forms.get(name)
        return f"'{form.title}' ({name})" if form else f"'{name}'"

    def sequence(self, name: str) -> str:
        """Return how a sequence is named: title and key."""
        sequence = self.project.sequences.get(name)
        return f"'{sequence.title}' ({name})" if sequence else f"'{name}'"

    def segment(self, name: str) -> str:
        """Return how a segment is named: by its title."""
        segment = self.project.segments.get(name)
        return f"'{segment.title}'" if segment else f"'{name}'"

    # -- conditions ------------------------------------------------------------------------------

    def as_written(self, text: str) -> Condition | None:
        """Return the rule's tree with segments standing for themselves, None if it cannot be read.

        It is for telling only: what stands for a segment answers nothing.
        """
        names = names_of(self.project)
        marks = {name: f"source == '{SEGMENT_MARK}{name}'" for name in names.segments}
        try:
            return parse(text, replace(names, segments=marks))
        except ProjectError:
            return None

    def rule(self, text: str) -> str:
        """Return the rule in plain words; one that this release cannot read stays as it is."""
        condition = self.as_written(text)
        return text if condition is None else self.condition(condition)

    def condition(self, condition: Condition, *, yes: bool = True) -> str:
        """Return the condition in plain words; with `yes` False, its opposite."""
        match condition:
            case Not(term):
                return self.condition(term, yes=not yes)
            case And(terms):
                return self._joined(terms, " and " if yes else " or ", yes=yes)
            case Or(terms):
                return self._joined(terms, " or " if yes else " and ", yes=yes)
            case _:
                return self._leaf(condition, yes=yes)

    def _joined(self, terms: Sequence[Condition], word: str, *, yes: bool) -> str:
        said = []
        if yes and word == " and ":
            inside, rest = self._segments(terms)
            said, terms = ([inside] if inside else []), rest
        for term in terms:
            text = self.condition(term, yes=yes)
            said.append(f"({text})" if isinstance(_bare(term), And | Or) else text)
        return word.join(said)

    def _segments(self, terms: Sequence[Condition]) -> tuple[str, list[Condition]]:
        """Return the segments among the terms in one clause, and the other terms."""
        inside: list[str] = []
        outside: list[str] = []
        rest: list[Condition] = []
        for term in terms:
            name = segment_named(_bare(term))
            if name is None:
                rest.append(term)
            else:
                (outside if _negated(term) else inside).append(self.segment(name))
        if len(inside) + len(outside) < 2:  # noqa: PLR2004 (one needs no gathering)
            return "", list(terms)
        parts = [f"in the segment{'s' * (len(inside) > 1)} {both(inside)}"] if inside else []
        parts += [f"not in {either(outside)}"] if outside else []
        return f"they are {' and '.join(parts)}", rest

    def _leaf(self, condition: Condition, *, yes: bool) -> str:
        name = segment_named(condition)
        if name is not None:
            return f"they are {_not(yes)}in the segment {self.segment(name)}"
        match condition:
            case Constant(value):
                return "in any case" if value is yes else "in no case"
            case Compare():
                return self._compare(condition, yes=yes)
            case OneOf(ref, literals):
                options = either([self.literal(ref, item) for item in literals])
                return f"{self.label(ref)} is {_not(yes)}{options}"
            case Contains(ref, literal):
                verb = "include" if yes else "do not include"
                return f"{self.label(ref)} {verb} {self.answer(ref.text, literal)}"
            case Known(ref):
                return f"{self.label(ref)} is {_not(yes)}known"
            case DateWithin(ref, days):
                return f"{self.label(ref)} is {_not(yes)}within the next {days} days"
            case DatePast(ref):
                return f"{self.label(ref)} is {'today or past' if yes else 'still ahead or open'}"
            case _:
                return self._history(condition, yes=yes)

    def _compare(self, condition: Compare, *, yes: bool) -> str:
        ref, literal = condition.ref, self.literal(condition.ref, condition.literal)
        how = condition.operator if yes else _OPPOSITE[condition.operator]
        if ref.owner == "verdict":
            return f"the {self.label(ref)} {_GATE_SAYS[how, str(condition.literal)]}"
        return f"{self.label(ref)} {_COMPARED[how]} {literal}"

    def _history(self, condition: Condition, *, yes: bool) -> str:
        match condition:
            case Happened(kind, subject, within):
                return f"they {self.happened(kind, subject, yes=yes)}{_within(within)}"
            case Sent(template, within):
                what = self.template(template) if template else "any mail"
                return f"they were {_not(yes)}sent {what}{_within(within)}"
            case Silent(seconds):
                long = say_seconds(seconds)
                said = f"nothing was heard from them for {long}"
                return said if yes else f"they were heard from within {long}"
            case InSequence(sequence, finished):
                state = "been through" if finished else "in"
                verb = "have" if finished else "are"
                return f"they {verb} {_not(yes)}{state} {self.sequence(sequence)}"
            case _:
                raise AssertionError("not a leaf")

    def happened(self, kind: EventKind, subject: str | None, *, yes: bool = True) -> str:
        """Return what a person did, as the rest of a sentence that begins with `they`."""
        did, has_not = _DEEDS.get(kind, (f"had {kind}", f"had no {kind}"))
        text = did if yes else has_not
        return f"{text}{self.about(kind, subject)}"

    def about(self, kind: EventKind, subject: str | None) -> str:
        """Return what the event was about, to be put after what happened."""
        if not subject:
            return ""
        match kind.partition(".")[0]:
            case "message":
                return f" {_WHERE.get(kind, 'for')} {self.template(subject)}"
            case "form":
                return f" {self.form(subject)}"
            case "handoff":
                return ""
            case _:
                return f" '{subject}'"


_WHERE = {
    EventKind.MESSAGE_CLICKED: "in",
    EventKind.MESSAGE_REPLIED: "to",
    EventKind.MESSAGE_UNSUBSCRIBED: "in",
    EventKind.MESSAGE_COMPLAINED: "because of",
}

_DEEDS = {
    EventKind.MESSAGE_CLICKED: ("clicked a link", "clicked no link"),
    EventKind.FORM_SUBMITTED: ("answered the form", "did not answer the form"),
    EventKind.MESSAGE_REPLIED: ("replied", "did not reply"),
    EventKind.PAGE_VIEWED: ("looked at the page", "did not look at the page"),
    EventKind.WEBINAR_ATTENDED: ("attended the webinar", "did not attend the webinar"),
    EventKind.CALL_LOGGED: ("had a call with us", "had no call with us"),
    EventKind.LIST_ADDED: ("were put on the list", "were not put on the list"),
    EventKind.LIST_REMOVED: ("were taken off the list", "were not taken off the list"),
    EventKind.MESSAGE_UNSUBSCRIBED: ("unsubscribed", "did not unsubscribe"),
    EventKind.MESSAGE_COMPLAINED: ("reported our mail as spam", "did not report our mail as spam"),
    EventKind.ERASURE_REQUESTED: ("asked to be forgotten", "did not ask to be forgotten"),
    EventKind.HANDOFF_ACCEPTED: ("were accepted by sales", "were not accepted by sales"),
    EventKind.HANDOFF_REJECTED: ("were turned down by sales", "were not turned down by sales"),
    EventKind.HANDOFF_RECYCLED: ("were given back by sales", "were not given back by sales"),
    EventKind.HANDOFF_DELIVERED: ("were handed to sales", "were not handed to sales"),
    EventKind.SIGNAL_MENTIONED: ("were mentioned", "were not mentioned"),
    EventKind.INTENT_TOPIC: ("read elsewhere about", "did not read elsewhere about"),
    EventKind.REVIEW_VISITED: ("looked at reviews of", "did not look at reviews of"),
}

_COMPARED = {
    Operator.EQ: "is",
    Operator.NE: "is not",
    Operator.LT: "is below",
    Operator.LE: "is at most",
    Operator.GT: "is above",
    Operator.GE: "is at least",
}
_OPPOSITE = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.LT: Operator.GE,
    Operator.GE: Operator.LT,
    Operator.GT: Operator.LE,
    Operator.LE: Operator.GT,
}
_GATE_SAYS = {
    (Operator.EQ, "pass"): "passes",
    (Operator.NE, "pass"): "does not pass",
    (Operator.EQ, "fail"): "fails",
    (Operator.NE, "fail"): "does not fail",
    (Operator.EQ, "unknown"): "is still open",
    (Operator.NE, "unknown"): "is decided",
}


VERDICT_SAYS = {
    Verdict.PASS: "passes",
    Verdict.FAIL: "fails",
    Verdict.UNKNOWN: "is open",
}
"""What a gate's answer is called where the gate is the subject."""


def segment_named(condition: Condition) -> str | None:
    """Return the segment that stands for itself here, None where it is another condition."""
    match condition:
        case Compare(Ref("", "source"), Operator.EQ, str(mark)) if mark.startswith(SEGMENT_MARK):
            return mark.removeprefix(SEGMENT_MARK)
        case _:
            return None


def _bare(condition: Condition) -> Condition:
    return _bare(condition.term) if isinstance(condition, Not) else condition


def _negated(condition: Condition) -> bool:
    return isinstance(condition, Not) and not _negated(condition.term)


def _not(yes: bool) -> str:  # noqa: FBT001 (says what it is in the one place that calls it)
    return "" if yes else "not "


def _within(seconds: int | None) -> str:
    return "" if seconds is None else f" within the last {say_seconds(seconds)}"


def either(options: Sequence[str]) -> str:
    """Return `a`, `a or b`, or `a, b or c`."""
    return _listed(options, " or ")


def both(options: Iterable[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    return _listed(list(options), " and ")


def _listed(options: Sequence[str], word: str) -> str:
    if len(options) < 2:  # noqa: PLR2004 (a list of one needs no word)
        return "".join(options)
    return f"{', '.join(options[:-1])}{word}{options[-1]}"


def points(milli: int) -> str:
    """Return milli-points as points with all three decimals, so that rows can be added up."""
    return f"{milli / MILLI:.3f}"


def iso_day(text: str) -> str:
    """Return an ISO date as people write it."""
    return say_day(date.fromisoformat(text))
