"""Mail that stands still says why, and what will settle it when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.core.doubt import PARK_AFTER, QUIET, Evidence
from nurture.core.gate import LATE
from nurture.core.message import OnUncertain, Uncertain
from nurture.engine import by_hand, deliver, doubt, held
from nurture.store import switches
from nurture.store.db import Database
from nurture.store.tables import messages
from tests.engine.programme import Programme, starter
from tests.engine.test_deliver_trouble import ADA, ANN, Wire, mail, plan

HEARD = doubt.Evidences(transport="wire", rules=Evidence(reports=True))
DEAF = doubt.Evidences(transport="wire")


@pytest.fixture
def doubted(sqlite_database: Database) -> Programme:
    """Return a programme with one mail in doubt, which may be sent again on evidence."""
    templates = {
        name: replace(template, on_uncertain=OnUncertain.RESEND)
        for name, template in starter().templates.items()
    }
    programme = Programme(sqlite_database, project=replace(starter(), templates=templates))
    wire = Wire()
    wire.does = lambda mails: [Uncertain(reason="lost") for _ in mails]
    programme.ways = replace(programme.ways, transport=wire)
    plan(programme, 1)
    mail(programme)
    return programme


def only(programme: Programme, evidences: doubt.Evidences = HEARD) -> held.Held:
    """Return the one mail that stands still."""
    found = held.look(programme.runtime, evidences, limit=9, now=programme.now)
    (mail,) = found.mails
    assert found.more == 0
    return mail


def test_a_mail_in_doubt_says_what_it_waits_for_as_time_goes_by(doubted: Programme) -> None:
    begun = doubted.now
    at_first = only(doubted)
    assert (at_first.state, at_first.reason, at_first.age) == ("uncertain", "lost", timedelta())
    assert at_first.settles == "a report of the provider may still come"
    assert at_first.at == begun + QUIET
    doubted.now += QUIET
    silent = only(doubted)
    assert "has reported nothing at all" in silent.settles
    assert (silent.at, silent.age) == (begun + PARK_AFTER, QUIET)
    doubted.now = begun + PARK_AFTER + timedelta(seconds=1)
    assert only(doubted).settles == "the next tick parks it for a person"
    deliver.settle_doubt(doubted.runtime, now=doubted.now)
    parked = only(doubted)
    assert (parked.state, parked.settles, parked.at) == ("parked", held.PERSON, None)


def test_where_nothing_is_reported_only_a_person_helps(doubted: Programme) -> None:
    found = only(doubted, DEAF)
    assert found.settles == f"what its reader does; else {held.PERSON}"
    assert found.at == doubted.now + PARK_AFTER


@pytest.fixture
def ready(lite: Programme) -> Programme:
    """Return a programme with one mail that is ready to leave."""
    plan(lite, 1)
    return lite


def test_what_leaves_with_the_next_tick_is_not_held(ready: Programme) -> None:
    assert held.look(ready.runtime, HEARD, limit=9, now=ready.now).mails == []


def test_a_pause_of_a_lead_holds_its_mail(ready: Programme) -> None:
    until = ready.now + timedelta(days=1)
    by_hand.pause_lead(ready.runtime, ready.lead(ADA), ANN, until=until, now=ready.now)
    found = only(ready)
    assert (found.reason, found.at) == ("the lead is paused: Ann: wrong price", until)
    assert found.settles == "nurture lead resume"


def test_a_pause_of_all_sending_holds_what_is_due(ready: Programme) -> None:
    by_hand.pause_sending(ready.runtime, ANN, until=None, now=ready.now)
    found = only(ready)
    assert (found.reason, found.at) == ("sending is off: Ann: wrong price", None)


def test_late_mail_waits_for_a_word(ready: Programme) -> None:
    later = ready.now + timedelta(days=1)
    with ready.database.write() as connection:
        connection.execute(messages.update().values(reason=LATE, not_before=later))
    found = only(ready)
    assert (found.settles, found.at) == ("your word: nurture sending late", None)


@pytest.mark.parametrize("hours", [2, None], ids=["for longer", "for ever"])
def test_of_two_switches_the_one_that_is_off_for_longer_is_told(
    ready: Programme, hours: int | None
) -> None:
    until = None if hours is None else ready.now + timedelta(hours=hours)
    off = [(switches.SENDING, ready.now + timedelta(hours=1)), ("transport:wire", until)]
    with ready.database.write() as connection:
        for name, end in off:
            switches.halt(connection, name, reason="said so", until=end, now=ready.now)
    found = only(ready, DEAF)
    assert (found.reason, found.at) == ("transport:wire is off: said so", until)
