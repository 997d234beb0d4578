"""Lists of people: taken off by hand, by whom and why, and who stays off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nurture.core.condition import Happened, Not, holds
from nurture.core.event import EventKind
from nurture.core.project import Segment
from nurture.engine.by_hand import Who
from nurture.engine.explain import explain_segment
from nurture.engine.lists import Removal, TakenOff, import_list, take_off
from nurture.engine.person import look_at
from nurture.engine.story import tell
from nurture.store import segment_sql
from nurture.store.db import Database
from tests.engine.programme import Programme, row, starter
from tests.store.population import TODAY

BO, CY, DI = "bo@plant.example", "cy@plant.example", "di@plant.example"
FILE = f"email\n{BO}\n{CY}\n".encode()
WHO = Who(name="Ada Lindholm", reason="Left the company")
ON = Happened(EventKind.LIST_ADDED, "fair")


@pytest.fixture
def fair(database: Database) -> Programme:
    """Return a programme with a list that Bo and Cy are on, and Di is not."""
    segment = Segment(name="fair", title="Fair", description="", when=ON, text=str(ON))
    project = replace(starter(), segments={**starter().segments, "fair": segment})
    programme = Programme(database, project=project)
    programme.bring(*(row(who, company=who) for who in (BO, CY, DI)))
    import_list(programme.runtime, "fair", FILE, now=programme.now)
    return programme


def off(programme: Programme, *people: str, dry_run: bool = False) -> TakenOff:
    """Take people off the list."""
    wanted = Removal(people=people, who=WHO)
    return take_off(programme.runtime, "fair", wanted, now=programme.now, dry_run=dry_run)


def on_it(programme: Programme) -> set[str]:
    """Return who is on the list, after SQL and Python have agreed about it."""
    with programme.database.read() as connection:
        everybody = {programme.lead(who): who for who in (BO, CY, DI)}
        found = {}
        for when, asked in ((ON, True), (Happened(EventKind.LIST_ADDED), True), (Not(ON), False)):
            page = segment_sql.Page(limit=10)
            ids = segment_sql.matching(connection, when, page, now=programme.now, today=TODAY)
            found[when] = {who for i, who in everybody.items() if (i in ids) is asked}
        people = [look_at(programme.runtime, connection, i, now=programme.now) for i in everybody]
        in_python = {everybody[p.lead.id] for p in people if holds(ON, p.facts, now=programme.now)}
    assert all(one == in_python for one in found.values())
    return in_python


def test_whoever_is_taken_off_is_no_longer_on_the_list(fair: Programme) -> None:
    assert off(fair, BO) == TakenOff(rows=1, removed=1, not_on=0, unknown=())
    assert on_it(fair) == {CY}


def test_taking_off_twice_changes_nothing_and_strangers_are_told(fair: Programme) -> None:
    off(fair, BO)
    told = off(fair, BO, DI, "x@else.example")
    assert told == TakenOff(rows=3, removed=0, not_on=2, unknown=("x@else.example",))


def test_a_dry_run_counts_and_stores_nothing(fair: Programme) -> None:
    assert off(fair, BO, CY, DI, dry_run=True) == TakenOff(rows=3, removed=2, not_on=1, unknown=())
    assert on_it(fair) == {BO, CY}


def test_one_lead_is_taken_off_by_its_id(fair: Programme) -> None:
    take_off(fair.runtime, "fair", Removal(people=fair.lead(CY), who=WHO), now=fair.now)
    assert on_it(fair) == {BO}


def test_importing_the_file_again_brings_nobody_back_who_was_taken_off(fair: Programme) -> None:
    off(fair, BO)
    again = import_list(fair.runtime, "fair", FILE, now=fair.now)
    assert (again.added, again.already, again.held) == (0, 1, 1)
    assert on_it(fair) == {CY}


def test_they_are_put_back_on_purpose_and_can_be_taken_off_again(fair: Programme) -> None:
    back = Who(name="Jonas Brandt", reason="Returned")
    for _ in range(2):
        assert off(fair, BO).removed == 1
        found = import_list(fair.runtime, "fair", FILE, now=fair.now, back=back)
        assert (found.added, found.already, found.held) == (1, 1, 0)
        assert on_it(fair) == {BO, CY}


def test_the_story_and_the_explanation_say_who_did_it_when_and_why(fair: Programme) -> None:
    off(fair, BO)
    with fair.database.read() as connection:
        person = look_at(fair.runtime, connection, fair.lead(BO), now=fair.now)
        told = tell(fair.runtime, connection, fair.lead(BO), now=fair.now)
    because = explain_segment(person, "fair", now=fair.now).tree.because
    assert because.startswith("taken off Tue 1 Sep 2026")
    (line,) = [one for one in told.lines if "taken off" in one.what]
    assert (line.what, line.why) == (
        "Was taken off the list 'fair'",
        'Ada Lindholm: "Left the company"',
    )


def test_being_taken_off_rings_for_an_assessment(fair: Programme) -> None:
    fair.tick()
    before = fair.standing(fair.lead(BO))["version"]
    off(fair, BO)
    assert fair.standing(fair.lead(BO))["version"] > before
