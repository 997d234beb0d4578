"""The sample's events in a hundred random orders, tripled and split over posts: one final state.

Each order happens to a cast of its own, all of them in one database: what one cast is left with
every other one is left with too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert, select

from nurture.core.message import MessageState
from nurture.core.token import public_id
from nurture.engine import echo, intake, traces
from nurture.store import leads, profiles, raw_posts
from nurture.store.db import Database
from nurture.store.tables import (
    consents,
    events,
    leads as leads_table,
    messages as messages_table,
    traces as traces_table,
)
from nurture.transports import sendgrid_events
from tests.web.world import SECRETS, World

SAMPLE = json.loads(
    (Path(__file__).parents[1] / "contracts" / "vendor" / "sendgrid_events_sample.json").read_text()
)
CASTS = 100
SENT = datetime.fromtimestamp(1795255200, UTC)
LATEST = datetime.fromtimestamp(1795514405, UTC)
PARKED, STRANGER = "maybe@example.com", "fbl@example.net"


def sample() -> list[dict[str, Any]]:
    """Return every event of the sample, in all its scenarios; what comes twice is there twice."""
    posts = [s["posts"] for name, s in SAMPLE["scenarios"].items() if name != "bad_bodies"]
    return [*SAMPLE["one_of_each"], *(event for each in posts for post in each for event in post)]


EVENTS = sample()
ADDRESSES = sorted({e["email"] for e in EVENTS if "email" in e} - {STRANGER})


def address(cast: int, email: str) -> str:
    """Return an address of one cast; nobody shares a mailbox with another cast's."""
    return f"c{cast}.{email}"


def uid(cast: int, email: str) -> str:
    """Return the public id of the mail to the address."""
    return public_id(SECRETS.identity, f"mail/{address(cast, email)}")


def stage(world: World) -> None:
    """Bring in every cast, and let everybody's mail leave; one mail of each is in doubt."""
    people = [address(cast, email) for cast in range(CASTS) for email in ADDRESSES]
    new = [
        leads.NewLead(
            uid=public_id(SECRETS.identity, email),
            email=email,
            match_key=email,
            time_zone="Europe/Berlin",
            language="en",
            source="fair",
            account_key=f"lead:{email}",
            account_name="",
            note="",
            suppressed="",
            captured_at=SENT,
        )
        for email in people
    ]
    with world.database.write() as connection:
        leads.insert_leads(connection, new, now=SENT)
        ids = leads.ids_by_match_key(connection, people)
        given = {"topic": "guides", "basis": "consent", "source": "x", "wording": "x"}
        told = [given | {"lead_id": i, "given_at": SENT} for i in ids.values()]
        profiles.give_consent(connection, told)
        left = {
            "enrollment_id": 1,
            "release_id": world.release_id,
            "sequence": "s",
            "step": "s",
            "visit": 0,
            "template": "hello",
            "template_version": "1",
            "topic": "guides",
            "window": "w",
            "slots": {},
            "not_before": SENT,
            "planned_at": SENT,
            "state": MessageState.ACCEPTED,
            "accepted_at": SENT,
        }
        in_doubt = {"state": MessageState.PARKED, "accepted_at": None}
        rows = [
            left
            | {"uid": uid(cast, email), "lead_id": ids[address(cast, email)]}
            | (in_doubt if email == PARKED else {})
            for cast in range(CASTS)
            for email in ADDRESSES
        ]
        connection.execute(insert(messages_table), rows)


def of_cast(cast: int) -> list[dict[str, Any]]:
    """Return the sample's events as they happen to one cast, each three times, shuffled."""
    found = []
    for event in EVENTS:
        mine = dict(event) | {"sg_event_id": f"{event['sg_event_id']}-{cast}"}
        if "email" in event:
            mine["email"] = address(cast, event["email"])
        if "nurture_msg_id" in event:
            mine["nurture_message"] = uid(cast, event["email"])
        if "ip" in event:
            # Every cast is somewhere else; else one gateway would look at all their mails.
            mine["ip"] = f"203.{cast}.{'.'.join(event['ip'].split('.')[2:])}"
        found += [mine] * 3
    Random(cast).shuffle(found)
    return found


def posts(cast: int) -> Iterator[bytes]:
    """Yield the cast's events, split over a handful of posts."""
    roll, left = Random(-cast), of_cast(cast)
    while left:
        size = roll.randrange(20, 90)
        yield json.dumps(left[:size]).encode()
        left = left[size:]


def left_with(world: World, cast: int) -> Mapping[str, Any]:
    """Return what the reports have done to one cast."""
    whose = {address(cast, email): email for email in ADDRESSES}
    with world.database.read() as connection:
        ids = leads.ids_by_match_key(connection, whose)
        names = {lead_id: whose[email] for email, lead_id in ids.items()}

        def rows(*columns: Any) -> list[tuple[Any, ...]]:
            table = columns[0].table
            found = connection.execute(
                select(table.c.lead_id if "lead_id" in table.c else table.c.id, *columns).where(
                    (table.c.lead_id if "lead_id" in table.c else table.c.id).in_(names)
                )
            )
            return sorted(((names[r[0]], *map(str, r[1:])) for r in found), key=repr)

        hashed = intake.address_hash(world.runtime, address(cast, STRANGER))
        return {
            "leads": rows(leads_table.c.suppressed, leads_table.c.last_life_at),
            "mails": rows(
                messages_table.c.state, messages_table.c.delivery, messages_table.c.delivered_at
            ),
            "events": rows(events.c.kind, events.c.subject, events.c.occurred_at, events.c.human),
            "verdicts": rows(traces_table.c.link, traces_table.c.at, traces_table.c.chance),
            "consents": rows(consents.c.topic, consents.c.withdrawn_at.is_(None)),
            "stranger": profiles.suppressed(connection, [hashed]).get(hashed, ""),
        }


@pytest.fixture
def played(database: Database) -> World:
    """Let the posts of all casts come in, mixed with each other, and judge the clicks."""
    world = World(database=database)
    stage(world)
    world.clock.at = LATEST + timedelta(hours=1)
    deck = [(cast, body) for cast in range(CASTS) for body in posts(cast)]
    Random(0).shuffle(deck)
    parsers = {"sendgrid": lambda body: (sendgrid_events.parse(body).events, ())}
    for _, body in deck:
        with database.write() as connection:
            raw_posts.keep(connection, provider="sendgrid", body=body, now=world.clock())
    while echo.run(world.runtime, parsers, now=world.clock(), limit=100).posts:
        # Clicks are judged before all is known of them.
        world.clock.go(minutes=10)
        traces.run(world.runtime, now=world.clock())
    world.clock.go(minutes=10)
    while traces.run(world.runtime, now=world.clock()).mails:
        pass
    return world


def test_in_whatever_order_reports_come_they_end_in_one_state(played: World) -> None:
    first = left_with(played, 0)
    stopped = {name: why for name, why, _ in first["leads"] if why}
    assert stopped == {
        "angry@example.net": "complained",
        "bo+trial@example.net": "unsubscribed",
        "bye@example.com": "unsubscribed",
        "foo@example.net": "bounced",
        "gone@example.net": "bounced",
        # The fifth was dropped because of our own quota, which says nothing about the address.
        **{f"drop{n}@example.com": "dropped by the provider" for n in range(4)},
    }
    assert first["stranger"] == "complained"
    delivery = {name: (state, how) for name, state, how, _ in first["mails"]}
    assert delivery["dup@example.com"] == ("accepted", "delivered")
    assert delivery["ooo@example.com"] == ("accepted", "delivered")
    assert delivery[PARKED] == ("accepted", "delivered")
    assert delivery["foo@example.net"] == ("accepted", "none"), "no mail is touched by a guess"
    assert delivery["full@example.net"] == ("accepted", "blocked")
    assert sum(name == "dup@example.com" for name, *_ in first["events"]) == 2
    people = {
        name for name, kind, *_, human in first["events"] if "clicked" in kind and human == "True"
    }
    assert people == {"ana@example.com", "dup@example.com", "ooo@example.com"}
    for cast in range(1, CASTS):
        assert left_with(played, cast) == first, f"the order of cast {cast}"
