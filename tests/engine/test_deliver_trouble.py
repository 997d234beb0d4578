"""Trouble on the way out: a bad mail, a bad transport, a dead worker. Nothing leaves twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import QueuePool, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection

from nurture.core.doubt import PARK_AFTER
from nurture.core.errors import RenderError
from nurture.core.gate import LONGEST_RETRY, MOST_REFUSALS
from nurture.core.message import Accepted, Halted, Outcome, OutgoingMessage, Refused
from nurture.engine import by_hand, deliver, tick
from nurture.render.mime import to_bytes
from nurture.store import switches
from nurture.store.db import Database, open_database
from nurture.store.tables import attempts, leads, messages
from tests.engine.programme import Programme, row, starter
from tests.engine.test_echo import Provider, Told

ADA = "p0@plant0.example"
ANN = by_hand.Who(name="Ann", reason="wrong price")
Mails = Sequence[OutgoingMessage]
Does = Callable[[Mails], list[Outcome]]
MANY = 1000
DEADLINE = timedelta(seconds=30) + deliver.GRACE
SOON = deliver.LEASE + DEADLINE
"""After this every lease and deadline of a dead worker has run out."""


class Wire:
    """A way out for mail that remembers each offer, and does as it is told.

    `first` is what it does with the first groups, one by one, and `does` with all others.
    """

    name = "wire"
    group_size = 10
    longest_wait = timedelta(seconds=30)

    def __init__(self) -> None:
        self.offered: list[str] = []
        self.taken: list[str] = []
        self.addresses: dict[str, str] = {}
        self.first: list[Does] = []
        self.does: Does = accept

    def send(self, messages: Mails, *, now: datetime) -> list[Outcome]:
        """Take the messages, or not."""
        self.offered += [mail.uid for mail in messages]
        self.addresses |= {mail.uid: mail.mail.recipient.email for mail in messages}
        outcomes = (self.first.pop(0) if self.first else self.does)(messages)
        self.taken += [o.provider_id for o in outcomes if isinstance(o, Accepted)]
        return outcomes

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Do nothing: nothing is kept."""


def accept(mails: Mails) -> list[Outcome]:
    """Take everything."""
    return [Accepted(provider_id=mail.uid) for mail in mails]


@pytest.fixture
def wire(programme: Programme) -> Wire:
    """Let the programme's mail leave by the wire."""
    made = Wire()
    programme.ways = replace(programme.ways, transport=made)
    return made


def plan(programme: Programme, count: int, **odd: str) -> None:
    """Plan a mail for each of so many people; what is odd is so with Ada, the first of them."""
    others = (row(f"p{n}@plant{n % 89}.example") for n in range(1, count))
    programme.bring(row(ADA, **odd), *others)
    total = tick.Ticked()
    tick.think(programme.runtime, programme.ways, total, now=programme.now, limit=count)
    assert total.advance["planned"] == count


def mail(programme: Programme) -> tick.Ticked:
    """Settle what is in doubt, and send what is ready."""
    total = tick.Ticked()
    tick.settle(programme.runtime, programme.ways, total, now=programme.now)
    tick.mail(programme.runtime, programme.ways, total, now=programme.now, limit=MANY)
    return total


def rows(programme: Programme, state: str = "") -> list[Any]:
    """Return the mails in the state, or all of them."""
    with programme.database.read() as connection:
        found = connection.execute(select(messages).order_by(messages.c.id))
        return [each for each in found if state in ("", each.state)]


def states(programme: Programme) -> Counter[str]:
    """Count the mails in each state."""
    return Counter(each.state for each in rows(programme))


def test_one_mail_that_cannot_be_rendered_stops_none_of_a_thousand(database: Database) -> None:
    templates = dict(starter().templates)
    guide = templates["guide-delivery"]
    templates[guide.name] = replace(guide, subject="{{ lead.first_name }}", version="first name")
    programme = Programme(database, project=replace(starter(), templates=templates))
    plan(programme, MANY, first_name="")
    mail(programme)
    assert states(programme) == {"accepted": MANY - 1, "ready": 1}
    (bad,) = rows(programme, "ready")
    assert bad.reason == "not rendered: guide-delivery: the subject is empty"
    assert bad.lead_id == programme.lead(ADA)
    assert bad.not_before > programme.now


def assembled(message: OutgoingMessage) -> Outcome:
    """Answer as every transport does that has to make bytes of a mail."""
    try:
        to_bytes(message)
    except RenderError as error:
        return Refused(reason=str(error), permanent=True)
    return Accepted(provider_id=message.uid)


def test_one_address_that_no_header_can_hold_stops_none_of_a_thousand(
    programme: Programme, wire: Wire
) -> None:
    wire.does = lambda mails: [assembled(each) for each in mails]
    plan(programme, MANY)
    ada = programme.lead(ADA)
    forced = f"{ADA}\r\nBcc: everybody@plant.example"
    with programme.database.write() as connection:
        connection.execute(leads.update().where(leads.c.id == ada).values(email=forced))
    mail(programme)
    assert states(programme) == {"accepted": MANY - 1, "failed": 1}
    (bad,) = rows(programme, "failed")
    assert bad.lead_id == ada
    assert "not exactly one address" in bad.reason


# -- a bad transport -----------------------------------------------------------------------------


def explode(mails: Mails) -> list[Outcome]:
    raise RuntimeError


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(explode, id="it raises"),
        pytest.param(lambda _: [], id="it answers nothing"),
        pytest.param(lambda mails: accept(mails)[1:], id="it answers for all but one"),
        pytest.param(lambda mails: [*accept(mails), Accepted()], id="it answers once too often"),
    ],
)
def test_a_group_without_a_clear_answer_is_in_doubt_and_no_other(
    programme: Programme, wire: Wire, breaks: Does
) -> None:
    wire.first = [accept, breaks]
    plan(programme, 30)
    mail(programme)
    assert states(programme) == {"accepted": 20, "uncertain": 10}
    assert {each.uid for each in rows(programme, "uncertain")} == set(wire.offered[10:20])
    assert all(each.reason.startswith("the transport") for each in rows(programme, "uncertain"))
    programme.now += timedelta(hours=1)
    mail(programme)
    assert len(wire.offered) == len(set(wire.offered)) == 30


def halt_after(taken: int, until: datetime | None) -> Does:
    """Take so many of a group and refuse everything from there on."""

    def halt(mails: Mails) -> list[Outcome]:
        halted = Halted(reason="quota used up", until=until)
        return [*accept(mails[:taken]), *([halted] * (len(mails) - taken))]

    return halt


def test_what_a_halt_leaves_behind_stays_ready_and_is_not_burned(
    programme: Programme, wire: Wire
) -> None:
    wire.first = [accept, halt_after(3, None)]
    plan(programme, 35)
    assert mail(programme).halted == "quota used up"
    assert states(programme) == {"accepted": 13, "ready": 22}
    assert {each.tries for each in rows(programme, "ready")} == {0}
    assert len(wire.offered) == 20, "the groups behind it are not even offered"
    with programme.database.read() as connection:
        halted = switches.all_halted(connection, now=programme.now)
    assert halted == [("transport:wire", "quota used up", None)]


def test_a_halt_ends_when_it_said_and_every_mail_has_left_once(
    programme: Programme, wire: Wire
) -> None:
    wire.first = [accept, halt_after(3, programme.now + timedelta(hours=1))]
    plan(programme, 35)
    mail(programme)
    programme.now += timedelta(minutes=59)
    mail(programme)
    assert len(wire.offered) == 20
    programme.now += timedelta(minutes=1)
    assert mail(programme).halted == ""
    assert len(wire.taken) == len(set(wire.taken)) == 35


def test_a_halt_without_an_end_lasts_until_somebody_resumes(
    programme: Programme, wire: Wire
) -> None:
    wire.first = [halt_after(0, None)]
    plan(programme, 5)
    mail(programme)
    programme.now += timedelta(days=1)
    assert mail(programme).halted == "quota used up"
    by_hand.resume_sending(programme.runtime, ANN, now=programme.now)
    mail(programme)
    assert states(programme) == {"accepted": 5}


def test_a_pause_of_all_sending_reaches_a_delivery_that_is_under_way(
    programme: Programme, wire: Wire
) -> None:
    def pause(mails: Mails) -> list[Outcome]:
        by_hand.pause_sending(programme.runtime, ANN, until=None, now=programme.now)
        return accept(mails)

    batch = tick.GROUPS_A_BATCH * wire.group_size
    wire.first = [pause]
    plan(programme, 2 * batch)
    assert mail(programme).halted == "Ann: wrong price"
    assert len(wire.taken) <= batch, "what was leased together may still leave, and no more"
    by_hand.resume_sending(programme.runtime, ANN, now=programme.now)
    mail(programme)
    assert len(wire.taken) == len(set(wire.taken)) == 2 * batch


def test_a_mail_that_is_refused_for_good_is_not_offered_again(
    programme: Programme, wire: Wire
) -> None:
    refused = Refused(reason="no such mailbox", permanent=True)
    wire.first = [lambda mails: [refused, *accept(mails[1:])]]
    plan(programme, 10)
    mail(programme)
    programme.now += timedelta(days=1)
    mail(programme)
    assert states(programme) == {"accepted": 9, "failed": 1}
    assert rows(programme, "failed")[0].reason == "no such mailbox"
    assert len(wire.offered) == 10


def test_a_mail_that_is_refused_for_now_is_offered_ever_more_rarely_and_then_given_up(
    programme: Programme, wire: Wire
) -> None:
    wire.does = lambda mails: [Refused(reason="mailbox full", permanent=False) for _ in mails]
    plan(programme, 1)
    pauses = []
    mail(programme)
    for tried in range(1, MOST_REFUSALS):
        (again,) = rows(programme, "ready")
        pauses.append(again.not_before - programme.now)
        programme.now = again.not_before - timedelta(seconds=1)
        mail(programme)
        assert len(wire.offered) == tried
        programme.now = again.not_before
        mail(programme)
    growing = [pause for pause in pauses if pause < LONGEST_RETRY]
    assert all(later > 1.5 * sooner for sooner, later in pairwise(growing))
    (over,) = rows(programme, "failed")
    assert (over.tries, over.reason) == (MOST_REFUSALS, "gave up after 18 tries: mailbox full")


# -- a worker that dies --------------------------------------------------------------------------


def die(mails: Mails) -> list[Outcome]:
    """Take the group, and be gone before anybody hears of it."""
    raise SystemExit


@pytest.fixture
def orphans(programme: Programme, wire: Wire) -> list[str]:
    """Let a worker die over the second of three groups; return the ids of that group."""
    wire.first = [accept, die]
    plan(programme, 30)
    with pytest.raises(SystemExit):
        mail(programme)
    return wire.offered[10:]


def test_a_worker_that_dies_leaves_one_group_in_doubt(
    programme: Programme, orphans: list[str]
) -> None:
    assert states(programme) == {"accepted": 10, "dispatching": 10, "ready": 10}
    with programme.database.read() as connection:
        begun = select(attempts.c.message_id).where(attempts.c.finished_at.is_(None))
        unfinished = set(connection.scalars(begun))
    assert {each.uid for each in rows(programme) if each.id in unfinished} == set(orphans)


def test_a_group_is_left_alone_while_its_worker_may_be_alive(
    programme: Programme, orphans: list[str]
) -> None:
    programme.now += DEADLINE
    mail(programme)
    assert {each.uid for each in rows(programme, "dispatching")} == set(orphans)


def test_what_a_dead_worker_held_goes_on_and_what_it_was_sending_is_uncertain(
    programme: Programme, wire: Wire, orphans: list[str]
) -> None:
    programme.now += SOON
    assert mail(programme).deliver["reaped"] == 10
    assert states(programme) == {"accepted": 20, "uncertain": 10}
    assert {each.uid for each in rows(programme, "uncertain")} == set(orphans)
    assert len(wire.offered) == len(set(wire.offered)) == 30


def test_a_day_in_doubt_hands_a_mail_to_a_person(
    programme: Programme, wire: Wire, orphans: list[str]
) -> None:
    programme.now += SOON
    mail(programme)
    programme.now += PARK_AFTER
    assert mail(programme).deliver["parked"] == 0
    programme.now += timedelta(seconds=1)
    assert mail(programme).deliver["parked"] == 10
    programme.now += timedelta(days=30)
    mail(programme)
    assert {each.uid for each in rows(programme, "parked")} == set(orphans)
    assert len(wire.offered) == 30


@pytest.mark.parametrize(
    ("state", "pauses"),
    [("dispatching", []), ("uncertain", [SOON]), ("parked", [SOON, timedelta(days=2)])],
)
def test_a_report_of_the_provider_ends_the_doubt_without_a_second_mail(
    programme: Programme, wire: Wire, orphans: list[str], state: str, pauses: list[timedelta]
) -> None:
    for pause in pauses:
        programme.now += pause
        mail(programme)
    assert {each.uid for each in rows(programme, state)} == set(orphans)
    at, to = programme.now, wire.addresses
    told = (Told(uid, "message.delivered", uid, at, email=to[uid]) for uid in orphans)
    Provider(programme).post(*told)
    programme.now += timedelta(days=1)
    mail(programme)
    assert states(programme) == {"accepted": 30}
    assert len(wire.offered) == len(set(wire.offered)) == 30


def test_a_slow_workers_answer_still_counts_when_it_was_taken_for_dead(
    programme: Programme, wire: Wire
) -> None:
    def slow(mails: Mails) -> list[Outcome]:
        assert deliver.settle_doubt(programme.runtime, now=programme.now + SOON) == (5, 0)
        return accept(mails)

    wire.first = [slow]
    plan(programme, 5)
    mail(programme)
    assert states(programme) == {"accepted": 5}


def test_nothing_is_open_in_the_database_while_mail_leaves(
    programme: Programme, wire: Wire, database_url: str
) -> None:
    pool = programme.database.engine.pool
    assert isinstance(pool, QueuePool)
    in_use: list[int] = []

    def send(mails: Mails) -> list[Outcome]:
        in_use.append(pool.checkedout())
        with other.write() as connection:
            connection.execute(leads.update().values(note="written meanwhile"))
            connection.execute(messages.update().values(provider_id="written meanwhile"))
        return accept(mails)

    wire.does = send
    plan(programme, 20)
    with closing(open_database(database_url)) as other:
        event.listen(other.engine, "connect", impatient)
        mail(programme)
    assert in_use == [0, 0]
    # A writer that has to wait raises, and then no mail is accepted.
    assert states(programme) == {"accepted": 20}


def impatient(connection: DBAPIConnection, _record: object) -> None:
    """Wait a second for a lock, and no longer."""
    lite = type(connection).__module__.startswith("sqlite3")
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=1000" if lite else "SET lock_timeout = 1000")
    connection.commit()
