"""Segments as a whole: counts from day to day, lists from files, and what they may cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.core.condition import Happened, Or, holds
from nurture.core.errors import MisuseError, RefusedInput
from nurture.core.event import EventKind
from nurture.core.project import Segment
from nurture.engine import tick
from nurture.engine.assess_again import segments_that_differ
from nurture.engine.explain import explain_segment
from nurture.engine.lists import import_list
from nurture.engine.person import look_at
from nurture.engine.segments import Counted, counts, keep_counts, too_slow
from nurture.store import segment_cost
from nurture.store.db import Database
from tests.engine.programme import Programme, row, starter
from tests.store.population import NOW, TODAY, crowd

BO, CY = "bo@plant.example", "cy@plant.example"
FAIR = Segment(
    name="fair",
    title="Visitors of the fair",
    description="",
    when=Happened(EventKind.LIST_ADDED, "fair"),
    text="happened('list.added', 'fair')",
)


@pytest.fixture
def fair(database: Database) -> Programme:
    """Return a programme with a list, and two leads who are not on it."""
    project = replace(starter(), segments={**starter().segments, "fair": FAIR})
    programme = Programme(database, project=project)
    programme.bring(row(BO), row(CY, company="Cy"))
    return programme


def counted(programme: Programme, name: str = "fair") -> Counted:
    """Return the count of the segment now."""
    found = counts(programme.runtime, now=programme.now)
    return next(one for one in found if one.segment.name == name)


def test_a_list_is_imported_once_and_says_who_is_unknown(fair: Programme) -> None:
    content = "\ufeffName,Email\nBo,BO@plant.example\nCy,cy@plant.example\nX,x@else.example\n"
    first = import_list(fair.runtime, "fair", content.encode(), now=fair.now)
    assert (first.rows, first.added, first.already) == (3, 2, 0)
    assert first.unknown == ("x@else.example",)
    again = import_list(fair.runtime, "fair", content.encode(), now=fair.now)
    assert (again.added, again.already) == (0, 2)
    assert counted(fair).leads == 2


def test_whoever_is_on_a_list_is_explained_with_the_day(fair: Programme) -> None:
    import_list(fair.runtime, "fair", b"email\nbo@plant.example\n", now=fair.now)
    with fair.database.read() as connection:
        person = look_at(fair.runtime, connection, fair.lead(BO), now=fair.now)
    assert holds(FAIR.when, person.facts, now=fair.now)
    tree = explain_segment(person, "fair", now=fair.now).tree
    assert tree.text == "they were put on the list 'fair'"
    assert tree.because.startswith("last Tue 1 Sep 2026")


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        pytest.param("nope", b"email\n", MisuseError, id="no such segment"),
        pytest.param("gone-quiet", b"email\n", MisuseError, id="a segment without a list"),
        pytest.param("fair", b"address\n", RefusedInput, id="no column email"),
        pytest.param("fair", b"", RefusedInput, id="an empty file"),
        pytest.param("fair", b"email\n" + b"x" * 200_000, RefusedInput, id="a cell too long"),
        pytest.param("fair", "email\nbö".encode("latin-1"), RefusedInput, id="not UTF-8"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_whole(
    fair: Programme, name: str, content: bytes, error: type[Exception]
) -> None:
    with pytest.raises(error):
        import_list(fair.runtime, name, content, now=fair.now)
    assert counted(fair).leads == 0


def test_a_count_is_compared_with_the_last_one_before_today(fair: Programme) -> None:
    assert counted(fair).change is None
    keep_counts(fair.runtime, now=fair.now)
    assert counted(fair).change is None, "a count of today is nothing to compare with"
    fair.now += timedelta(days=1)
    import_list(fair.runtime, "fair", b"email\nbo@plant.example\n", now=fair.now)
    assert counted(fair).change == 1
    tick.hygiene(fair.runtime, fair.ways, now=fair.now)
    fair.now += timedelta(days=3)
    found = counted(fair)
    assert found.before is not None
    assert (found.change, found.before[1]) == (0, 1)
    assert (fair.now.date() - found.before[0]).days == 3


def test_what_the_erased_told_about_their_plant_is_forgotten_for_colleagues_too(
    fair: Programme,
) -> None:
    at_work = {"company": "Plant", "downloaded": ""}
    fair.bring(
        row("di@other.example", employees="", compressor_kw="", **at_work),
        row("ed@other.example", **at_work),
    )
    fair.tick()
    assert fair.standing(fair.lead("di@other.example"))["verdict_organization"] == "pass"
    fair.happens(fair.lead("ed@other.example"), EventKind.ERASURE_REQUESTED)
    fair.tick()
    fair.tick()
    assert fair.standing(fair.lead("di@other.example"))["verdict_organization"] == "unknown"
    with fair.database.read() as connection:
        assert segments_that_differ(fair.runtime, connection, now=fair.now)[1] == ()


def test_a_segment_that_is_quick_enough_may_go_live(fair: Programme) -> None:
    assert too_slow(fair.runtime, fair.project, now=fair.now) == []


def test_a_segment_that_takes_too_long_is_refused_with_file_and_remedy(
    lite: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    lite.bring(*(row(f"p{n}@plant{n}.example", company=f"P {n}") for n in range(20)))
    monkeypatch.setattr(segment_cost, "STEPS", 10)
    (first, *_) = found = too_slow(lite.runtime, lite.project, now=lite.now, limit_seconds=0)
    assert first.code == "E013"
    assert first.file.startswith("segments/")
    assert len(found) == len(lite.project.segments)
    assert too_slow(lite.runtime, lite.project, now=lite.now) == [], "the limit is lifted again"


def test_postgresql_stops_what_takes_too_long_and_goes_on(postgres_database: Database) -> None:
    made = crowd(1500)
    with postgres_database.write() as connection:
        made.store(connection)
    kinds = (EventKind.PAGE_VIEWED, EventKind.MESSAGE_CLICKED, EventKind.FORM_SUBMITTED)
    asked = Or(tuple(Happened(kind, "nothing", n) for kind in kinds for n in range(1, 20)))
    for limit, stopped in ((0.001, True), (60, False)):
        with postgres_database.read() as connection:
            cost = segment_cost.measure(
                connection, asked, now=NOW, today=TODAY, limit_seconds=limit
            )
            transaction = connection.get_transaction()
            assert transaction is not None
            transaction.rollback()
        assert (cost.leads is None) is stopped
