"""A server that refuses everybody loses no mail and stops nobody, until a person mends it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from socket import socket

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import InternalError, OperationalError

from nurture.core.doubt import Evidence
from nurture.core.errors import MisuseError
from nurture.core.event import EventKind
from nurture.core.message import Accepted, Outcome, Refused
from nurture.core.refusal import DOUBTED, HALT, IN_A_ROW
from nurture.engine import by_hand, deliver, held, intake, outcomes, retrying, sending
from nurture.engine.doubt import Evidences
from nurture.render.mime import to_bytes
from nurture.store.db import Connection
from nurture.store.doubts import Selection
from nurture.store.outage import Outage
from nurture.store.tables import audit, events, leads, messages
from nurture.transports.smtp import SmtpSettings, SmtpTransport, Tls
from tests.engine.programme import Programme, row
from tests.engine.test_deliver_trouble import (
    ADA,
    ANN,
    Mails,
    Wire,
    accept,
    mail,
    plan,
    rows,
    states,
)
from tests.transports.servers import HOST, SmtpServer, serving

NO = Refused(reason="550 no", permanent=True)
NO_MAILBOX = Refused(reason="550 5.1.1 no", permanent=True, no_mailbox=True)
EVERYTHING = Selection()


@pytest.fixture
def wire(programme: Programme) -> Wire:
    """Let the programme's mail leave by the wire."""
    return wired(programme)


def wired(programme: Programme) -> Wire:
    made = Wire()
    programme.ways = replace(programme.ways, transport=made)
    return made


def warned(programme: Programme) -> tuple[str, ...]:
    return sending.look(programme.runtime, now=programme.now).warnings


def suppressed(programme: Programme) -> int:
    with programme.database.read() as connection:
        found = select(func.count()).where(leads.c.suppressed != "")
        return connection.execute(found).scalar_one()


def test_a_relay_that_refuses_us_delays_mail_until_it_is_mended(programme: Programme) -> None:
    server = SmtpServer(says={"RCPT": "554 5.7.1 Relay access denied"})
    with serving(server) as port:
        account = SmtpSettings(host=HOST, port=port, tls=Tls.NONE, local_name="me")
        way = SmtpTransport(account, to_bytes=to_bytes)
        programme.ways = replace(programme.ways, transport=way)
        plan(programme, 20)
        for _ in range(8):
            assert "refuses us" in mail(programme).halted
            programme.now += HALT
        assert states(programme) == {"ready": 20}
        assert max(each.tries for each in rows(programme)) == 1, "the first could be its own fault"
        server.says.clear()
        programme.now += DOUBTED
        mail(programme)
        assert states(programme) == {"accepted": 20}
        way.close()


class UnsureOfOne(SmtpServer):
    """Never knows whether it relays for Ada, and for everybody else it does."""

    def _say(self, connection: socket, verb: str, usual: str) -> bool:
        is_ada = verb == "RCPT" and ADA in self.commands[-1]
        return super()._say(connection, verb, "454 4.7.1 not now" if is_ada else usual)


def test_a_server_that_is_unsure_of_one_recipient_for_ever_holds_up_nobody_else(
    lite: Programme,
) -> None:
    with serving(UnsureOfOne()) as port:
        account = SmtpSettings(host=HOST, port=port, tls=Tls.NONE, local_name="me")
        way = SmtpTransport(account, to_bytes=to_bytes)
        lite.ways = replace(lite.ways, transport=way)
        plan(lite, 20)
        assert mail(lite).halted == ""
        assert states(lite) == {"accepted": 19, "ready": 1}
        (hers,) = rows(lite, "ready")
        assert (hers.tries, hers.reason) == (1, "smtp: 454 4.7.1 not now")
        way.close()


@pytest.mark.parametrize("answer", [NO, NO_MAILBOX])
def test_a_server_that_refuses_everybody_stops_nobody_and_fails_nothing(
    programme: Programme, wire: Wire, answer: Refused
) -> None:
    wire.does = lambda mails: [answer for _ in mails]
    plan(programme, 40)
    assert "in a row were refused" in mail(programme).halted
    assert len(wire.offered) == wire.group_size, "the first group is enough to see it"
    assert (states(programme), suppressed(programme)) == ({"ready": 40}, 0)
    (said,) = warned(programme)
    assert said.startswith("wire has refused the last 5 people or more and taken nothing since")
    assert said.endswith(answer.reason)
    wire.does = accept
    programme.now += DOUBTED
    mail(programme)
    assert states(programme) == {"accepted": 40}
    assert warned(programme) == ()


class Quoting(SmtpServer):
    """Refuses us for good, and says to whom we must not write."""

    def _say(self, connection: socket, verb: str, usual: str) -> bool:
        name = self.commands[-1].partition("<")[2].partition("@")[0] if self.commands else ""
        refused = f"554 5.7.1 relaying denied to {name.upper()} (Ada Berg)"
        return super()._say(connection, verb, refused if verb == "RCPT" else usual)


def test_what_a_server_says_of_somebody_names_nobody(lite: Programme) -> None:
    with serving(Quoting()) as port:
        account = SmtpSettings(host=HOST, port=port, tls=Tls.NONE, local_name="me")
        way = SmtpTransport(account, to_bytes=to_bytes)
        lite.ways = replace(lite.ways, transport=way)
        lite.bring(*(row(f"{name}@plant.example") for name in ("ada", "bea.berg+x", "cleo")))
        told = [lite.tick().halted, *(each.reason for each in rows(lite)), *warned(lite)]
        way.close()
    assert len(told) == 5
    ends = {said.partition("denied ")[2] for said in told}
    assert ends == {"to <name> (<name>)"}


class NotForThese(SmtpServer):
    """Refuses us for good, or for now, whenever we write to one of the first eight."""

    reply = ""

    def _say(self, connection: socket, verb: str, usual: str) -> bool:
        is_one = verb == "RCPT" and re.search(r"<p[0-7]@", self.commands[-1])
        return super()._say(connection, verb, self.reply if is_one else usual)


@pytest.mark.parametrize("reply", ["554 5.7.1 Relay access denied", "454 4.7.1 not now"])
def test_a_few_whom_the_relay_may_never_mail_hold_up_nobody_behind_them(
    lite: Programme, reply: str
) -> None:
    server = NotForThese()
    server.reply = reply
    with serving(server) as port:
        account = SmtpSettings(host=HOST, port=port, tls=Tls.NONE, local_name="me")
        way = SmtpTransport(account, to_bytes=to_bytes)
        lite.ways = replace(lite.ways, transport=way)
        plan(lite, 40)
        for _ in range(12):
            mail(lite)
            lite.now += HALT
        assert states(lite) == {"accepted": 32, "ready": 8}
        way.close()


def test_a_mail_that_the_provider_never_takes_holds_up_no_other(lite: Programme) -> None:
    wire = wired(lite)
    plan(lite, 50)
    bad = {each.uid for each in rows(lite)[:40]}
    wire.does = lambda mails: [NO if m.uid in bad else Accepted(provider_id=m.uid) for m in mails]
    for _ in range(12):
        mail(lite)
        lite.now += HALT
    assert set(wire.taken) == {each.uid for each in rows(lite)[40:]}


def alone(answer: Outcome) -> Wire:
    made = Wire()
    made.group_size = 1
    made.does = lambda _: [answer]
    return made


def test_mails_that_leave_one_by_one_make_a_row_too(lite: Programme) -> None:
    wire = alone(NO)
    lite.ways = replace(lite.ways, transport=wire)
    plan(lite, 9)
    assert "5 people in a row" in mail(lite).halted
    assert states(lite) == {"failed": IN_A_ROW - 1, "ready": 9 - IN_A_ROW + 1}


def test_a_person_who_lets_sending_go_on_begins_the_row_afresh(lite: Programme) -> None:
    lite.ways = replace(lite.ways, transport=alone(NO))
    plan(lite, 9)
    mail(lite)
    by_hand.resume_sending(lite.runtime, ANN, now=lite.now)
    mail(lite)
    assert states(lite)["failed"] == 8


# -- what has failed -----------------------------------------------------------------------------


def failing(programme: Programme, wire: Wire) -> None:
    """Let three of ten mails fail, one of them for its mailbox."""
    wire.first = [lambda mails: [NO, NO, NO_MAILBOX, *accept(mails[3:])]]
    plan(programme, 10)
    mail(programme)
    assert states(programme) == {"accepted": 7, "failed": 3}


def test_what_failed_is_told_with_its_reason_for_a_day(programme: Programme, wire: Wire) -> None:
    failing(programme, wire)
    failed = sending.look(programme.runtime, now=programme.now).failed
    assert (failed.mails, failed.of_that, failed.reason) == (2, 2, "550 no")
    later = programme.now + timedelta(hours=25)
    assert sending.look(programme.runtime, now=later).failed.mails == 0


def test_what_failed_is_sent_once_more_when_a_person_says_so(
    programme: Programme, wire: Wire
) -> None:
    failing(programme, wire)
    programme.now += timedelta(hours=1)
    with pytest.raises(MisuseError, match="2 mails have failed there, and not 3"):
        retrying.retry_all(programme.runtime, EVERYTHING, ANN, count=3, now=programme.now)
    retrying.retry_all(programme.runtime, EVERYTHING, ANN, count=2, now=programme.now)
    mail(programme)
    assert states(programme) == {"accepted": 9, "failed": 1}, "who has no mailbox is stopped"
    with programme.database.read() as connection:
        actions = list(connection.scalars(select(audit.c.action)))
        kinds = list(connection.scalars(select(events.c.kind)))
    assert actions.count("message.retried") == kinds.count(EventKind.MESSAGE_RESOLVED) == 2


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Selection(transport="wire"), 2),
        (Selection(transport="smtp"), 0),
        (Selection(sequence="welcome"), 2),
        (Selection(sequence="welcome", step="nowhere"), 0),
    ],
)
def test_a_selection_says_which_failed_mails_are_meant(
    lite: Programme, wanted: Selection, count: int
) -> None:
    failing(lite, wired(lite))
    retrying.retry_all(lite.runtime, wanted, ANN, count=count, now=lite.now)
    assert states(lite).get("ready", 0) == count


def test_a_mail_that_has_not_failed_is_not_tried_again(lite: Programme) -> None:
    failing(lite, wired(lite))
    (first, _, gone) = rows(lite, "failed")
    sent = rows(lite, "accepted")[0]
    with pytest.raises(MisuseError, match="is accepted; it has not failed"):
        retrying.retry(lite.runtime, [first.uid, sent.uid], ANN, now=lite.now)
    with pytest.raises(MisuseError, match="somebody who is stopped"):
        retrying.retry(lite.runtime, [gone.uid], ANN, now=lite.now)
    assert states(lite)["failed"] == 3
    retrying.retry(lite.runtime, [first.uid[:12]], ANN, now=lite.now)
    assert states(lite)["ready"] == 1


def test_what_has_expired_is_not_sent_however_often_it_is_tried(lite: Programme) -> None:
    failing(lite, wired(lite))
    with lite.database.write() as connection:
        connection.execute(messages.update().values(expires_at=lite.now + timedelta(hours=1)))
    lite.now += timedelta(hours=2)
    retrying.retry_all(lite.runtime, EVERYTHING, ANN, count=2, now=lite.now)
    mail(lite)
    assert states(lite) == {"accepted": 7, "failed": 1, "expired": 2}


# -- a worker that stands still, a database that is gone -----------------------------------------


def test_a_worker_that_stood_still_sends_nothing_after_its_time(programme: Programme) -> None:
    """It slept between the commit that says "leaving" and the first byte; another one reaped."""
    wire = wired(programme)
    plan(programme, 3)
    begun, times = programme.now, [timedelta(), timedelta()]

    def clock() -> datetime:
        if times:
            return begun + times.pop(0)
        assert deliver.settle_doubt(programme.runtime, now=begun + 2 * HALT) == (3, 0)
        assert states(programme) == {"uncertain": 3}
        return begun + 2 * HALT

    ways = programme.ways
    deliver.run(programme.runtime, ways.mailroom, ways.transport, now=begun, clock=clock)
    assert wire.offered == []
    assert states(programme) == {"ready": 3}, "of these attempts everything is known"
    assert {each.tries for each in rows(programme)} == {0}


def test_mail_of_a_dead_worker_is_seen_at_once(lite: Programme) -> None:
    def die(_: Mails) -> list[Outcome]:
        raise SystemExit

    wired(lite).first = [die]
    plan(lite, 3)
    with pytest.raises(SystemExit):
        mail(lite)
    begun, lite.now = lite.now, lite.now + timedelta(seconds=20)
    found = held.look(lite.runtime, Evidences(rules=Evidence()), limit=9, now=lite.now).mails
    assert [(one.state, one.reason, one.since) for one in found] == [
        ("dispatching", "leaving by wire", begun)
    ] * 3
    now = sending.look(lite.runtime, now=lite.now)
    assert (now.leaving, now.leaving_since) == (3, begun)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no database."""
    monkeypatch.setattr(outcomes, "PAUSES", (0.0, 0.0))


def going_away(programme: Programme, wire: Wire, times: int) -> list[int]:
    """Let the database be gone so many times after a group was taken; count down what is left."""
    left = [0]

    def gone(_: Connection) -> None:
        if left[0]:
            left[0] -= 1
            # Then another takes its place, and may only be read at first.
            kind = InternalError if left[0] == 0 else OperationalError
            raise kind("BEGIN", {}, ConnectionError("server closed the connection"))

    def take(mails: Mails) -> list[Outcome]:
        left[0] = times
        return accept(mails)

    event.listen(programme.database.engine, "begin", gone)
    wire.first = [take]
    return left


@pytest.mark.usefixtures("impatient")
def test_answers_outlast_a_database_that_is_gone_for_a_moment(
    programme: Programme, wire: Wire
) -> None:
    plan(programme, 10)
    going_away(programme, wire, times=2)
    mail(programme)
    assert states(programme) == {"accepted": 10}


@pytest.mark.usefixtures("impatient")
def test_a_database_that_stays_away_leaves_the_group_to_doubt(
    programme: Programme, wire: Wire
) -> None:
    plan(programme, 10)
    left = going_away(programme, wire, times=3)
    with pytest.raises(Outage):
        mail(programme)
    assert left == [0]
    assert states(programme) == {"dispatching": 10}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError(), id="it is wrong"),
        # So says PostgreSQL of a damaged index too, and after an error that somebody swallowed.
        pytest.param(InternalError("INSERT", {}, Exception()), id="it looks like an outage"),
    ],
)
def test_a_bounce_that_cannot_be_recorded_takes_no_answer_along(
    programme: Programme, wire: Wire, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    wire.first = [lambda mails: [NO_MAILBOX, *accept(mails[1:])]]
    plan(programme, 10)
    monkeypatch.setattr(intake, "record", broken)
    mail(programme)
    assert states(programme) == {"accepted": 9, "failed": 1}
