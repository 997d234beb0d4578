"""Who is at what: workers claim stretches of a queue, and mail that leaves is in a departure."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import chain
from typing import NoReturn

import pytest
from sqlalchemy import event, func, select, update

from nurture.core.enrollment import Enrollment
from nurture.core.event import EventKind
from nurture.core.message import Halted, Message, MessageState, Outcome, Refused
from nurture.core.planning import SETTLE
from nurture.engine import advance, assess, deliver, tick
from nurture.store import (
    dispatch,
    doubts,
    enrollments,
    history,
    invariants,
    leases,
    messages,
    queues,
    sending,
)
from nurture.store.db import Connection, Database
from nurture.store.tables import (
    departures,
    enrollments as enrollment_rows,
    leases as lease_rows,
    messages as message_rows,
)
from tests.engine.programme import TUESDAY, Programme
from tests.engine.test_deliver_trouble import (  # noqa: F401 (wire is a fixture)
    ADA,
    DEADLINE,
    Mails,
    Wire,
    mail,
    plan,
    rows,
    states,
    wire,
)

TEN = 10


def claim(programme: Programme, limit: int, *lead_ids: int) -> leases.Claimed[Message]:
    """Claim ready mails in a transaction of their own."""
    with programme.database.lease() as connection:
        return messages.claim(
            connection,
            now=programme.now,
            lease=deliver.LEASE,
            limit=limit,
            lead_ids=lead_ids or None,
        )


def ids(claimed: leases.Claimed[Message]) -> list[int]:
    """Return which mails were claimed."""
    return [message.id for message in claimed.rows]


def count(programme: Programme) -> tuple[int, int]:
    """Return how many leases and how many departures there are."""
    with programme.database.read() as connection:
        leased = select(func.count()).select_from(lease_rows)
        leaving = select(func.count()).select_from(departures)
        return connection.scalar(leased) or 0, connection.scalar(leaving) or 0


class TestStretches:
    def test_nobody_claims_what_another_is_at(self, programme: Programme) -> None:
        plan(programme, TEN)
        first, second = claim(programme, 4), claim(programme, TEN)
        assert len(ids(first)) == 4
        assert len(ids(second)) == 6
        assert not {*ids(first)} & {*ids(second)}
        assert ids(claim(programme, TEN)) == []
        leases.give_back(programme.database, first)
        assert ids(claim(programme, TEN)) == ids(first)

    def test_workers_that_claim_at_once_get_different_mails(self, programme: Programme) -> None:
        plan(programme, 40)
        with ThreadPoolExecutor(8) as workers:
            claimed = list(workers.map(lambda _: ids(claim(programme, 5)), range(8)))
        assert [len(each) for each in claimed] == [5] * 8
        assert len(set(chain.from_iterable(claimed))) == 40

    def test_the_lease_of_a_dead_worker_runs_out(self, programme: Programme) -> None:
        plan(programme, TEN)
        lost = claim(programme, TEN)
        programme.now += deliver.LEASE - timedelta(seconds=1)
        assert ids(claim(programme, TEN)) == []
        programme.now += timedelta(seconds=1)
        assert ids(claim(programme, TEN)) == ids(lost)
        assert count(programme)[0] == 1, "the lost one is forgotten"

    def test_what_is_due_beyond_a_stretch_can_be_claimed(self, lite: Programme) -> None:
        plan(lite, TEN)
        claimed = claim(lite, 5)
        inside, beyond = claimed.rows[0].id, 10
        later = lite.now + timedelta(minutes=1)
        with lite.database.write() as connection:
            among = message_rows.c.id.in_((inside, beyond))
            connection.execute(update(message_rows).where(among).values(not_before=later))
        lite.now = later
        assert {inside, beyond} <= {*ids(claim(lite, TEN))}

    def test_some_leads_are_not_leased_but_left_alone_if_somebody_is_at_them(
        self, programme: Programme
    ) -> None:
        plan(programme, TEN)
        ada = programme.lead(ADA)
        (own,) = claim(programme, TEN, ada).rows
        assert own.lead_id == ada
        assert count(programme)[0] == 0
        assert own.id in ids(claim(programme, TEN))
        assert ids(claim(programme, TEN, ada)) == []

    def test_queues_are_leased_apart(self, programme: Programme) -> None:
        plan(programme, TEN)
        programme.now += timedelta(days=3)
        assert len(ids(claim(programme, TEN))) == TEN
        assert len(self.due(programme)) == TEN, "they look whether their mail has left"
        assert self.due(programme) == []

    def due(self, programme: Programme) -> list[Enrollment]:
        """Claim the enrollments that are due."""
        with programme.database.lease() as connection:
            return enrollments.claim(
                connection, now=programme.now, lease=advance.LEASE, limit=TEN
            ).rows

    def test_a_tick_leaves_no_lease_behind(self, programme: Programme, wire: Wire) -> None:  # noqa: F811 (fixture)
        plan(programme, 25)
        mail(programme)
        assert states(programme) == {"accepted": 25}
        assert count(programme) == (0, 0)


class TestWhatComesInMeanwhile:
    @pytest.mark.parametrize("rings", [False, True], ids=["tick", "doorbell"])
    def test_what_rests_on_older_facts_is_decided_anew(
        self, programme: Programme, monkeypatch: pytest.MonkeyPatch, rings: bool
    ) -> None:
        plan(programme, 1)
        mail(programme)
        programme.now += timedelta(days=3)
        ada, read = programme.lead(ADA), history.mailed
        leaves = [ada]

        def slowly(connection: Connection, ids: Sequence[int], *, now: datetime) -> history.Mailed:
            found = read(connection, ids, now=now)
            if leaves:
                programme.happens(leaves.pop(), EventKind.MESSAGE_UNSUBSCRIBED)
                assert assess.run(programme.runtime, now=now).leads == 1
            return found

        monkeypatch.setattr(history, "mailed", slowly)
        whose = [ada] if rings else None
        assert advance.run(programme.runtime, now=programme.now, lead_ids=whose).stale == 1
        assert advance.run(programme.runtime, now=programme.now, lead_ids=whose).ended == 1
        assert len(rows(programme)) == 1

    def test_what_another_worker_was_told_to_try_later_is_not_given_back_to_be_tried_now(
        self,
        programme: Programme,
        wire: Wire,  # noqa: F811 (fixture)
    ) -> None:
        plan(programme, 20)
        everybody = [each.lead_id for each in rows(programme)]
        soon = programme.now + timedelta(minutes=15)

        def halts(mails: Mails) -> list[Outcome]:
            mail(programme)
            return [Halted(reason="closed", until=soon) for _ in mails]

        wire.first = [halts]
        wire.does = lambda mails: [Refused(reason="451 later", permanent=False) for _ in mails]
        doorbell, ways = tick.Ticked(), programme.ways
        tick.mail(
            programme.runtime, ways, doorbell, now=programme.now, limit=TEN * 2, lead_ids=everybody
        )
        assert doorbell.halted == "closed"
        refused = [each for each in rows(programme) if each.tries]
        assert len(refused) == TEN
        assert {each.reason for each in refused} == {"451 later"}
        assert min(each.not_before for each in refused) > programme.now + timedelta(minutes=2)

    def test_a_mail_that_is_held_for_longer_than_a_year_leaves_before_the_next_is_planned(
        self, programme: Programme
    ) -> None:
        plan(programme, 1)
        year = timedelta(days=400)
        with programme.database.write() as connection:
            connection.execute(
                update(message_rows).values(planned_at=programme.now + timedelta(days=3) - year)
            )
            connection.execute(
                update(enrollment_rows).values(entered_at=programme.now + timedelta(days=3) - year)
            )
        programme.now += timedelta(days=3)
        assert advance.run(programme.runtime, now=programme.now).planned == 0
        mail(programme)
        programme.now += SETTLE
        assert advance.run(programme.runtime, now=programme.now).planned == 1


class TestDepartures:
    @pytest.fixture
    def dead(self, programme: Programme, wire: Wire) -> Programme:  # noqa: F811 (fixture)
        """Let a worker die while its second group is leaving."""

        def die(_: Mails) -> NoReturn:
            raise KeyboardInterrupt

        plan(programme, 25)
        wire.first = [wire.does, die]
        with pytest.raises(KeyboardInterrupt):
            mail(programme)
        return programme

    def test_what_leaves_is_found_while_it_does(self, dead: Programme) -> None:
        assert states(dead) == {"accepted": 10, "dispatching": 10, "ready": 5}
        assert count(dead)[1] == 1
        with dead.database.read() as connection:
            assert sending.leaving(connection) == (10, dead.now)
            assert queues.in_doubt(connection) == {MessageState.DISPATCHING: 10}
            assert len(doubts.leaving(connection)) == 10
            assert doubts.in_doubt(connection) == []

    def test_it_is_in_doubt_when_its_deadline_has_passed(self, dead: Programme) -> None:
        dead.now += DEADLINE
        mail(dead)
        assert states(dead)["dispatching"] == 10
        dead.now += timedelta(seconds=1)
        mail(dead)
        assert states(dead)["uncertain"] == 10
        assert count(dead)[1] == 0
        with dead.database.read() as connection:
            assert queues.in_doubt(connection) == {MessageState.UNCERTAIN: 10}
            assert len(doubts.in_doubt(connection)) == 10
            assert doubts.leaving(connection) == []

    def test_mail_that_leaves_in_no_departure_is_a_broken_promise(self, dead: Programme) -> None:
        with dead.database.write() as connection:
            kept = {rule.id: rule.broken for rule in invariants.check_all(connection)}
            assert kept["I11"] == ()
            connection.execute(departures.delete())
            kept = {rule.id: rule.broken for rule in invariants.check_all(connection)}
        assert len(kept["I11"]) == 10
        assert all(text.endswith("leaving, and in no departure") for text in kept["I11"])

    def test_a_mail_that_begins_to_leave_meanwhile_breaks_no_promise(
        self, postgres_database: Database
    ) -> None:
        programme = Programme(postgres_database)
        plan(programme, 1)
        begins = [
            dispatch.NewDeparture(
                attempts=[dispatch.NewAttempt(one, 1, "")],
                transport="w",
                account="",
                deadline=TUESDAY,
            )
            for one in ids(claim(programme, 1))
        ]

        def meanwhile(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if begins and "departures" in statement:
                with postgres_database.write() as connection:
                    dispatch.begin(connection, begins.pop(), now=programme.now)

        with postgres_database.read() as connection:
            event.listen(postgres_database.engine, "after_cursor_execute", meanwhile)
            kept = {rule.id: rule.broken for rule in invariants.check_all(connection)}
        assert begins == []
        assert kept["I11"] == ()
