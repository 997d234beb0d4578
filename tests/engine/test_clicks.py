"""Clicks that a provider reports: judged ten minutes later, and again when more is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from nurture.core.event import EventKind
from nurture.core.token import Grant, Purpose, sign
from nurture.engine import public, rebuild, tick, verify
from nurture.engine.erase import erase_leads
from nurture.engine.traces import Caller
from nurture.store import events
from nurture.store.tables import traces as traces_table
from tests.engine.programme import SECRETS, Programme, row
from tests.engine.test_echo import ADA, BROWSER, Provider, Told, told
from tests.engine.test_story import story_of, why


@pytest.fixture
def provider(programme: Programme) -> Provider:
    """Bring in Ada and let her first mail leave."""
    programme.bring(row(ADA))
    programme.tick()
    return Provider(programme)


@pytest.mark.parametrize(
    ("seconds", "machine", "human"),
    [
        pytest.param(9, None, False, id="nine seconds after delivery: a scanner"),
        pytest.param(11, None, True, id="eleven seconds after delivery: a person"),
        pytest.param(600, True, False, id="the provider says that a machine did it"),
    ],
)
def test_a_click_counts_when_a_person_did_it(
    provider: Provider, seconds: float, machine: bool | None, human: bool
) -> None:
    programme = provider.programme
    provider.post(told(provider, EventKind.MESSAGE_DELIVERED))
    programme.now += timedelta(hours=1)
    provider.post(told(provider, EventKind.MESSAGE_CLICKED, seconds - 3600, machine=machine))
    programme.now += timedelta(minutes=10)
    programme.tick()
    assert (programme.standing(programme.lead(ADA))["engagement"] > 12_000) is human


def test_a_first_click_is_taken_back_by_a_second_that_is_heard_of_late(
    provider: Provider,
) -> None:
    programme = provider.programme
    ada, before = programme.lead(ADA), programme.standing(programme.lead(ADA))
    provider.post(told(provider, EventKind.MESSAGE_DELIVERED))
    programme.now += timedelta(hours=1)
    first = told(provider, EventKind.MESSAGE_CLICKED, -1800)
    provider.post(first)
    programme.now += timedelta(minutes=10)
    programme.tick()
    assert programme.standing(ada)["engagement"] > before["engagement"]
    assert programme.standing(ada)["last_life_at"] == first.occurred_at
    later = replace(first, event_id="late", url="https://www.example.test/logo")
    provider.post(replace(later, occurred_at=first.occurred_at + timedelta(seconds=1)))
    programme.now += timedelta(minutes=10)
    programme.tick()
    assert programme.standing(ada)["engagement"] == before["engagement"]
    assert programme.standing(ada)["last_life_at"] == before["last_life_at"]


def test_a_click_says_in_the_story_that_it_waits_to_be_judged(lite: Programme) -> None:
    lite.bring(row(ADA))
    lite.tick()
    provider = Provider(lite)
    lite.now += timedelta(hours=1)
    provider.post(told(provider, EventKind.MESSAGE_CLICKED, -60))
    assert "judged ten minutes after" in why(story_of(lite, ADA), "A link was followed")
    lite.now += timedelta(minutes=10)
    lite.tick()
    assert why(story_of(lite, ADA), "Clicked a link") == ""


def test_where_a_click_came_from_is_forgotten_in_time_and_with_the_person(
    programme: Programme,
) -> None:
    people = [ADA, "bo@hof-foods.example"]
    programme.bring(*map(row, people))
    programme.tick()
    provider = Provider(programme)
    uids = {m.mail.recipient.email: m.uid for m in programme.post.sent}
    programme.now += timedelta(hours=1)
    for email in people:
        provider.post(Told(email, "message.clicked", uids[email], programme.now, email=email))

    def networks() -> int:
        with programme.database.read() as connection:
            return len([n for n in connection.scalars(select(traces_table.c.network)) if n])

    assert networks() == 2
    with programme.database.write() as connection:
        erase_leads(
            programme.runtime, connection, [programme.lead(ADA)], reason="x", now=programme.now
        )
    assert networks() == 1
    programme.now += timedelta(days=91)
    tick.hygiene(programme.runtime, programme.ways, now=programme.now)
    assert networks() == 0


def test_a_click_that_the_provider_counts_too_is_no_burst(lite: Programme) -> None:
    lite.bring(row(ADA))
    lite.tick()
    provider, uid = Provider(lite), lite.post.sent[0].uid
    lite.now += timedelta(hours=1)
    token = sign(SECRETS.links, Grant(purpose=Purpose.CLICK, subject=uid, number=0))
    provider.post(told(provider, EventKind.MESSAGE_CLICKED, url=f"https://go.example/c/{token}"))
    caller = Caller(user_agent=BROWSER, ip="198.51.100.7")
    mailroom = lite.ways.mailroom
    assert public.follow_click(lite.runtime, mailroom, token, caller, now=lite.now)
    lite.now += timedelta(minutes=10)
    lite.tick()
    with lite.database.read() as connection:
        happened = events.of_lead(connection, lite.lead(ADA))
    assert [e.human for e in happened if e.kind is EventKind.MESSAGE_CLICKED] == [True, True]


def test_a_network_that_looks_at_many_peoples_mails_is_nobody(programme: Programme) -> None:
    people = [f"p{number}@plant{number}.example" for number in range(6)]
    programme.bring(*map(row, people))
    programme.tick()
    provider = Provider(programme)
    uids = {m.mail.recipient.email: m.uid for m in programme.post.sent}
    programme.now += timedelta(hours=1)
    clicks = [
        Told(email, "message.clicked", uids[email], programme.now, email=email) for email in people
    ]
    # All but one are judged before the sixth is heard of.
    for some in (clicks[:5], clicks[5:]):
        provider.post(*some)
        programme.now += timedelta(minutes=10)
        programme.tick()
    with programme.database.read() as connection:
        happened = [e for p in people for e in events.of_lead(connection, programme.lead(p))]
    humans = [e.human for e in happened if e.kind is EventKind.MESSAGE_CLICKED]
    assert humans == [False] * 6


SEEN = ("last_life_at", "engagement")


def test_a_rebuild_judges_clicks_by_what_is_known_of_them(lite: Programme) -> None:
    lite.bring(row(ADA))
    lite.tick()
    provider, before = Provider(lite), lite.standing(lite.lead(ADA))
    lite.now += timedelta(hours=1)
    provider.post(told(provider, EventKind.MESSAGE_CLICKED, -60))
    lite.now += timedelta(minutes=10)
    lite.tick()
    with lite.database.write() as connection:
        connection.execute(traces_table.update().values(agent="library", chance=499))
    assert [one.id for one in verify.run(lite.runtime, now=lite.now) if one.broken] == ["I20"]
    assert rebuild.run(lite.runtime, now=lite.now, dry_run=True).clicks == 1
    assert rebuild.run(lite.runtime, now=lite.now).clicks == 1
    assert rebuild.run(lite.runtime, now=lite.now).clicks == 0
    after = lite.standing(lite.lead(ADA))
    assert [after[name] for name in SEEN] == [before[name] for name in SEEN]
