"""Signals become facts about whom we know, within the caps of their groups (domain row 16)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from nurture.core.event import EventKind
from nurture.engine import signals
from nurture.store import account_signals, accounts, events, raw_posts
from nurture.store.tables import account_signals as kept_table, raw_posts as posts_table
from tests.engine.programme import Programme, row

ADA = "ada@berg-foods.example"


def told(programme: Programme, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a signal of today; None takes a key away."""
    signal = {
        "id": f"s{number}",
        "kind": "signal.mentioned",
        "email": ADA,
        "occurred_at": programme.now.isoformat(),
    } | changes
    return {key: value for key, value in signal.items() if value is not None}


def post(programme: Programme, *found: dict[str, Any]) -> dict[str, int]:
    """Store a post as the hook does, and work it."""
    with programme.database.write() as connection:
        body = json.dumps(list(found)).encode()
        raw_posts.keep(connection, provider=signals.PROVIDER, body=body, now=programme.now)
    return programme.tick().echo


def test_a_mention_raises_its_group_within_the_cap(programme: Programme) -> None:
    programme.bring(row(ADA, downloaded=""))
    programme.tick()
    lead = programme.lead(ADA)
    before = programme.standing(lead)["engagement"]
    assert post(programme, told(programme))["events"] == 1
    assert programme.standing(lead)["engagement"] == before + 5_000
    post(programme, *[told(programme, n) for n in range(2, 9)])
    post(programme, *[told(programme, n, kind="review.visited") for n in range(20, 29)])
    assert programme.standing(lead)["engagement"] == before + 10_000, "the group's maximum"


def test_the_same_signal_twice_counts_once(programme: Programme) -> None:
    programme.bring(row(ADA))
    assert post(programme, told(programme))["events"] == 1
    assert post(programme, told(programme), told(programme))["events"] == 0
    other = post(programme, told(programme, source="other-monitor"))
    assert other["events"] == 1, "another source may use the same id"


def test_of_somebody_unknown_nothing_is_kept_but_the_count(programme: Programme) -> None:
    stranger = told(programme, kind="page.viewed", email="stranger@nowhere.example")
    nowhere = told(programme, 2, email=None, account="nowhere.example")
    done = post(programme, stranger, nowhere)
    assert (done["events"], done["unmatched"]) == (0, 2)
    with programme.database.read() as connection:
        stored = connection.execute(select(posts_table)).one()
        assert connection.execute(select(func.count()).select_from(kept_table)).scalar_one() == 0
    assert (bytes(stored.body), stored.error) == (b"", "2 of 2 about nobody we know")


def test_a_signal_about_an_organization_stays_with_the_account(programme: Programme) -> None:
    programme.bring(row(ADA))
    programme.tick()
    before = programme.standing(programme.lead(ADA))
    topic = told(programme, kind="intent.topic", subject="leaks", email=None)
    done = post(programme, topic | {"account": "Berg-Foods.example"})
    assert done["events"] == 1
    with programme.database.read() as connection:
        account = accounts.by_keys(connection, ["domain:berg-foods.example"])
        (kept,) = account_signals.of_account(
            connection, account["domain:berg-foods.example"], limit=9
        )
    assert (kept.kind, kept.subject) == (EventKind.INTENT_TOPIC, "leaks")
    assert programme.standing(programme.lead(ADA)) == before


def test_a_visit_is_a_sign_of_life_and_a_machine_s_is_not(programme: Programme) -> None:
    programme.bring(row(ADA))
    programme.tick()
    lead = programme.lead(ADA)
    programme.now += timedelta(days=1)
    post(programme, told(programme, kind="page.viewed", human=False))
    assert programme.standing(lead)["last_life_at"] != programme.now
    post(programme, told(programme, 2, kind="page.viewed", subject="pricing"))
    assert programme.standing(lead)["last_life_at"] == programme.now


def test_an_erased_lead_is_nobody(programme: Programme) -> None:
    programme.bring(row(ADA))
    lead = programme.lead(ADA)
    uid = programme.standing(lead)["uid"]
    programme.happens(lead, EventKind.ERASURE_REQUESTED)
    programme.tick()
    done = post(programme, told(programme), told(programme, 2, email=None, lead=uid))
    assert (done["events"], done["unmatched"]) == (0, 2)


def test_a_file_is_taken_line_by_line(programme: Programme) -> None:
    programme.bring(row(ADA))
    uid = programme.standing(programme.lead(ADA))["uid"]
    lines = [
        json.dumps(told(programme, 1, note="They said: nice")),
        "",
        "{",
        json.dumps(told(programme, 2, email=None, lead=uid)),
        json.dumps(told(programme, 3, email="stranger@nowhere.example")),
        json.dumps(told(programme, 4, account="berg-foods.example", email=None)),
        json.dumps(told(programme, 5, human="yes")),
    ]
    content = "\n".join(lines).encode()
    taken = signals.take_file(programme.runtime, content, now=programme.now)
    assert (taken.recorded, taken.on_accounts, taken.unknown) == (2, 1, 1)
    assert [one.line for one in taken.refused] == [3, 7]
    again = signals.take_file(programme.runtime, content, now=programme.now)
    assert (again.recorded, again.on_accounts, again.unchanged) == (0, 0, 3)
    with programme.database.read() as connection:
        found = events.of_lead(connection, programme.lead(ADA))
    assert [e.detail for e in found if e.kind is EventKind.SIGNAL_MENTIONED] == [
        {"note": "They said: nice"},
        {},
    ]
