"""Many at work on the same leads of PostgreSQL: nobody locks up, and no stop comes too late."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import select, update

from nurture.core.errors import MisuseError
from nurture.core.event import EventKind, NewEvent
from nurture.core.lead import Recipient
from nurture.core.message import Refused
from nurture.core.token import Grant, Purpose, sign
from nurture.engine import echo, intake, public, retrying, stop_lists, tick, traces, unbounce
from nurture.store import leads, pauses, profiles, raw_posts
from nurture.store.bounces import Bounces
from nurture.store.db import Database
from nurture.store.doubts import Selection
from nurture.store.locks import once_more
from nurture.store.tables import leads as leads_table, traces as traces_table
from tests.engine.programme import SECRETS, Programme, row
from tests.engine.test_deliver_trouble import ANN, Wire, plan, rows
from tests.engine.test_echo import Told

PEOPLE = 60
MINUTE = timedelta(minutes=1)
STOPS = (EventKind.MESSAGE_COMPLAINED, EventKind.MESSAGE_UNSUBSCRIBED)


@dataclass(frozen=True)
class Entry:
    """One address on a provider's list."""

    email: str
    since: Any
    reason: str = ""


class Crowd:
    """A programme with a mail for each of many people, and much that happens to them."""

    def __init__(self, database: Database) -> None:
        self.programme = Programme(database)
        self.posts: dict[bytes, Sequence[Told]] = {}
        parsers = {"wire": lambda body: (self.posts[bytes(body)], ())}
        self.programme.ways = replace(self.programme.ways, transport=Wire(), parsers=parsers)
        plan(self.programme, PEOPLE)
        self.sent = rows(self.programme)
        with database.read() as connection:
            found = select(leads_table.c.id, leads_table.c.email)
            self.emails = dict(connection.execute(found).tuples().all())
        self.any = random.Random(4)

    def told(self, kinds: Sequence[EventKind], *, named: bool) -> list[Told]:
        """Return an event about each of half of the mails, in any order."""
        at = self.programme.now + timedelta(seconds=self.any.randrange(60, 180))
        return [
            Told(
                f"{self.any.random()}",
                str(self.any.choice(kinds)),
                each.uid if named else None,
                at,
                email=self.emails[each.lead_id],
                ip=f"198.51.100.{self.any.randrange(9)}",
                url=f"https://x.example/{self.any.randrange(3)}",
            )
            for each in self.any.sample(self.sent, PEOPLE // 2)
        ]

    def post(self, *told: Told) -> None:
        """Store a post."""
        body = str(len(self.posts)).encode()
        self.posts[body] = told
        with self.programme.database.write() as connection:
            raw_posts.keep(connection, provider="wire", body=body, now=self.programme.now)

    def works_posts(self) -> None:
        """Work them all."""
        done = echo.run(self.programme.runtime, self.programme.ways.parsers, now=self.programme.now)
        assert not done.set_aside

    def leave(self) -> None:
        """Let half of the people leave, in any order."""
        for each in self.any.sample(self.sent, PEOPLE // 2):
            token = sign(SECRETS.links, Grant(purpose=Purpose.UNSUBSCRIBE, subject=each.uid))
            public.unsubscribe(self.programme.runtime, token, now=self.programme.now)

    def sends(self) -> None:
        """Send what is ready."""
        ways, now = self.programme.ways, self.programme.now
        tick.mail(self.programme.runtime, ways, tick.Ticked(), now=now, limit=PEOPLE)

    def pages(self, *_: object, **__: object) -> Iterator[Sequence[Entry]]:
        """Yield half of the people, in any order: all that reads a provider's list asks for."""
        since = self.programme.now - timedelta(hours=3)
        some = self.any.sample(sorted(self.emails.values()), PEOPLE // 2)
        yield [Entry(each, since) for each in some]

    def pulls(self) -> None:
        """Read the provider's lists."""
        stop_lists.run(self.programme.runtime, self, now=self.programme.now)


def at_once(*work: Callable[[], object]) -> None:
    """Do all of it at the same time, and raise what any of it raises."""
    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(one) for one in work]:
            done.result(timeout=120)


@pytest.fixture
def crowd(postgres_database: Database) -> Crowd:
    """Return a crowd on the database that locks row by row."""
    return Crowd(postgres_database)


def deadlocks(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said of deadlocks that were mended by another try."""
    return [each.message for each in caplog.records if "deadlock" in each.message]


def test_who_is_stopped_from_all_sides_locks_nobody_up(
    crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    for named in (True, False, False, True, False, False):
        crowd.post(*crowd.told(STOPS, named=named))
    at_once(crowd.works_posts, crowd.works_posts, crowd.leave, crowd.pulls, crowd.sends)
    assert deadlocks(caplog) == []


def test_judges_of_the_same_mails_lock_nobody_up(
    crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    programme = crowd.programme
    crowd.sends()
    for _ in range(10):
        crowd.post(*crowd.told([EventKind.MESSAGE_CLICKED], named=True))
    crowd.works_posts()
    programme.now += timedelta(minutes=14)
    for _ in range(6):
        crowd.post(*crowd.told([EventKind.MESSAGE_DELIVERED], named=True))

    def judge() -> None:
        for _ in range(20):
            traces.run(programme.runtime, now=programme.now, limit=20)

    at_once(judge, judge, judge, crowd.works_posts, crowd.works_posts)
    while traces.run(programme.runtime, now=programme.now).mails:
        pass
    with programme.database.read() as connection:
        chances = connection.scalars(select(traces_table.c.chance)).all()
    assert None not in chances
    assert traces.run_again(programme.runtime, now=programme.now, dry_run=True) == 0
    assert deadlocks(caplog) == []


def test_two_of_whom_each_waits_for_the_other_are_both_through_in_the_end(
    crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = sorted(crowd.emails)[:2]
    has = {first: Event(), second: Event()}

    def write(one: int, other: int) -> None:
        with crowd.programme.database.write() as connection:
            mine = update(leads_table).values(note=leads_table.c.note + "x")
            connection.execute(mine.where(leads_table.c.id == one))
            has[one].set()
            assert has[other].wait(30)
            connection.execute(mine.where(leads_table.c.id == other))

    at_once(
        lambda: once_more(lambda: write(first, second)),
        lambda: once_more(lambda: write(second, first)),
    )
    assert deadlocks(caplog)
    assert [crowd.programme.standing(each)["note"] for each in (first, second)] == ["xx", "xx"]


def test_a_stop_waits_for_mail_that_is_leaving_to_another_spelling_of_the_mailbox(
    postgres_database: Database,
) -> None:
    programme = Programme(postgres_database)
    programme.bring(row("ada@gmail.com"), row("a.d.a+x@gmail.com"))
    tick.think(programme.runtime, programme.ways, tick.Ticked(), now=programme.now, limit=9)
    ada, also_ada = programme.lead("ada@gmail.com"), programme.lead("a.d.a+x@gmail.com")
    (uid,) = (each.uid for each in rows(programme) if each.lead_id == ada)
    token = sign(SECRETS.links, Grant(purpose=Purpose.UNSUBSCRIBE, subject=uid))
    stop = Thread(
        target=public.unsubscribe, args=(programme.runtime, token), kwargs={"now": programme.now}
    )
    with programme.database.write() as leaving:
        held = leads.held_recipients(leaving, [also_ada], now=programme.now)
        seen = intake.with_stops(programme.runtime, leaving, held)
        assert seen[also_ada].suppressed == ""
        stop.start()
        stop.join(0.5)
        assert stop.is_alive()
    stop.join(30)
    with programme.database.write() as leaving:
        held = leads.held_recipients(leaving, [also_ada], now=programme.now)
        seen = intake.with_stops(programme.runtime, leaving, held)
    assert seen[also_ada].suppressed == "unsubscribed"


def test_mail_that_waited_for_its_reader_sees_what_they_chose_meanwhile(
    postgres_database: Database,
) -> None:
    programme = Programme(postgres_database)
    programme.bring(row("ada@berg.example"))
    tick.think(programme.runtime, programme.ways, tick.Ticked(), now=programme.now, limit=9)
    ada, now = programme.lead("ada@berg.example"), programme.now
    seen: dict[int, Recipient] = {}

    def look() -> None:
        with programme.database.write() as leaving:
            seen.update(leads.held_recipients(leaving, [ada], now=now))

    last_gate = Thread(target=look)
    with programme.database.write() as choosing:
        leads.hold(choosing, [ada])
        last_gate.start()
        last_gate.join(0.5)
        assert last_gate.is_alive()
        profiles.withdraw_consent(choosing, [ada], ["guides"], at=now)
        pauses.pause(choosing, ada, reason="on leave", until=None, now=now)
        leads.touch(choosing, [ada], now=now)
    last_gate.join(30)
    assert seen[ada].topics == {"product-news"}
    assert seen[ada].paused


def test_who_unsubscribes_while_a_bounce_is_lifted_stays_stopped(
    postgres_database: Database,
) -> None:
    programme = Programme(postgres_database)
    programme.bring(row("ada@berg.example"))
    ada = programme.lead("ada@berg.example")
    programme.happens(ada, EventKind.MESSAGE_BOUNCED)
    bounces = Bounces(after=programme.now - MINUTE, before=programme.now + MINUTE)

    def lift() -> None:
        unbounce.lift(programme.runtime, bounces, ANN, count=1, now=programme.now)

    refused = meanwhile(programme, ada, EventKind.MESSAGE_UNSUBSCRIBED, lift)
    assert "alone stop 0 leads" in str(refused)
    assert programme.standing(ada)["suppressed"] == "bounced"


def test_mail_to_who_is_erased_while_it_is_tried_again_stays_as_it_is(
    postgres_database: Database,
) -> None:
    programme = Programme(postgres_database)
    programme.bring(row("ada@berg.example"))
    ada = programme.lead("ada@berg.example")
    programme.post.answer = lambda _: Refused(reason="no", permanent=True)
    programme.tick()

    def again() -> None:
        retrying.retry_all(programme.runtime, Selection(), ANN, count=1, now=programme.now)

    refused = meanwhile(programme, ada, EventKind.ERASURE_REQUESTED, again)
    assert "0 mails have failed there" in str(refused)


def meanwhile(
    programme: Programme, lead: int, kind: EventKind, work: Callable[[], None]
) -> BaseException | None:
    """Let something stop the lead while the work waits for it; return what the work raised."""
    raised: list[BaseException] = []

    def do() -> None:
        try:
            work()
        except MisuseError as error:
            raised.append(error)

    worker = Thread(target=do)
    event = NewEvent(lead_id=lead, kind=kind, occurred_at=programme.now, source="t", source_key="m")
    with programme.database.write() as connection:
        intake.record(programme.runtime, connection, [event], project=None, now=programme.now)
        worker.start()
        worker.join(0.5)
        assert worker.is_alive()
    worker.join(30)
    return raised[0] if raised else None
