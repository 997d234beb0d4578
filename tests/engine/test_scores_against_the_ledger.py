"""Stored scores are what the whole ledger gives, whatever came in, in whatever order and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from sqlalchemy import select

from nurture.core.condition import Compare, Condition, Happened, Operator, Ref, ValueType
from nurture.core.event import EventKind, NewEvent
from nurture.core.lead import IN_PLAY
from nurture.core.policy import zone
from nurture.core.project import EngagementGroup, EngagementRule, Project, Segment
from nurture.engine import assess, intake
from nurture.engine.assess_again import scores_that_differ, segments_that_differ
from nurture.engine.explain_score import explain_lead
from nurture.engine.runtime import today
from nurture.store import segment_sql
from nurture.store.db import Database
from nurture.store.tables import events, leads
from tests.engine.programme import Programme, row, starter

SIZE = 24
ROUNDS = 14
HAPPENINGS = (
    *((EventKind.PAGE_VIEWED, subject) for subject in ("pricing", "careers", "news")),
    *((EventKind.MESSAGE_CLICKED, subject) for subject in ("leak-walk", "dairy-case")),
    *((EventKind.FORM_SUBMITTED, s) for s in ("leak-guide", "profile-basics", "plant-details")),
    (EventKind.FORM_SUBMITTED, "book-a-walkthrough"),
    (EventKind.MESSAGE_REPLIED, ""),
    (EventKind.MESSAGE_UNSUBSCRIBED, ""),
    (EventKind.CALL_LOGGED, ""),
    (EventKind.WEBINAR_ATTENDED, "ä😀"),
    (EventKind.SIGNAL_MENTIONED, ""),
    (EventKind.SCORE_ADJUSTED, "by hand"),
    (EventKind.MESSAGE_DELIVERED, ""),
)


def asking(name: str, owner: str, how: Operator, limit: int) -> Condition:
    """Return a condition on a score."""
    return Compare(Ref(owner, name, ValueType.NUMBER), how, limit)


ASKED: dict[str, Condition] = {
    "warm": asking("engagement", "score", Operator.GE, 25),
    "cool": asking("engagement", "score", Operator.LT, 12),
    "over-forty": asking("engagement", "score", Operator.GT, 40),
    "at-most-seven": asking("engagement", "score", Operator.LE, 7),
    "ready": asking("readiness", "", Operator.GE, 45),
    "far": asking("readiness", "", Operator.LE, 30),
    "clicked": Happened(EventKind.MESSAGE_CLICKED, "leak-walk", 9 * 86400),
}


def asks_of_scores() -> Project:
    """Return the starter with segments that hang on scores and time."""
    segments = {
        name: Segment(name=name, title=name, description="", when=when, text="true")
        for name, when in ASKED.items()
    }
    return replace(starter(), segments={**starter().segments, **segments})


class World:
    """Leads to whom things happen in a disorderly way."""

    def __init__(self, database: Database, seed: int) -> None:
        self.programme = Programme(database, project=asks_of_scores())
        self.random = Random(seed)
        self.number = 0
        self.programme.bring(
            *(row(f"p{n}@plant{n}.example", company=f"Plant {n}") for n in range(SIZE))
        )
        with database.read() as connection:
            self.ids = list(connection.scalars(select(leads.c.id).order_by(leads.c.id)))

    def live(self) -> None:
        """Let time pass, and report what happened: late, twice, by machines, even too early."""
        pick = self.random.choice
        self.programme.now += timedelta(hours=self.random.randrange(1, 90))
        now = self.programme.now
        new = [self._event() for _ in range(self.random.randrange(5, 60))]
        new += [replace(pick(new), source_key=f"again {now} {n}") for n in range(25)]
        new += [pick(new) for _ in range(5)]
        self.random.shuffle(new)
        project = self.programme.project
        for start in range(0, len(new), 20):
            with self.programme.database.write() as connection:
                part = new[start : start + 20]
                intake.record(self.programme.runtime, connection, part, project=project, now=now)

    def _event(self) -> NewEvent:
        self.number += 1
        kind, subject = self.random.choice(HAPPENINGS)
        late = self.random.choice((0, 0, 1, 26, 24 * 9, 24 * 60))
        return NewEvent(
            lead_id=self.random.choice(self.ids),
            kind=kind,
            subject=subject,
            occurred_at=self.programme.now
            - timedelta(hours=late, minutes=self.random.randrange(-90, 1400)),
            source="test",
            source_key=str(self.number),
            human=self.random.random() < 0.85,
            points=self.random.randrange(-9, 15) if kind is EventKind.SCORE_ADJUSTED else 0,
        )

    def settle(self) -> None:
        """Assess whoever is due."""
        while assess.run(self.programme.runtime, now=self.programme.now).leads:
            pass


def by_the_book(project: Project, happened: list[tuple[EventKind, str, int, int]], day: int) -> int:
    """Work the score out from single events, plainly: the oracle of this test."""
    total = 0
    for group in project.qualification.engagement.groups:
        worth = sum(_rule_worth(group, rule, happened, day) for rule in group.rules)
        total += min(max(worth, group.minimum * 1000), group.maximum * 1000)
    total += sum(1000 * given for kind, _, _, given in happened if kind == "score.adjusted")
    return min(max(total, 0), 1000 * project.qualification.engagement.maximum)


def _rule_worth(
    group: EngagementGroup,
    rule: EngagementRule,
    happened: list[tuple[EventKind, str, int, int]],
    day: int,
) -> int:
    earlier = group.rules[: group.rules.index(rule)]
    mine = [
        at
        for kind, about, at, _ in happened
        if _is(rule, kind, about) and not any(_is(other, kind, about) for other in earlier)
    ]
    kept: list[int] = []
    for at in sorted(mine, reverse=True):
        full = rule.max_per_day is not None and kept.count(at) >= rule.max_per_day
        if not full and (rule.max_count is None or len(kept) < rule.max_count):
            kept.append(at)
    fade = group.half_life_days
    return sum(
        round(1000 * rule.points * (1 if fade is None else 0.5 ** ((day - at) / fade)))
        for at in kept
    )


def _is(rule: EngagementRule, kind: str, about: str) -> bool:
    return rule.kind == kind and rule.subject in ("", about)


def ledger_of(world: World, lead_id: int, until: datetime) -> list[tuple[EventKind, str, int, int]]:
    """Return what a person did until then: kind, subject, day at home, points."""
    home = zone(world.programme.project.workspace.time_zone)
    with world.programme.database.read() as connection:
        rows = connection.execute(select(events).where(events.c.lead_id == lead_id)).all()
    return [
        (EventKind(r.kind), r.subject, r.occurred_at.astimezone(home).toordinal(), r.points)
        for r in rows
        if r.human and r.occurred_at <= until
    ]


def standing(world: World) -> Iterator[tuple[int, dict[str, object]]]:
    for lead_id in world.ids:
        yield lead_id, dict(world.programme.standing(lead_id))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_stored_score_is_what_the_whole_ledger_gives(database: Database, seed: int) -> None:
    world = World(database, seed)
    compared = moved = 0
    for _ in range(ROUNDS):
        world.live()
        world.settle()
        for lead_id, found in standing(world):
            at = found["assessed_at"]
            assert isinstance(at, datetime)
            if found["stage"] in IN_PLAY:
                check_at = found["check_at"]
                assert isinstance(check_at, datetime)
                assert check_at > world.programme.now
            day = today(world.programme.project, at).toordinal()
            expected = by_the_book(world.programme.project, ledger_of(world, lead_id, at), day)
            assert found["engagement"] == expected, lead_id
            compared += 1
            moved += expected > 0
        with database.read() as connection:
            assert (
                scores_that_differ(world.programme.runtime, connection, now=world.programme.now)[1]
                == ()
            )
    assert compared == ROUNDS * SIZE
    assert moved > compared // 3, "most of these leads did nothing: this proves little"


def test_row_10_explained_rows_add_up_to_what_is_stored(database: Database) -> None:
    world = World(database, 3)
    for _ in range(4):
        world.live()
        world.settle()
    lost = dict.fromkeys(("over_day", "over_count", "faded", "over_group"), 0)
    for lead_id, found in standing(world):
        with database.read() as connection:
            told = explain_lead(
                world.programme.runtime, connection, lead_id, now=world.programme.now
            )
        for axis in told.axes:
            assert sum(line.net for line in axis.rows) == axis.value
            assert all(line.raw - line.lost == line.net for line in axis.rows), axis.name
        if found["assessed_at"] == world.programme.now:
            assert told.engagement.value == found["engagement"]
        ids = [(line.group, line.evidence) for line in told.engagement.rows]
        assert len(set(ids)) == len(ids)
        for name in lost:
            lost[name] += sum(bool(getattr(line, name)) for line in told.engagement.rows)
    assert all(lost.values()), f"not every limit was met: {lost}"


def test_between_assessments_no_segment_goes_stale(database: Database) -> None:
    world = World(database, 4)
    project = world.programme.project
    answers = changed = 0
    for _ in range(ROUNDS):
        world.live()
        for _ in range(3):
            world.settle()
            with database.read() as connection:
                checked, broken = segments_that_differ(
                    world.programme.runtime, connection, now=world.programme.now
                )
                found = segment_sql.count(
                    connection,
                    project.segments["warm"].when,
                    now=world.programme.now,
                    today=today(project, world.programme.now),
                )
            assert broken == ()
            answers += checked
            changed += found
            world.programme.now += timedelta(hours=world.random.randrange(5, 200))
    assert answers > 2000
    assert changed > ROUNDS


def test_a_report_from_a_clock_ahead_of_ours_happened_when_it_came(database: Database) -> None:
    programme = Programme(database)
    programme.bring(row("bo@plant.example"))
    lead_id = programme.lead("bo@plant.example")
    early = programme.now + timedelta(minutes=3)
    programme.happens(lead_id, EventKind.MESSAGE_REPLIED, at=early)
    while assess.run(programme.runtime, now=programme.now).leads:
        pass
    assert programme.standing(lead_id)["engagement"] == 30_000 - 10_000 + _faded_guide(programme)


def _faded_guide(programme: Programme) -> int:
    age = (programme.now - datetime(2026, 8, 20, 10, tzinfo=UTC)).days + 1
    left: float = 0.5 ** (age / 45)
    return round(10_000 * left)
