"""Who joined and who left a segment since an earlier look, and which line of its rule changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.core.condition import And, Compare, Happened, Operator, Ref, ValueType
from nurture.core.errors import MisuseError
from nurture.core.event import EventKind
from nurture.core.project import Segment
from nurture.engine import segments, tick
from nurture.engine.by_hand import Who
from nurture.engine.lists import Removal, import_list, take_off
from nurture.engine.segment_changes import Changes, Movers, changes
from nurture.store.db import Database
from tests.engine.programme import Programme, row, starter

BO, CY, DI = "bo@plant.example", "cy@plant.example", "di@plant.example"
ON = Happened(EventKind.LIST_ADDED, "fair")
BIG = Compare(Ref("account", "employees", ValueType.NUMBER), Operator.GE, 250)
TEXT = "happened('list.added', 'fair') and account.employees >= 250"


@pytest.fixture
def fair(database: Database) -> Programme:
    """Return a programme whose segment is big plants on a list; Bo is in it since yesterday."""
    segment = Segment(name="fair", title="Fair", description="", when=And((ON, BIG)), text=TEXT)
    project = replace(starter(), segments={**starter().segments, "fair": segment})
    programme = Programme(database, project=project)
    programme.bring(*(row(who, company=who) for who in (BO, CY, DI)))
    put(programme, BO)
    tomorrow(programme)
    return programme


def put(programme: Programme, *people: str) -> None:
    """Put people on the list."""
    file = "\n".join(("email", *people))
    import_list(programme.runtime, "fair", file.encode(), now=programme.now)


def tomorrow(programme: Programme, *, days: int = 1) -> None:
    """Let the nightly look happen and a day or more pass."""
    tick.hygiene(programme.runtime, programme.ways, now=programme.now)
    programme.now += timedelta(days=days)


def compared(programme: Programme, days_ago: int | None = None) -> Changes:
    """Compare the segment with the last look, or with that of some days ago."""
    since = None if days_ago is None else programme.now.date() - timedelta(days=days_ago)
    return changes(programme.runtime, "fair", now=programme.now, since=since)


def addresses(moved: Movers) -> list[str]:
    """Return who moved."""
    return [one.email for one in moved.shown]


def test_whoever_joins_and_leaves_is_named_with_the_line_that_changed(fair: Programme) -> None:
    put(fair, CY)
    who = Who(name="Ada", reason="Left")
    take_off(fair.runtime, "fair", Removal(people=[BO], who=who), now=fair.now)
    found = compared(fair)
    assert (found.leads_then, found.leads_now, found.joined.leads, found.left.leads) == (1, 1, 1, 1)
    (joined,), (left,) = found.joined.shown, found.left.shown
    assert (joined.email, joined.at, joined.changed) == (CY, None, True)
    assert len(joined.why) == 1
    assert joined.why[0].startswith("they were put on the list 'fair' (last Wed 2 Sep 2026")
    assert (left.email, left.at, left.changed) == (BO, None, True)
    assert left.why[0].startswith("they were not put on the list 'fair' (taken off Wed 2 Sep 2026")


def test_a_changed_answer_is_the_line_that_changed(fair: Programme) -> None:
    fair.tells(fair.lead(BO), account__employees=40)
    fair.tick()
    (left,) = compared(fair).left.shown
    assert left.changed
    assert len(left.why) == 1
    assert "it is 40" in left.why[0]


def test_a_night_in_which_nobody_moved_leaves_everybody_where_they_were(fair: Programme) -> None:
    tomorrow(fair)
    found = compared(fair)
    assert (found.joined.leads, found.left.leads, found.leads_now) == (0, 0, 1)


def test_an_earlier_day_is_compared_as_of_its_own_look(fair: Programme) -> None:
    put(fair, CY)
    tomorrow(fair, days=3)
    put(fair, DI)
    assert addresses(compared(fair).joined) == [DI]
    found = compared(fair, days_ago=4)
    assert addresses(found.joined) == [CY, DI]
    seen = [(one.at, one.seen_on) for one in found.joined.shown]
    look = fair.now - timedelta(days=3)
    assert seen == [(look, look.date()), (None, None)]
    assert compared(fair, days_ago=2).since_day == fair.now.date() - timedelta(days=3)


def test_whoever_left_and_came_back_between_two_days_has_not_moved(fair: Programme) -> None:
    fair.tells(fair.lead(BO), account__employees=40)
    tomorrow(fair)
    fair.tells(fair.lead(BO), account__employees=400)
    tomorrow(fair)
    assert addresses(compared(fair, days_ago=2).joined) == [BO]
    found = compared(fair, days_ago=3)
    assert (found.joined.leads, found.left.leads) == (0, 0)


def test_a_day_before_the_first_look_is_refused_with_the_first_one(fair: Programme) -> None:
    with pytest.raises(MisuseError, match="is known from 2026-09-01 on"):
        compared(fair, days_ago=9)
    fair.now -= timedelta(days=1)
    with pytest.raises(MisuseError, match="nobody has looked at it before today"):
        compared(fair)


def test_of_too_many_leads_only_the_count_is_kept(
    fair: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(fair, CY)
    monkeypatch.setattr(segments, "MOST_KEPT", 1)
    monkeypatch.setattr("nurture.engine.segment_changes.MOST_KEPT", 1)
    tomorrow(fair)
    with pytest.raises(MisuseError, match="of more than 1 is not kept who they are"):
        compared(fair)
    (found,) = [o for o in segments.counts(fair.runtime, now=fair.now) if o.segment.name == "fair"]
    assert found.change == 0


def test_a_rule_that_was_changed_is_told(fair: Programme) -> None:
    assert not compared(fair).rule_changed
    segment = replace(fair.project.segments["fair"], when=ON)
    project = replace(fair.project, segments={**fair.project.segments, "fair": segment})
    changed = replace(fair.runtime, load=lambda _: project, _projects={})
    assert changes(changed, "fair", now=fair.now).rule_changed


def test_stays_that_ended_long_ago_are_dropped(fair: Programme) -> None:
    fair.tells(fair.lead(BO), account__employees=40)
    tomorrow(fair, days=40)
    tomorrow(fair)
    found = compared(fair)
    assert (found.leads_then, found.joined.leads, found.left.leads) == (0, 0, 0)


def test_two_who_look_at_the_same_time_note_each_stay_once(fair: Programme) -> None:
    put(fair, CY, DI)
    with ThreadPoolExecutor(4) as several:
        moments = [fair.now + timedelta(microseconds=n) for n in range(4)]
        looks = [several.submit(segments.keep_counts, fair.runtime, now=at) for at in moments]
        assert len({one.result() for one in looks}) == 1
    fair.now += timedelta(days=1)
    found = compared(fair)
    assert (found.leads_then, found.leads_now) == (3, 3)
