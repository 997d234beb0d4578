"""A post that cannot be worked waits on its own: the others, and the mail, go on."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from nurture.core.event import EventKind
from nurture.engine import echo, health, lifecycle, replies, signals
from nurture.store import raw_posts
from nurture.store.db import Database
from nurture.store.tables import leads, raw_posts as posts
from tests.engine.programme import Programme, row
from tests.engine.test_deliver_trouble import Wire, mail, plan, rows
from tests.engine.test_echo import ADA, Told

BAD = b"bad"


@pytest.fixture
def broken(programme: Programme) -> Programme:
    """Return a programme whose provider has posted something that no parser survives."""
    programme.bring(row(ADA))
    programme.ways = replace(programme.ways, parsers={"p": _explode})
    _post(programme, BAD)
    return programme


def _explode(body: bytes) -> tuple[Sequence[Told], Sequence[str]]:
    if body == BAD:
        raise ValueError(ADA)
    return (), ()


def _post(programme: Programme, body: bytes, provider: str = "p") -> None:
    with programme.database.write() as connection:
        raw_posts.keep(connection, provider=provider, body=body, now=programme.now)


def _kept(programme: Programme) -> list[tuple[bytes, bool, str]]:
    with programme.database.read() as connection:
        found = connection.execute(select(posts).order_by(posts.c.id))
        return [(each.body, each.worked_at is not None, each.error) for each in found]


def test_a_post_that_cannot_be_worked_stops_no_other_and_no_mail(broken: Programme) -> None:
    _post(broken, b"good")
    counts = broken.tick().echo
    assert (counts["posts"], counts["set_aside"]) == (2, 1)
    reason = "could not be worked: ValueError"
    assert _kept(broken) == [(BAD, False, reason), (b"good", True, "")]
    assert len(broken.post.sent) == 1


def test_it_is_told_to_people_and_is_no_backlog(broken: Programme) -> None:
    broken.tick()
    broken.now += timedelta(seconds=30)
    found = health.look(broken.runtime, now=broken.now)
    assert [need.name for need in found.needs] == ["posts_set_aside"]
    assert [line.due for line in found.lines if line.name == "posts"] == [0]


def test_it_is_tried_again_ever_more_rarely_and_worked_once_that_goes(broken: Programme) -> None:
    tried = []
    for _ in range(60):
        tried.append(broken.tick().echo.get("set_aside", 0))
        broken.now += timedelta(minutes=1)
    assert sum(tried) == 6
    broken.ways = replace(broken.ways, parsers={"p": lambda _: ((), ())})
    broken.now += timedelta(days=1)
    broken.tick()
    assert _kept(broken) == [(BAD, True, "")]


def test_what_was_never_worked_is_dropped_when_raw_posts_are(broken: Programme) -> None:
    broken.tick()
    broken.now += timedelta(days=91)
    assert lifecycle.run(broken.runtime, now=broken.now).raw_posts == 1


@pytest.mark.parametrize("provider", [signals.PROVIDER, replies.PROVIDER, "unknown"])
def test_every_kind_of_post_can_be_set_aside(
    lite: Programme, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(echo, "read_signals", fail)
    monkeypatch.setattr(replies, "record_reply", fail)
    _post(lite, b"[]", provider)
    assert lite.tick().echo["set_aside"] == 1


def test_workers_whose_posts_name_the_same_mails_do_not_lock_each_other_up(
    postgres_database: Database,
) -> None:
    programme = Programme(postgres_database)
    programme.ways = replace(programme.ways, transport=Wire())
    plan(programme, 40)
    mail(programme)
    with programme.database.read() as connection:
        emails = dict(connection.execute(select(leads.c.id, leads.c.email)).tuples().all())
    sent, kinds = rows(programme), sorted(echo.DELIVERY)
    told: dict[bytes, list[Told]] = {}
    for number in range(60):
        order = sent if number % 2 else sent[::-1]
        at, kind = programme.now + timedelta(seconds=number), kinds[number % len(kinds)]
        told[b"%d" % number] = [
            Told(f"{number}/{each.id}", str(kind), each.uid, at, email=emails[each.lead_id])
            for each in order
            if kind is not EventKind.MESSAGE_BOUNCED
        ]
        _post(programme, b"%d" % number)
    now = programme.now + timedelta(minutes=5)

    def work(_: int) -> int:
        done = echo.run(programme.runtime, {"p": lambda body: (told[bytes(body)], ())}, now=now)
        return done.set_aside

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(work, range(2))) == 0
    assert all(worked for _, worked, _ in _kept(programme))
