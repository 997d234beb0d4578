"""Who joined and who left a segment since an earlier look, and what about them changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from nurture.core.assess import assess
from nurture.core.errors import MisuseError
from nurture.core.event import SIGNS_OF_LIFE
from nurture.core.known import as_statement, known
from nurture.core.lead import Lead, Stage, Value, Verdict
from nurture.core.project import Project, Segment
from nurture.engine.explain import Node, explain_rule, leaves_of
from nurture.engine.moments import say_day
from nurture.engine.person import Person, look_at
from nurture.engine.runtime import Runtime, asked_by, today
from nurture.engine.segments import MOST_KEPT, rule_of
from nurture.store import profiles, records, segment_days, segment_sql
from nurture.store.db import Connection
from nurture.store.history import Asked, read_facts, read_history
from nurture.store.segment_days import Look, Moved

MOST_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """A lead that joined or left. `at`: the look that saw it first, and its day; None: none has.

    `why` are the lines of the rule that changed; if the ledger cannot tell which did (`changed`
    False), those that decide now.
    """

    uid: str
    email: str
    at: datetime | None
    seen_on: date | None
    why: tuple[str, ...]
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Movers:
    """How many moved one way, and the first of them."""

    leads: int
    shown: tuple[Mover, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What became of a segment since an earlier look at it."""

    name: str
    title: str
    since: datetime
    since_day: date
    leads_then: int
    leads_now: int
    rule_changed: bool
    joined: Movers
    left: Movers


def changes(
    runtime: Runtime, name: str, *, now: datetime, since: date | None = None, limit: int = 10
) -> Changes:
    """Compare the segment now with the last look before today, or at the end of `since`."""
    with runtime.database.read() as connection:
        project = runtime.in_force(connection).project
        segment = _segment(project, name)
        day = today(project, now)
        kept = segment_days.looks(connection, day=day, names=[name]).get(name, [])
        look, then = _look(name, kept, since)
        asked = segment_days.Asked(name=name, when=segment.when, now=now, today=day)
        joined = segment_days.joined_since(connection, asked, then, limit=limit)
        left = segment_days.left_since(connection, asked, then, limit=limit)
        tell = _Teller(runtime, connection, segment, then, now)
        return Changes(
            name=name,
            title=segment.title,
            since=then,
            since_day=look.day,
            leads_then=look.leads,
            leads_now=segment_sql.count(connection, segment.when, now=now, today=day),
            rule_changed=look.rule != rule_of(segment),
            joined=Movers(leads=joined[0], shown=tuple(tell.each(joined[1], inside=True))),
            left=Movers(leads=left[0], shown=tuple(tell.each(left[1], inside=False))),
        )


def _segment(project: Project, name: str) -> Segment:
    segment = project.segments.get(name)
    if segment is None:
        there = ", ".join(sorted(project.segments))
        raise MisuseError(f"there is no segment {name!r}; there are: {there}")
    return segment


def _look(name: str, kept: Sequence[Look], since: date | None) -> tuple[Look, datetime]:
    """Return the last look at the members, up to the day if one is named, and its time."""
    usable = [(one, one.at) for one in kept if one.at is not None]
    if not usable:
        if kept and kept[-1].leads > MOST_KEPT:
            raise MisuseError(
                f"{name}: {kept[-1].leads:,} leads are in it, and of more than {MOST_KEPT:,} is "
                "not kept who they are; make a segment that fewer leads meet"
            )
        raise MisuseError(
            f"{name}: nobody has looked at it before today; the nightly hygiene does, so ask again "
            "tomorrow"
        )
    found = [one for one in usable if since is None or one[0].day <= since]
    if not found:
        raise MisuseError(
            f"--since {since}: who was in {name!r} is known from {usable[0][0].day} on "
            f"({say_day(usable[0][0].day)})"
        )
    return found[-1]


# -- why -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Teller:
    """Says of a few leads what changed, by asking the rule as of then and as of now."""

    runtime: Runtime
    connection: Connection
    segment: Segment
    then: datetime
    now: datetime

    def each(self, moved: Sequence[Moved], *, inside: bool) -> Iterator[Mover]:
        for one in moved:
            person = look_at(self.runtime, self.connection, one.lead_id, now=self.now)
            why, changed = self.why(person, inside=inside)
            yield Mover(
                uid=person.lead.uid,
                email=person.lead.email,
                at=one.at,
                seen_on=today(person.project, one.at) if one.at else None,
                why=why,
                changed=changed,
            )

    def why(self, person: Person, *, inside: bool) -> tuple[tuple[str, ...], bool]:
        if person.lead.standing.stage is Stage.ERASED:
            return ("they are erased",), True
        rule = self.segment.text, self.segment.when
        after = explain_rule(person, *rule, now=self.now)
        before = explain_rule(_as_of(self.connection, person, self.then), *rule, now=self.then)
        turned = Verdict.PASS if inside else Verdict.FAIL
        pairs = zip(leaves_of(before), leaves_of(after), strict=True)
        changed = [new for old, new in pairs if old.answer is not new.answer]
        if changed and after.answer is turned and before.answer is not turned:
            return tuple(_line(node) for node in changed[:MOST_LINES]), True
        return tuple(_line(node) for node in _deciding(after))[:MOST_LINES], False


def _line(node: Node) -> str:
    said = node.text if node.answer is Verdict.PASS else node.otherwise or node.text
    return f"{said} ({node.because})" if node.because else said


def _deciding(node: Node) -> Iterator[Node]:
    """Yield the leaves that answer as the whole does: one of them at least is why."""
    if not node.parts:
        yield node
    for part in node.parts:
        if part.answer is node.answer:
            yield from _deciding(part)


def _as_of(connection: Connection, person: Person, then: datetime) -> Person:
    """Return the person as the ledger tells it of then: what was recorded since is not known."""
    lead = _lead_then(connection, person.lead, then)
    asked = asked_by(person.project)
    wider = Asked(latest=asked.latest | SIGNS_OF_LIFE, tallied=asked.tallied)
    day = today(person.project, then)
    facts = read_facts(connection, {lead.id: lead}, wider, now=then, today=day)[lead.id]
    life = [at for (kind, _), at in facts.latest.items() if kind in SIGNS_OF_LIFE]
    lead = replace(lead, last_life_at=max(life, default=None))
    facts = replace(facts, lead=lead)
    history = read_history(connection, {lead.id: lead}, asked, now=then)[lead.id]
    found = assess(facts, history, person.project, now=then).standing
    # Its moves are on record; where the rules would put it is not asked.
    standing = replace(found, stage=lead.standing.stage)
    return replace(person, facts=replace(facts, lead=replace(lead, standing=standing)))


def _lead_then(connection: Connection, lead: Lead, then: datetime) -> Lead:
    rows = profiles.facts_of(connection, lead.id, lead.account_id)
    told = [r for r in rows if r["recorded_at"] <= then and r["occurred_at"] <= then]
    values: dict[str, dict[str, Value]] = {"lead": {}, "account": {}}
    for key, one in known(map(as_statement, told), then).items():
        owner, _, field = key.partition(".")
        values[owner][field] = one.held.value
    stage = lead.standing.stage
    for at, move in reversed(records.moves_of(connection, lead.id)):
        if at > then:
            stage = move.before
    return replace(
        lead,
        profile=values["lead"],
        account=values["account"],
        standing=replace(lead.standing, stage=stage),
    )
