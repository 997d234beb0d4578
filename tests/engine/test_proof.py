"""What proves that a mail has left: our own pages, replies, and reports of the right account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from nurture.core.doubt import Evidence
from nurture.core.event import EventKind
from nurture.core.message import OnUncertain, Uncertain
from nurture.core.token import Grant, Purpose, sign
from nurture.engine import echo, held, public, replies, tick
from nurture.engine.doubt import Evidences
from nurture.engine.traces import Caller
from nurture.store import events, raw_posts
from nurture.store.tables import attempts
from tests.engine.programme import SECRETS, Programme, row, starter
from tests.engine.test_deliver_trouble import Wire, mail, rows, states
from tests.engine.test_echo import ADA, BROWSER, Told

BO = "bo@berg-foods.example"
PERSON = Caller(user_agent=BROWSER, ip="203.0.113.9")
MACHINE = Caller(user_agent="Barracuda Sentinel", ip="203.0.113.10")
DELIVERED = EventKind.MESSAGE_DELIVERED
MINUTE = timedelta(minutes=1)
QUIET = timedelta(minutes=31)


class Line(Wire):
    """A wire of one account, whose provider reports."""

    account = "ours"


class Doubt:
    """A programme whose mail to Ada is in doubt, and whose templates let it be sent again."""

    def __init__(self, programme: Programme) -> None:
        self.programme, self.line = programme, Line()
        self.posts: dict[bytes, Sequence[Told]] = {}
        programme.project = replace(
            starter(),
            templates={
                name: replace(template, on_uncertain=OnUncertain.RESEND)
                for name, template in starter().templates.items()
            },
        )
        self.evidences = Evidences(transport="wire", rules=Evidence(reports=True))
        programme.ways = replace(
            programme.ways,
            transport=self.line,
            evidences=self.evidences,
            parsers={"wire": lambda body: (self.posts[bytes(body)], ())},
        )
        self.began = programme.now

    def send(self, email: str, *, lose: bool = False) -> Any:
        """Let a mail to somebody new leave, and return its row."""
        if lose:
            self.line.first = [lambda mails: [Uncertain(reason="lost") for _ in mails]]
        self.programme.bring(row(email), name=f"{email}.csv")
        ways, now = self.programme.ways, self.programme.now
        tick.think(self.programme.runtime, ways, tick.Ticked(), now=now, limit=9)
        mail(self.programme)
        return rows(self.programme)[-1]

    def post(self, *told: Told, at: datetime) -> None:
        """Let a post come in then, to be worked later."""
        body = str(len(self.posts)).encode()
        self.posts[body] = told
        with self.programme.database.write() as connection:
            raw_posts.keep(connection, provider="wire", body=body, now=at)

    def after(self, wait: timedelta) -> list[str]:
        """Let so much time pass since the beginning, and return what was offered again."""
        self.programme.now = self.began + wait
        self.programme.tick()
        offered = self.line.offered
        return sorted({uid for uid in offered if offered.count(uid) > 1})

    def why(self) -> str:
        """Return what is said of the mail in doubt."""
        seen = held.look(self.programme.runtime, self.evidences, limit=9, now=self.programme.now)
        return " ".join(each.settles for each in seen.mails)


@pytest.fixture
def doubt(lite: Programme) -> Doubt:
    """Return a programme of which one mail is in doubt."""
    made = Doubt(lite)
    made.send(ADA, lose=True)
    return made


# -- what happens here ---------------------------------------------------------------------------


def token(purpose: Purpose, uid: str) -> str:
    """Return what stands in a link of the mail."""
    return sign(SECRETS.links, Grant(purpose=purpose, subject=uid, number=0))


def click(doubt: Doubt, uid: str, caller: Caller = PERSON) -> None:
    programme = doubt.programme
    public.follow_click(
        programme.runtime,
        programme.ways.mailroom,
        token(Purpose.CLICK, uid),
        caller,
        now=programme.now,
    )


def machine(doubt: Doubt, uid: str) -> None:
    click(doubt, uid, MACHINE)


def head(doubt: Doubt, uid: str) -> None:
    click(doubt, uid, replace(MACHINE, method="HEAD"))


def look(doubt: Doubt, uid: str) -> None:
    given, purpose = token(Purpose.UNSUBSCRIBE, uid), Purpose.UNSUBSCRIBE
    public.note_look(doubt.programme.runtime, given, purpose, MACHINE, now=doubt.programme.now)


def one_click(doubt: Doubt, uid: str) -> None:
    given = token(Purpose.UNSUBSCRIBE, uid)
    public.unsubscribe(doubt.programme.runtime, given, now=doubt.programme.now)


def choice(doubt: Doubt, uid: str) -> None:
    given = token(Purpose.PREFERENCES, uid)
    public.choose_topics(doubt.programme.runtime, given, ["guides"], now=doubt.programme.now)


def reply(doubt: Doubt, uid: str, more: str = "") -> None:
    raw = f"From: {ADA}\r\nIn-Reply-To: <{uid}@m.example>\r\n{more}\r\nThank you!".encode()
    replies.take_reply(doubt.programme.runtime, raw, now=doubt.programme.now)


def absence(doubt: Doubt, uid: str) -> None:
    reply(doubt, uid, "Auto-Submitted: auto-replied\r\n")


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        (click, "its link was followed"),
        (machine, "its link was followed"),
        (head, "its link was followed"),
        (look, "its link was followed"),
        (one_click, "its link was followed"),
        (choice, "its link was followed"),
        (reply, "it was answered"),
        (absence, "it was answered"),
    ],
)
def test_whoever_uses_what_stands_in_a_mail_has_received_it(
    doubt: Doubt, use: Callable[[Doubt, str], None], reason: str
) -> None:
    lost = rows(doubt.programme, "uncertain")[0]
    doubt.programme.now += 10 * MINUTE
    use(doubt, lost.uid)
    (known,) = rows(doubt.programme)
    assert (known.state, known.reason, known.accepted_at) == ("accepted", reason, doubt.began)


def test_a_mail_that_was_used_is_not_sent_again_whatever_is_reported_of_others(
    doubt: Doubt,
) -> None:
    other = doubt.send(BO)
    lost = rows(doubt.programme, "uncertain")[0]
    doubt.programme.now += 10 * MINUTE
    click(doubt, lost.uid, MACHINE)
    at = doubt.began + 20 * MINUTE
    doubt.post(Told("1", DELIVERED, other.uid, at, email=BO), at=at)
    assert doubt.after(QUIET) == []


def test_a_click_that_settles_a_doubt_may_be_a_persons(doubt: Doubt) -> None:
    lost = rows(doubt.programme, "uncertain")[0]
    doubt.programme.now += 10 * MINUTE
    click(doubt, lost.uid)
    doubt.after(QUIET)
    with doubt.programme.database.read() as connection:
        found = events.of_lead(connection, lost.lead_id)
    assert [e.human for e in found if e.kind is EventKind.MESSAGE_CLICKED] == [True]


def test_a_mail_that_is_to_leave_again_does_not_once_it_was_answered(doubt: Doubt) -> None:
    other = doubt.send(BO)
    lost = rows(doubt.programme, "uncertain")[0]
    at = doubt.began + 20 * MINUTE
    doubt.post(Told("1", DELIVERED, other.uid, at, email=BO), at=at)
    programme, doubt.programme.now = doubt.programme, doubt.began + QUIET
    echo.run(programme.runtime, programme.ways.parsers, now=programme.now)
    tick.settle(programme.runtime, programme.ways, tick.Ticked(), now=programme.now)
    assert states(programme)["ready"] == 1
    reply(doubt, lost.uid)
    assert doubt.after(QUIET) == []


def test_nothing_is_sent_again_while_a_reply_is_still_to_be_worked(doubt: Doubt) -> None:
    other = doubt.send(BO)
    at, programme = doubt.began + 20 * MINUTE, doubt.programme
    doubt.post(Told("1", DELIVERED, other.uid, at, email=BO), at=at)
    programme.now = doubt.began + QUIET
    echo.run(programme.runtime, programme.ways.parsers, now=programme.now)
    with programme.database.write() as connection:
        raw_posts.keep(connection, provider=replies.PROVIDER, body=b"", now=programme.now)
    tick.settle(programme.runtime, programme.ways, tick.Ticked(), now=programme.now)
    assert states(programme) == {"accepted": 1, "uncertain": 1}


def test_a_reply_was_given_when_it_came_in(doubt: Doubt) -> None:
    lost = rows(doubt.programme, "uncertain")[0]
    came_in = doubt.began + 2 * MINUTE
    raw = f"From: {ADA}\r\nIn-Reply-To: <{lost.uid}@m.example>\r\n\r\nThank you!".encode()
    with doubt.programme.database.write() as connection:
        raw_posts.keep(connection, provider=replies.PROVIDER, body=raw, now=came_in)
    doubt.after(QUIET)
    with doubt.programme.database.read() as connection:
        found = events.of_lead(connection, lost.lead_id)
    assert [e.occurred_at for e in found if e.kind is EventKind.MESSAGE_REPLIED] == [came_in]


# -- who is heard --------------------------------------------------------------------------------


def test_a_mail_leaves_again_when_the_same_account_reports_another_of_ours(doubt: Doubt) -> None:
    other = doubt.send(BO)
    at = doubt.began + 6 * MINUTE
    doubt.post(Told("1", DELIVERED, other.uid, at, email=BO), at=at)
    assert doubt.after(QUIET) == [rows(doubt.programme)[0].uid]


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        pytest.param(EventKind.MESSAGE_OPENED, {}, id="an open of a mail of any age"),
        pytest.param(EventKind.MESSAGE_BOUNCED, {}, id="a bounce, and nothing else is reported"),
        pytest.param(DELIVERED, {"message_uid": "e" * 32}, id="a mail that is not ours"),
        pytest.param(DELIVERED, {"message_uid": None}, id="no mail at all"),
        pytest.param(DELIVERED, {"email": "x@y.example"}, id="a recipient that is not the mail's"),
    ],
)
def test_other_reports_show_nothing(doubt: Doubt, kind: EventKind, changes: dict[str, Any]) -> None:
    other, at = doubt.send(BO), doubt.began + 6 * MINUTE
    told = Told("1", str(kind), other.uid, at, email=BO)
    doubt.post(replace(told, **changes), at=at)
    assert doubt.after(QUIET) == []
    assert "the provider has reported nothing at all since then" in doubt.why()


def test_reports_of_another_account_show_nothing(lite: Programme) -> None:
    doubt = Doubt(lite)
    doubt.line.account = "the one before"
    other = doubt.send(BO)
    doubt.line.account = "ours"
    doubt.send(ADA, lose=True)
    at = doubt.began + 6 * MINUTE
    doubt.post(Told("1", DELIVERED, other.uid, at, email=BO), at=at)
    assert doubt.after(QUIET) == []


def test_an_attempt_names_its_account(programme: Programme) -> None:
    Doubt(programme).send(ADA)
    with programme.database.read() as connection:
        assert connection.scalars(select(attempts.c.account)).all() == ["ours"]


# -- and when ------------------------------------------------------------------------------------


def test_what_was_posted_before_the_attempt_ended_shows_nothing_however_late_it_is_worked(
    doubt: Doubt,
) -> None:
    other = doubt.send(BO)
    ahead = doubt.began + 10 * MINUTE
    doubt.post(Told("1", DELIVERED, other.uid, ahead, email=BO), at=doubt.began + MINUTE)
    assert doubt.after(QUIET) == []


def test_a_delivery_was_no_later_than_its_report_however_late_that_is_worked(
    lite: Programme,
) -> None:
    doubt = Doubt(lite)
    sent = doubt.send(ADA)
    ahead = doubt.began + 31 * MINUTE
    doubt.post(Told("1", DELIVERED, sent.uid, ahead), at=doubt.began + MINUTE)
    lite.now = doubt.began + 15 * MINUTE
    click(doubt, sent.uid)
    doubt.after(40 * MINUTE)
    with lite.database.read() as connection:
        found = events.of_lead(connection, sent.lead_id)
    told = {e.kind: (e.occurred_at, e.human) for e in found}
    assert told[DELIVERED] == (doubt.began + MINUTE, True)
    assert told[EventKind.MESSAGE_CLICKED] == (doubt.began + 15 * MINUTE, True)


# -- stops of mail that we do not know -----------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (EventKind.MESSAGE_COMPLAINED, "complained"),
        (EventKind.MESSAGE_UNSUBSCRIBED, "unsubscribed"),
        (EventKind.MESSAGE_BOUNCED, "bounced"),
        (EventKind.MESSAGE_DELIVERED, ""),
        (EventKind.MESSAGE_OPENED, ""),
    ],
)
def test_of_a_mail_that_is_not_known_here_only_what_stops_its_address_counts(
    lite: Programme, kind: EventKind, reason: str
) -> None:
    doubt = Doubt(lite)
    sent = doubt.send(ADA)
    doubt.post(Told("1", str(kind), "f" * 32, lite.now), at=lite.now)
    done = echo.run(lite.runtime, lite.ways.parsers, now=lite.now)
    assert lite.standing(lite.lead(ADA))["suppressed"] == reason
    assert (done.events, done.unmatched) == ((1, 0) if reason else (0, 1))
    assert rows(lite)[0].delivery == sent.delivery
