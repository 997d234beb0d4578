"""A shadow run: what would another qualification say of the same leads? Nothing is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from heapq import heappush, heappushpop

import numpy as np

from nurture.calibrate.cases import LEAST_OF_EACH, Flags, Numbers
from nurture.calibrate.ledger import Target, ledger_of, won_of
from nurture.calibrate.measure import Auc, auc, auc_gained
from nurture.core.assess import Assessment, assess
from nurture.core.condition import Facts, OneOf, Ref, ValueType
from nurture.core.lead import IN_PLAY
from nurture.core.project import Project, Qualification
from nurture.core.score import MILLI, Contribution, engagement, fit, readiness
from nurture.engine.assess_again import as_of_now
from nurture.engine.explain_score import LOWEST_BAND, NO_BAND, band_of
from nurture.engine.explained import UNKNOWN_BAND
from nurture.engine.runtime import Runtime, asked_by, today
from nurture.store.db import Connection
from nurture.store.history import Asked
from nurture.store.reporting import hold_still
from nurture.store.segment_sql import Page, count, matching

BATCH = 1000
MOST_REASONS = 3
_IN_PLAY = OneOf(Ref("", "stage", ValueType.CHOICE), tuple(sorted(map(str, IN_PLAY))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a rule gave before and gives after, in milli-points; for a limit, what it let pass."""

    axis: str
    rule: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one of the two says of a lead: scores in milli-points, everything else by its name."""

    fit: int
    engagement: int
    readiness: int
    said: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """A lead whose fit or engagement changes, and the rules that make the difference."""

    uid: str
    email: str
    before: Side
    after: Side
    because: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """So many leads that go from one answer to another."""

    before: str
    after: str
    leads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """One thing that is said of a lead, of how many it changes, and how."""

    name: str
    leads: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """How well a score sorts the same decided cases before and after, and what is gained."""

    score: str
    before: Auc
    after: Auc
    gained: Auc


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What sales made of handoffs; without `sorts` there are too few of either end."""

    target: Target
    cases: int
    won: int
    sorts: tuple[Sorted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What would change if the second qualification were in force instead of the first."""

    now: datetime
    versions: tuple[int, int]
    same: bool
    leads: int
    changed: int
    aspects: tuple[Aspect, ...]
    movers: tuple[Mover, ...]
    outcomes: tuple[Outcome, ...]


def compare(
    runtime: Runtime,
    draft: Project,
    *,
    now: datetime,
    movers: int = 10,
    progress: Callable[[int], None] = lambda _: None,
) -> Compared:
    """Ask both of every lead in play as of now, in batches. `progress` hears how many are done."""
    with runtime.database.read() as connection:
        project = runtime.in_force(connection).project
    with runtime.database.read() as connection:
        hold_still(connection)
        outcomes = tuple(_outcome(connection, project, draft, target) for target in Target)
    found = _Found(most=movers)
    asked = _both(asked_by(project), asked_by(draft))
    day = today(project, now)
    for ids in _pages(runtime, now, day):
        with runtime.database.read() as connection:
            for facts, history in as_of_now(connection, ids, asked, now=now, today=day):
                first = assess(facts, history, project, now=now)
                second = assess(facts, history, draft, now=now)
                found.take(facts, (project, first), (draft, second))
        progress(found.leads)
    return Compared(
        now=now,
        versions=(project.qualification.version, draft.qualification.version),
        same=_rules(project) == _rules(draft),
        leads=found.leads,
        changed=found.changed,
        aspects=found.aspects(),
        movers=found.movers(),
        outcomes=outcomes,
    )


def leads_in_play(runtime: Runtime, *, now: datetime) -> int:
    """Return how many leads a comparison looks at."""
    with runtime.database.read() as connection:
        day = today(runtime.in_force(connection).project, now)
        return count(connection, _IN_PLAY, now=now, today=day)


def _rules(project: Project) -> Qualification:
    """Return the rules without what only says which version they are, and who signed it."""
    return replace(project.qualification, version=0, signatures=())


def _both(first: Asked, second: Asked) -> Asked:
    return Asked(
        latest=first.latest | second.latest,
        tallied=first.tallied | second.tallied,
        limited=first.limited | second.limited,
    )


def _pages(runtime: Runtime, now: datetime, day: date) -> Iterator[list[int]]:
    last = 0
    while True:
        with runtime.database.read() as connection:
            page = Page(limit=BATCH, after_id=last)
            ids = matching(connection, _IN_PLAY, page, now=now, today=day)
        if not ids:
            return
        yield ids
        last = ids[-1]


# -- leads ---------------------------------------------------------------------------------------

Judged = tuple[Project, Assessment]


@dataclass(slots=True, kw_only=True)
class _Found:
    """Counts, and the largest movers so far: its size does not grow with the leads."""

    most: int
    leads: int = 0
    changed: int = 0
    _steps: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _heap: list[tuple[int, int, Mover]] = field(default_factory=list)

    def take(self, facts: Facts, first: Judged, second: Judged) -> None:
        """Count one lead, and keep it if it is among those that move most."""
        self.leads += 1
        before, after = _side(*first), _side(*second)
        steps = [
            (name, old, after.said[name])
            for name, old in before.said.items()
            if old != after.said[name]
        ]
        self._steps.update(steps)
        way = max(abs(after.fit - before.fit), abs(after.engagement - before.engagement))
        self.changed += bool(steps or way)
        # Of leads that move as far, those who came first stay, whoever is met when.
        rank = way, -facts.lead.id
        if not way or (len(self._heap) == self.most and rank < self._heap[0][:2]):
            return
        mover = Mover(
            uid=facts.lead.uid,
            email=facts.lead.email,
            before=before,
            after=after,
            because=_because(first[1], second[1]),
        )
        keep = heappush if len(self._heap) < self.most else heappushpop
        keep(self._heap, (*rank, mover))

    def movers(self) -> tuple[Mover, ...]:
        """Return those that move most, the farthest first."""
        return tuple(mover for _, _, mover in sorted(self._heap, key=lambda m: m[:2], reverse=True))

    def aspects(self) -> tuple[Aspect, ...]:
        """Return what changes of how many leads, with the most frequent ways first."""
        names = dict.fromkeys(name for name, _, _ in self._steps)
        found = []
        for name in names:
            own = [
                Step(before=old, after=new, leads=leads)
                for (what, old, new), leads in self._steps.items()
                if what == name
            ]
            steps = sorted(own, key=lambda one: (-one.leads, one.before, one.after))
            total = sum(one.leads for one in own)
            found.append(Aspect(name=name, leads=total, steps=tuple(steps)))
        return tuple(sorted(found, key=lambda one: (-one.leads, one.name)))


def _side(project: Project, found: Assessment) -> Side:
    rules, standing = project.qualification, found.standing
    band = band_of(rules.engagement.bands, standing.engagement // MILLI, LOWEST_BAND)
    return Side(
        fit=standing.fit,
        engagement=standing.engagement,
        readiness=standing.readiness,
        said={
            "grade": standing.grade,
            "engagement band": band,
            "cell": f"{standing.grade}{band}",
            "readiness band": (
                band_of(rules.readiness.bands, standing.readiness, NO_BAND)
                if standing.readiness_known
                else UNKNOWN_BAND
            ),
            "stage": str(standing.stage),
            "temperature": str(standing.temperature),
            "handed over": "yes" if found.hand_off else "no",
            **{f"gate {gate}": str(said) for gate, said in standing.verdicts.items()},
        },
    )


def _because(first: Assessment, second: Assessment) -> tuple[Difference, ...]:
    found: list[Difference] = []
    (engaged_then, fitting_then), (engaged, fitting) = first.scores, second.scores
    for axis, old, new in (
        ("fit", fitting_then.score.rows, fitting.score.rows),
        ("engagement", engaged_then.rows, engaged.rows),
    ):
        before, after = _by_rule(old), _by_rule(new)
        found += [
            Difference(axis=axis, rule=rule, before=before[rule], after=after[rule])
            for rule in dict.fromkeys((*before, *after))
            if before[rule] != after[rule]
        ]
    found.sort(key=lambda one: (-abs(one.after - one.before), one.axis, one.rule))
    return tuple(found[:MOST_REASONS])


def _by_rule(rows: Sequence[Contribution]) -> Counter[str]:
    net: Counter[str] = Counter()
    for row in rows:
        net[row.rule if row.group == "fit" else f"{row.group}.{row.rule}"] += row.net
    return net


# -- outcomes ------------------------------------------------------------------------------------


def _outcome(connection: Connection, project: Project, draft: Project, target: Target) -> Outcome:
    """Measure both on the same decided handoffs, by what was known at the moment of each."""
    won, before = _scores(connection, project, target)
    _, after = _scores(connection, draft, target)
    wins = int(won.sum())
    enough = min(wins, len(won) - wins) >= LEAST_OF_EACH
    return Outcome(
        target=target,
        cases=len(won),
        won=wins,
        sorts=tuple(
            Sorted(
                score=name,
                before=auc(won, points),
                after=auc(won, after[name]),
                gained=auc_gained(won, points, after[name]),
            )
            for name, points in before.items()
            if enough
        ),
    )


def _scores(
    connection: Connection, project: Project, target: Target
) -> tuple[Flags, dict[str, Numbers]]:
    ledger, model = ledger_of(connection, project, target), project.qualification
    fitting = [fit(model.fit, one.facts, now=one.at).score.value for one in ledger.decided]
    engaged = [
        engagement(model.engagement, one.tallies, day=one.day).value for one in ledger.decided
    ]
    ready = [
        readiness(model.readiness, fit=fits, engagement=points)
        for fits, points in zip(fitting, engaged, strict=True)
    ]
    scores = {"fit": fitting, "engagement": engaged, "readiness": ready}
    return won_of(ledger), {name: np.array(each, dtype=float) for name, each in scores.items()}
