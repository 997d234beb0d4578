"""Provider posts and replies: facts about the message they name, in any order, once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from itertools import permutations
from urllib.parse import unquote

import pytest

from nurture.core.errors import RefusedInput
from nurture.core.event import EventKind
from nurture.core.message import MessageState, Uncertain
from nurture.engine import echo, replies
from nurture.store import events, leads, raw_posts, timeline
from tests.engine.programme import Programme, row

ADA = "ada@berg-foods.example"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True)
class Told:
    """One provider event, as an adapter would hand it over."""

    event_id: str
    kind: str
    message_uid: str | None
    occurred_at: datetime
    email: str = ADA
    machine: bool | None = None
    reason: str = ""
    url: str = "https://www.example.test/plan"
    user_agent: str = BROWSER
    ip: str = "198.51.100.7"
    soft: bool = False


@dataclass
class Provider:
    """Posts events to the programme and lets it work them."""

    programme: Programme
    posts: list[Sequence[Told]] = field(default_factory=list)

    def post(self, *told: Told) -> echo.Echoed:
        """Store a post and work it."""
        self.posts.append(told)
        number = str(len(self.posts) - 1).encode()
        with self.programme.database.write() as connection:
            raw_posts.keep(connection, provider="p", body=number, now=self.programme.now)
        return echo.run(
            self.programme.runtime,
            {"p": lambda body: (self.posts[int(body)], ())},
            now=self.programme.now,
        )


@pytest.fixture
def provider(programme: Programme) -> Provider:
    """Bring in Ada and let her first mail leave."""
    programme.bring(row(ADA))
    programme.tick()
    return Provider(programme)


def told(provider: Provider, kind: EventKind, seconds: float = 0, **more: object) -> Told:
    """Return an event about the first mail, so many seconds after it left."""
    first = provider.programme.post.sent[0]
    at = provider.programme.now + timedelta(seconds=seconds)
    given = {"event_id": f"{kind}/{seconds}", "message_uid": first.uid} | more
    return Told(kind=str(kind), occurred_at=at, **given)  # type: ignore[arg-type]


def mail(provider: Provider) -> dict[str, object]:
    """Return the first mail's row."""
    programme = provider.programme
    with programme.database.read() as connection:
        return dict(timeline.messages_of(connection, programme.lead(ADA))[0])


ORDERLY = (
    (EventKind.MESSAGE_PROCESSED, 1),
    (EventKind.MESSAGE_DEFERRED, 2),
    (EventKind.MESSAGE_DELIVERED, 3),
    (EventKind.MESSAGE_BOUNCED, 900),
)


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_events_in_any_order_and_twice_end_in_one_state(
    provider: Provider, order: tuple[int, ...]
) -> None:
    provider.programme.now += timedelta(hours=1)
    for index in (*order, *order):
        kind, seconds = ORDERLY[index]
        provider.post(told(provider, kind, seconds - 3600))
    assert mail(provider)["delivery"] == "bounced"
    lead_id = provider.programme.lead(ADA)
    assert provider.programme.standing(lead_id)["suppressed"] == "bounced"
    with provider.programme.database.read() as connection:
        kinds = [event.kind for event in events.of_lead(connection, lead_id)]
    assert sum(kind in dict(ORDERLY) for kind in kinds) == 4


def test_an_event_about_somebody_elses_mail_is_ignored(provider: Provider) -> None:
    stranger = told(provider, EventKind.MESSAGE_COMPLAINED, email="else@berg-foods.example")
    counts = provider.post(stranger)
    assert (counts.events, counts.unmatched) == (0, 1)
    lead_id = provider.programme.lead(ADA)
    assert provider.programme.standing(lead_id)["suppressed"] == ""


def test_a_late_bounce_without_our_ids_stops_the_address_and_touches_no_mail(
    provider: Provider,
) -> None:
    provider.post(told(provider, EventKind.MESSAGE_BOUNCED, message_uid=None))
    lead_id = provider.programme.lead(ADA)
    assert provider.programme.standing(lead_id)["suppressed"] == "bounced"
    assert mail(provider)["delivery"] == "none"


def test_late_bounces_of_several_addresses_stop_them_all(provider: Provider) -> None:
    programme = provider.programme
    programme.bring(row("bo@berg-foods.example"), name="more.csv")
    addresses = (ADA, "bo@berg-foods.example")
    provider.post(
        *(
            told(provider, EventKind.MESSAGE_BOUNCED, email=a, message_uid=None, event_id=a)
            for a in addresses
        )
    )
    stopped = [programme.standing(programme.lead(a))["suppressed"] for a in addresses]
    assert stopped == ["bounced", "bounced"]


def test_a_late_bounce_of_somebody_we_know_is_a_fact_about_them(provider: Provider) -> None:
    late = told(provider, EventKind.MESSAGE_BOUNCED, message_uid=None, reason="550 gone")
    assert (provider.post(late).events, provider.post(late).events) == (1, 0)
    programme = provider.programme
    with programme.database.read() as connection:
        last = events.of_lead(connection, programme.lead(ADA))[-1]
    assert (last.kind, last.subject, last.detail) == (
        EventKind.MESSAGE_BOUNCED,
        "",
        {"reason": "550 gone"},
    )


def test_a_late_report_about_nobody_here_stops_the_address_for_whoever_comes(
    provider: Provider,
) -> None:
    programme, bo = provider.programme, "bo@berg-foods.example"
    stranger = told(provider, EventKind.MESSAGE_COMPLAINED, email=bo, message_uid=None)
    assert provider.post(stranger).stopped == 1
    programme.bring(row(bo), name="more.csv")
    assert programme.standing(programme.lead(bo))["suppressed"] == "complained"


def test_the_gravest_reason_stands_whatever_came_first(provider: Provider) -> None:
    lead_id = provider.programme.lead(ADA)
    for kind, stands in (
        (EventKind.MESSAGE_UNSUBSCRIBED, "unsubscribed"),
        (EventKind.MESSAGE_BOUNCED, "bounced"),
        (EventKind.MESSAGE_COMPLAINED, "complained"),
        (EventKind.MESSAGE_DROPPED, "complained"),
    ):
        provider.post(told(provider, kind))
        assert provider.programme.standing(lead_id)["suppressed"] == stands


@pytest.mark.parametrize(
    ("soft", "stopped"),
    [
        pytest.param(True, "soft bounces", id="a mailbox that stays full"),
        pytest.param(False, "", id="turned away because of us"),
    ],
)
def test_the_third_mail_that_comes_back_stops_the_address(
    provider: Provider, soft: bool, stopped: str
) -> None:
    programme = provider.programme
    programme.wait(days=9)
    uids = [message.uid for message in programme.post.sent][:3]
    assert len(uids) == 3
    for number, uid in enumerate((*uids[:2], uids[0], *uids[2:])):
        assert programme.standing(programme.lead(ADA))["suppressed"] == ""
        back = told(provider, EventKind.MESSAGE_BLOCKED, message_uid=uid, event_id=str(number))
        provider.post(replace(back, soft=soft))
    assert programme.standing(programme.lead(ADA))["suppressed"] == stopped


def test_an_event_proves_that_an_uncertain_mail_was_taken(programme: Programme) -> None:
    programme.post.answer = lambda _: Uncertain(reason="the answer was lost")
    programme.bring(row(ADA))
    programme.tick()
    provider = Provider(programme)
    with programme.database.read() as connection:
        (lost,) = timeline.messages_of(connection, programme.lead(ADA))
    assert lost["state"] == MessageState.UNCERTAIN
    at = programme.now
    provider.post(Told("e1", "message.delivered", str(lost["uid"]), at))
    assert mail(provider)["state"] == MessageState.ACCEPTED


def reply(provider: Provider, text: str, **headers: str) -> bytes:
    """Return a mail that answers the first one."""
    first = provider.programme.post.sent[0]
    message = EmailMessage()
    message["From"] = ADA
    message["In-Reply-To"] = f"<{first.uid}@mail.havelock-air.example>"
    message["Message-ID"] = f"<{abs(hash(text))}@berg-foods.example>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def test_a_reply_is_a_fact_with_its_own_words(provider: Provider) -> None:
    programme = provider.programme
    raw = reply(provider, "Please call me.\n\nOn Tuesday Ingrid at Havelock Air wrote:\n> quoted")
    lead_id = programme.lead(ADA)
    for _ in range(2):
        taken = replies.take_reply(programme.runtime, raw, now=programme.now)
        assert taken == replies.Taken(lead_id=lead_id, meaning=replies.Meaning.REPLY)
    with programme.database.read() as connection:
        found = [
            event
            for event in events.of_lead(connection, lead_id)
            if event.kind is EventKind.MESSAGE_REPLIED
        ]
    assert [event.detail for event in found] == [{"text": "Please call me."}]


def test_an_auto_reply_moves_nothing(provider: Provider) -> None:
    programme = provider.programme
    raw = reply(provider, "I am away.", Auto_Submitted="auto-replied")
    replies.take_reply(programme.runtime, raw, now=programme.now)
    with programme.database.read() as connection:
        lead = leads.read(connection, [programme.lead(ADA)])[programme.lead(ADA)]
    assert lead.last_life_at == lead.captured_at


@pytest.mark.parametrize(
    "words",
    [
        "stop", "STOP!", " Unsubscribe ", "abmelden.", "Please unsubscribe me.",
        "STOP\n\nSent from my iPhone", "stop\n\n-- \nAda", "Stop\nThanks, Ada",
        "Hello Ingrid,\n\nplease unsubscribe\n\nAda", "bitte austragen",
    ],
)  # fmt: skip
def test_a_reply_that_says_stop_unsubscribes(provider: Provider, words: str) -> None:
    programme = provider.programme
    taken = replies.take_reply(programme.runtime, reply(provider, words), now=programme.now)
    assert taken
    assert taken.meaning is replies.Meaning.OPT_OUT
    assert programme.standing(programme.lead(ADA))["suppressed"] == "unsubscribed"


def test_html_alone_is_read_as_its_words(provider: Provider) -> None:
    programme = provider.programme
    raw = reply(provider, "<div>stop</div>").replace(b"text/plain", b"text/html")
    taken = replies.take_reply(programme.runtime, raw, now=programme.now)
    assert taken
    assert taken.meaning is replies.Meaning.OPT_OUT


@pytest.mark.parametrize(
    "words",
    [
        "Do not stop!", "We had to stop the line, call me.", "Can I unsubscribe my colleague?",
        "Yes.\n\nOn Tuesday Ingrid wrote:\n> stop",
    ],
)  # fmt: skip
def test_a_reply_that_only_has_the_word_in_it_is_a_reply(provider: Provider, words: str) -> None:
    programme = provider.programme
    taken = replies.take_reply(programme.runtime, reply(provider, words), now=programme.now)
    assert taken
    assert taken.meaning is replies.Meaning.REPLY
    assert programme.standing(programme.lead(ADA))["suppressed"] == ""


def test_the_unsubscribe_button_of_a_mailbox_is_understood(provider: Provider) -> None:
    programme = provider.programme
    (mailto,) = re.findall(
        r"<mailto:[^?>]+\?subject=([^>]+)>",
        dict(programme.post.sent[0].mail.headers)["List-Unsubscribe"],
    )
    pressed = EmailMessage()
    pressed["From"], pressed["Subject"] = ADA, unquote(mailto)
    pressed["Auto-Submitted"] = "auto-generated"
    taken = replies.take_reply(programme.runtime, pressed.as_bytes(), now=programme.now)
    assert taken
    assert taken.meaning is replies.Meaning.OPT_OUT
    assert programme.standing(programme.lead(ADA))["suppressed"] == "unsubscribed"


def test_a_mail_that_answers_none_of_ours_is_nobodys(provider: Provider) -> None:
    raw = b"From: x@y.example\r\nIn-Reply-To: <abc@y.example>\r\n\r\nhello"
    assert replies.take_reply(provider.programme.runtime, raw, now=provider.programme.now) is None


def test_a_huge_reply_is_refused(provider: Provider) -> None:
    with pytest.raises(RefusedInput, match="larger"):
        replies.take_reply(
            provider.programme.runtime, b"x" * (replies.LARGEST_REPLY + 1),
            now=provider.programme.now,
        )  # fmt: skip
