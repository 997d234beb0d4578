"""Explain a condition for one lead: the tree as written, each node with its answer and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

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
    Ref,
    Sent,
    Silent,
    holds,
    judge,
    last_life,
    last_sent,
    last_time,
    value_of,
)
from nurture.core.errors import MisuseError
from nurture.core.event import EventKind
from nurture.core.lead import Verdict
from nurture.core.project import Segment
from nurture.engine.person import Person
from nurture.engine.words import VERDICT_SAYS, segment_named

NEVER = "never"
UNTOLD = "not known"
"""Why an answer about something is what it is, of which nobody has told us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A part of a rule in plain words: whether it is so for this lead, and by what value.

    `answer` is unknown only in gates, where a question about something unknown has no answer.
    `otherwise` says the opposite of `text`, for whoever tells what is not so.
    """

    text: str
    answer: Verdict
    because: str = ""
    otherwise: str = ""
    parts: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentExplained:
    """Whether a lead is in a segment, and why."""

    name: str
    title: str
    text: str
    inside: bool
    tree: Node


def explain_segment(person: Person, name: str, *, now: datetime) -> SegmentExplained:
    """Say why the lead is, or is not, in the segment."""
    segment = person.project.segments.get(name)
    if segment is None:
        known = ", ".join(sorted(person.project.segments))
        raise MisuseError(f"there is no segment {name!r}; there are: {known}")
    return SegmentExplained(
        name=name,
        title=segment.title,
        text=segment.text,
        inside=holds(segment.when, person.facts, now=now),
        tree=explain_rule(person, segment.text, segment.when, now=now),
    )


def explain_rule(
    person: Person, text: str, condition: Condition, *, now: datetime, gate: bool = False
) -> Node:
    """Explain a rule by its text as written; `gate` lets what is unknown stay unknown.

    A rule that the project in force cannot read any more is explained by its tree.
    """
    written = person.words.as_written(text)
    return _Explainer(person, now, gate=gate).node(condition if written is None else written)


def leaves_of(node: Node) -> Iterator[Node]:
    """Yield the nodes that are not taken apart further."""
    if not node.parts:
        yield node
    for part in node.parts:
        yield from leaves_of(part)


class _Explainer:
    def __init__(self, person: Person, now: datetime, *, gate: bool) -> None:
        self.person = person
        self.words = person.words
        self.now = now
        self.gate = gate

    def node(self, condition: Condition, *, yes: bool = True) -> Node:
        """Return the node; with `yes` False the one that says the opposite."""
        match condition:
            case Not(term):
                return self.node(term, yes=not yes)
            case And() | Or():
                return self.several(condition, yes=yes)
            case _:
                return self.leaf(condition, yes=yes)

    def several(self, condition: And | Or, *, yes: bool) -> Node:
        # Told from its leaves up: "not (A and B)" is "not A, or not B" (De Morgan), so that every
        # leaf below says what the rule wants of it and whether it has that.
        parts = tuple(self.node(term, yes=yes) for term in condition.terms)
        every = isinstance(condition, And) is yes
        answers = {part.answer for part in parts}
        # One "no" settles an "and", one "yes" an "or", whatever is not known beside it.
        settles = Verdict.FAIL if every else Verdict.PASS
        left = Verdict.UNKNOWN if Verdict.UNKNOWN in answers else _turned(settles, yes=False)
        return Node(
            text="all of these" if every else "at least one of these",
            answer=settles if settles in answers else left,
            parts=parts,
        )

    def leaf(self, condition: Condition, *, yes: bool) -> Node:
        text = self.words.condition(condition, yes=yes)
        segment = self.segment(condition)
        if segment is not None:
            within = self.words.as_written(segment.text) or segment.when
            inside = self.node(within, yes=yes)
            return Node(text=text, answer=inside.answer, parts=(inside,))
        because = self.because(condition)
        ref = _read_by(condition)
        return Node(
            text=text,
            answer=_turned(self.answer(condition), yes=yes),
            because=because,
            # What nobody has told us is not the opposite: it is not known.
            otherwise=(
                f"{self.words.label(ref)} is {UNTOLD}"
                if ref is not None and because == UNTOLD
                else self.words.condition(condition, yes=not yes)
            ),
        )

    def segment(self, condition: Condition) -> Segment | None:
        name = segment_named(condition)
        return None if name is None else self.person.project.segments.get(name)

    def answer(self, condition: Condition) -> Verdict:
        if self.gate:
            return judge(condition, self.person.facts, now=self.now)
        so = holds(condition, self.person.facts, now=self.now)
        return Verdict.PASS if so else Verdict.FAIL

    def because(self, condition: Condition) -> str:
        match condition:
            case Known(ref) if value_of(ref, self.person.facts) is None:
                return ""
            case (
                Compare(ref=ref)
                | OneOf(ref=ref)
                | Contains(ref=ref)
                | Known(ref=ref)
                | DateWithin(ref=ref)
                | DatePast(ref=ref)
            ):
                return self.value(ref)
            case Happened(EventKind.LIST_ADDED, subject):
                return self.listed(subject)
            case Happened(kind, subject):
                return self.last(last_time(self.person.facts, kind, subject))
            case Sent(template):
                return self.last(last_sent(self.person.facts, template))
            case Silent():
                at = last_life(self.person.lead)
                return f"last sign of life {self.person.zones.both(at)}"
            case InSequence() | Constant():
                return ""
            case _:
                raise AssertionError("not a leaf")

    def value(self, ref: Ref) -> str:
        value = value_of(ref, self.person.facts)
        if value is None:
            return UNTOLD
        if ref.owner == "verdict":
            return f"it {VERDICT_SAYS[Verdict(str(value))]}"
        said = f"it is {self.words.value(ref, value)}"
        told = self.person.provenance.at(ref.text, self.now)
        return f"{said} ({told.said(self.words, self.person.zones)})" if told else said

    def listed(self, subject: str | None) -> str:
        on = last_time(self.person.facts, EventKind.LIST_ADDED, subject)
        off = last_time(self.person.facts, EventKind.LIST_REMOVED, subject)
        if on is None and off is not None:
            return f"taken off {self.person.zones.both(off)}"
        return self.last(on)

    def last(self, at: datetime | None) -> str:
        return NEVER if at is None else f"last {self.person.zones.both(at)}"


def _read_by(condition: Condition) -> Ref | None:
    """Return what the leaf compares, None if it asks for something else."""
    match condition:
        case (
            Compare(ref=ref)
            | OneOf(ref=ref)
            | Contains(ref=ref)
            | DateWithin(ref=ref)
            | DatePast(ref=ref)
        ):
            return ref
        case _:
            return None


def _turned(answer: Verdict, *, yes: bool) -> Verdict:
    turned = {Verdict.PASS: Verdict.FAIL, Verdict.FAIL: Verdict.PASS}
    return answer if yes else turned.get(answer, answer)
