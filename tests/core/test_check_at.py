"""When a lead is looked at again: early enough for everything, and not before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from nurture.core.assess import Assessment, assess
from nurture.core.condition import (
    Compare,
    Condition,
    DatePast,
    DateWithin,
    Facts,
    Happened,
    OneOf,
    Operator,
    Or,
    Sent,
    Silent,
    holds,
)
from nurture.core.event import EventKind
from nurture.core.history import History
from nurture.core.lead import IN_PLAY, Lead, Stage
from nurture.core.next_check import REQUALIFY, engagement_thresholds
from nurture.core.project import Project
from nurture.core.score import Tally
from tests.core.builders import (
    DAY,
    ENGAGEMENT,
    HOUR,
    LEAD,
    NOW,
    QUALIFICATION,
    READINESS,
    REVISIT_ON,
    SECOND,
    TODAY,
    WORKSPACE,
    assessed,
    at_least,
    definition,
    equals,
    facts,
    lead,
    project,
    qualified,
)
from tests.core.passages import (
    email,
    sequence,
)

CLICKED, REPLIED = EventKind.MESSAGE_CLICKED, EventKind.MESSAGE_REPLIED
TICK = timedelta(microseconds=1)


def midnight(day: date) -> datetime:
    """Return the beginning of the day at home."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


# --- one reason at a time -----------------------------------------------------------------------

LATEST = {(CLICKED, "guide"): NOW - DAY, (CLICKED, "case"): NOW - HOUR}


@pytest.mark.parametrize(
    ("watches", "known", "check_at"),
    [
        pytest.param(None, {}, NOW + REQUALIFY, id="nothing to wait for"),
        pytest.param(
            Happened(CLICKED, "guide", 2 * 86400), {"latest": LATEST}, NOW + DAY, id="a window ends"
        ),
        pytest.param(
            Happened(CLICKED, None, 2 * 86400), {"latest": LATEST}, NOW + 2 * DAY - HOUR,
            id="the window of the last of several",
        ),
        pytest.param(
            Happened(CLICKED, "guide", 3600), {"latest": LATEST}, NOW + REQUALIFY,
            id="a window that is over",
        ),
        pytest.param(
            Happened(CLICKED), {"latest": LATEST}, NOW + REQUALIFY, id="what has no window"
        ),
        pytest.param(
            Happened(REPLIED, None, 60), {"latest": LATEST}, NOW + REQUALIFY, id="what never was"
        ),
        pytest.param(
            Sent("guide", 7200), {"sent": {"guide": NOW - HOUR}}, NOW + HOUR, id="a mail ages"
        ),
        pytest.param(
            Sent(None, 7200), {"sent": {"a": NOW, "b": NOW - HOUR}}, NOW + 2 * HOUR, id="any mail"
        ),
        pytest.param(Sent("case", 7200), {"sent": {}}, NOW + REQUALIFY, id="no mail"),
        pytest.param(Silent(3 * 86400), {}, NOW + 2 * DAY, id="silence grows long enough"),
    ],
)  # fmt: skip
def test_history_turns(
    watches: Condition | None, known: Mapping[str, object], check_at: datetime
) -> None:
    found = assess(facts(LEAD, **known), History(), project(watches=watches), now=NOW)
    assert found.check_at == check_at


@pytest.mark.parametrize(
    ("watches", "days", "turns"),
    [
        pytest.param(DateWithin(REVISIT_ON, 7), 20, 13, id="soon begins"),
        pytest.param(DateWithin(REVISIT_ON, 7), 7, 7, id="the day itself"),
        pytest.param(DateWithin(REVISIT_ON, 7), 0, 1, id="soon ends after the day"),
        pytest.param(DatePast(REVISIT_ON), 5, 5, id="past begins on the day"),
    ],
)
def test_dates_turn_at_midnight(watches: Condition, days: int, turns: int) -> None:
    who = lead(profile={"revisit_on": (TODAY + days * DAY).isoformat()})
    found = assessed(who, rules=project(watches=watches))
    assert found.check_at == midnight(TODAY + turns * DAY)


@pytest.mark.parametrize("day", ["", "9999-12-31", "0001-01-01", "after the summer", 5])
def test_a_date_that_never_comes_stops_nothing(day: str | int) -> None:
    who = lead(profile={"revisit_on": day})
    found = assessed(who, rules=project(watches=DateWithin(REVISIT_ON, 7)))
    assert found.check_at == NOW + REQUALIFY


@pytest.mark.parametrize(
    ("history", "check_at"),
    [
        pytest.param(History(next_expiry=NOW + HOUR), NOW + HOUR, id="a fact expires"),
        pytest.param(
            History(left_at={"welcome": NOW - 5 * DAY}), NOW + 5 * DAY, id="entry opens again"
        ),
        pytest.param(
            History(left_at={"gone": NOW - 5 * DAY}), NOW + REQUALIFY, id="a sequence of old"
        ),
    ],
)
def test_what_else_turns(history: History, check_at: datetime) -> None:
    rules = project(sequence(email(), reentry_seconds=10 * 86400, enter=at_least(READINESS, 99)))
    assert assessed(LEAD, history, rules).check_at == check_at


def test_a_sequence_that_is_entered_once_opens_never_again() -> None:
    history = History(left_at={"welcome": NOW - 5 * DAY})
    assert assessed(LEAD, history, project(sequence(email()))).check_at == NOW + REQUALIFY


def test_the_silence_of_the_stage_is_waited_for() -> None:
    who = lead(last_life_at=NOW - 74 * DAY, captured_at=NOW - 100 * DAY)
    assert assessed(who).check_at == NOW + DAY


def test_a_stage_without_silence_is_not() -> None:
    who = lead(last_life_at=NOW - 74 * DAY, captured_at=NOW - 100 * DAY)
    stages = {**QUALIFICATION.stages, Stage.LEAD: definition(Stage.LEAD)}
    assert assessed(who, rules=project(stages=stages)).check_at == NOW + REQUALIFY
    assert assessed(who, rules=project(stages={})).check_at == NOW + REQUALIFY


def replies(count: int = 1) -> Tally:
    """Return replies of today: 20 points each, half of it in ten days."""
    return Tally(kind=REPLIED, subject="", day=TODAY.toordinal(), count=count)


@pytest.mark.parametrize(
    ("watches", "days"),
    [
        pytest.param(Compare(ENGAGEMENT, Operator.GT, 10), 10, id="not above 10 any more"),
        pytest.param(at_least(ENGAGEMENT, 10), 10, id="on 10: a day before it is below"),
        pytest.param(equals(ENGAGEMENT, 20), 1, id="not 20 any more"),
        pytest.param(OneOf(ENGAGEMENT, (5, 15)), 5, id="the nearest of several"),
        pytest.param(OneOf(ENGAGEMENT, (21,)), None, id="what is above it is never reached"),
        pytest.param(at_least(ENGAGEMENT, 0), None, id="nor is anything below nothing"),
        pytest.param(equals(READINESS, 6), 8, id="readiness falls with it"),
        pytest.param(OneOf(READINESS, (6,)), 8, id="in a list too"),
    ],
)
def test_a_fading_score_is_looked_at_when_it_passes_a_threshold(
    watches: Condition, days: int | None
) -> None:
    rules = project(watches=watches, engagement=replace(QUALIFICATION.engagement, bands={}))
    found = assessed(LEAD, History(tallies=[replies()]), rules)
    passes = NOW + REQUALIFY if days is None else midnight(TODAY + days * DAY)
    assert found.check_at == passes


def test_bands_are_thresholds_too() -> None:
    found = assessed(LEAD, History(tallies=[replies(2)]))
    assert found.standing.engagement == 40_000
    assert found.check_at == midnight(TODAY + 7 * DAY)


def test_readiness_without_engagement_has_no_threshold_in_it() -> None:
    rules = replace(QUALIFICATION.readiness, engagement_weight=0, fit_weight=100)
    engaged = engagement_thresholds(project(readiness=rules), fit_value=0)
    assert engaged == sorted({v for p in (60, 25) for v in (1000 * p, 1000 * p + 1)})


# --- never too late: a property -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """A lead with its history under a project, at a moment."""

    who: Lead
    latest: Mapping[tuple[EventKind, str], datetime]
    sent: Mapping[str, datetime]
    history: History
    rules: Project
    now: datetime

    def facts(self, now: datetime) -> Facts:
        """Return the same facts at another moment: only the date moves on."""
        day = now.astimezone(ZoneInfo(self.rules.workspace.time_zone)).date()
        return Facts(lead=self.who, today=day, latest=self.latest, sent=self.sent)

    def at(self, now: datetime) -> Assessment:
        """Assess the lead at another moment."""
        return assess(self.facts(now), self.history, self.rules, now=now)

    def answers(self, now: datetime) -> tuple[object, ...]:
        """Return everything that a rule can say about the lead: scores themselves may move."""
        found = self.at(now)
        facts = self.facts(now)
        seen = replace(facts, lead=replace(facts.lead, standing=found.standing))
        asked = [holds(leaf, seen, now=now) for leaf in self.rules.leaves]
        standing = replace(found.standing, engagement=0, readiness=0)
        return standing, found.moves, found.enter, found.hand_off, found.locked, asked


_seconds = st.sampled_from((3600, 86400, 3 * 86400, 14 * 86400, 40 * 86400))
_operators = st.sampled_from(Operator)
_leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Happened, st.just(CLICKED), st.sampled_from((None, "guide", "case")), _seconds),
    st.builds(Sent, st.sampled_from((None, "guide")), _seconds),
    st.builds(Silent, _seconds),
    st.builds(DateWithin, st.just(REVISIT_ON), st.integers(0, 20)),
    st.just(DatePast(REVISIT_ON)),
    st.builds(Compare, st.just(ENGAGEMENT), _operators, st.integers(0, 60)),
    st.builds(Compare, st.just(READINESS), _operators, st.integers(0, 60)),
    st.builds(OneOf, st.just(READINESS), st.tuples(st.integers(0, 60), st.integers(0, 60))),
)
_ages = st.integers(min_value=0, max_value=40 * 24 * 60).map(lambda minutes: minutes * SECOND * 60)


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    now = NOW + draw(st.integers(min_value=0, max_value=365 * 24 * 3600)) * SECOND
    zone = draw(st.sampled_from(["Europe/Berlin", "Africa/Cairo", "America/Havana", "UTC"]))
    day = now.astimezone(ZoneInfo(zone)).date()
    watched = draw(st.lists(_leaves, min_size=1, max_size=3).map(tuple))
    entry = draw(_leaves)
    days = draw(st.integers(-3, 40))
    who = draw(st.sampled_from([LEAD, qualified()]))
    who = replace(
        who,
        captured_at=now - 100 * DAY,
        last_life_at=now - 2 * draw(_ages),
        profile={**who.profile, "revisit_on": (day + days * DAY).isoformat()},
    )
    rules = project(
        sequence(email(), enter=entry, reentry_seconds=draw(_seconds)), watches=Or(watched)
    )
    tally = st.builds(
        Tally,
        kind=st.sampled_from([CLICKED, REPLIED, EventKind.FORM_SUBMITTED]),
        subject=st.just("guide"),
        day=st.integers(day.toordinal() - 60, day.toordinal()),
        count=st.integers(1, 3),
    )
    left = {"welcome": now - draw(_ages)} if draw(st.booleans()) else {}
    return Case(
        who=who,
        latest={(CLICKED, subject): now - draw(_ages) for subject in ("guide", "case")},
        sent={template: now - draw(_ages) for template in ("guide", "case")},
        history=History(tallies=draw(st.lists(tally, max_size=5)), left_at=left),
        rules=replace(rules, workspace=replace(WORKSPACE, time_zone=zone)),
        now=now,
    )


@settings(max_examples=60)
@given(_cases(), st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_until_it_is_looked_at_again_nothing_changes_for_a_lead(
    case: Case, fractions: list[float]
) -> None:
    found = case.at(case.now)
    if found.check_at is None:
        return
    assert case.now < found.check_at
    assert found.check_at <= case.now + REQUALIFY or found.standing.stage not in IN_PLAY
    settled = replace(case, who=replace(case.who, standing=found.standing))
    expected = settled.answers(case.now)
    span = found.check_at - TICK - case.now
    for moment in [case.now + span * fraction for fraction in (*fractions, 1)]:
        told = f"changed by {moment}, seen only at {found.check_at}"
        assert settled.answers(moment) == expected, told


@given(st.lists(st.integers(0, 30), min_size=2, max_size=2, unique=True))
def test_thresholds_are_in_order_and_on_both_sides_of_each_value(values: list[int]) -> None:
    watches = Or(tuple(at_least(ENGAGEMENT, value) for value in values))
    found = engagement_thresholds(project(watches=watches), fit_value=0)
    assert all(one < other for one, other in pairwise(found))
    assert {1000 * value + step for value in values for step in (0, 1)} <= set(found)
