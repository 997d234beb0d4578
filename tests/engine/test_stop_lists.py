"""SendGrid's own stop lists, read from a server on loopback: what a lost report would have told."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from nurture.core.errors import MisuseError, RefusedInput
from nurture.core.event import STOPS_MAIL, EventKind
from nurture.engine import stop_lists
from nurture.store import events
from nurture.transports.sendgrid import SendGridSettings
from nurture.transports.sendgrid_suppressions import PAGE, SendGridStopLists
from tests.engine.programme import Programme, row
from tests.engine.test_echo import Provider, told
from tests.transports.servers import read_request, serving

ADA, BO = "ada@berg-foods.example", "bo@berg-foods.example"


@dataclass
class Account:
    """An account at SendGrid: what stands on its lists, and what was asked of it."""

    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, int]]] = field(default_factory=list)
    status: int = 200
    raw: bytes | None = None

    def __call__(self, connection: socket.socket) -> None:
        """Answer the requests of one connection."""
        while request := read_request(connection):
            target = urlsplit(request.split(b" ")[1].decode())
            asked = {key: int(value[0]) for key, value in parse_qs(target.query).items()}
            name = target.path.removeprefix("/v3/suppression/")
            self.asked.append((name, asked))
            start, end = asked.get("start_time", 0), asked["end_time"]
            found = [e for e in self.lists.get(name, []) if start <= e["created"] <= end]
            page = found[asked["offset"] : asked["offset"] + asked["limit"]]
            body = json.dumps(page).encode() if self.raw is None else self.raw
            head = f"HTTP/1.1 {self.status} x\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)

    def put(self, name: str, email: str, at: Any, **more: Any) -> None:
        """Put an address on a list."""
        entry = {"created": int(at.timestamp()), "email": email} | more
        self.lists.setdefault(name, []).insert(0, entry)


@contextmanager
def reading(account: Account) -> Iterator[SendGridStopLists]:
    """Serve the account and yield who reads its lists."""
    with serving(account) as port:
        settings = SendGridSettings(api_key="key", base_url=f"http://127.0.0.1:{port}")
        lists = SendGridStopLists(settings)
        try:
            yield lists
        finally:
            lists.close()


def pull(programme: Programme, account: Account) -> stop_lists.Pulled:
    """Read the account's lists now."""
    with reading(account) as lists:
        return stop_lists.run(programme.runtime, lists, now=programme.now)


def kinds(programme: Programme, email: str) -> list[EventKind]:
    """Return what stopped the lead."""
    with programme.database.read() as connection:
        found = events.of_lead(connection, programme.lead(email))
    return [event.kind for event in found if event.kind in STOPS_MAIL]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bounces", "bounced"),
        ("spam_reports", "complained"),
        ("invalid_emails", "dropped by the provider"),
        ("unsubscribes", "unsubscribed"),
    ],
)
def test_whoever_stands_on_a_list_is_stopped(lite: Programme, name: str, reason: str) -> None:
    lite.bring(row(ADA))
    account = Account()
    account.put(name, ADA.upper(), lite.now - timedelta(days=1), reason="550 5.1.1 no such user")
    account.put("blocks", BO, lite.now)
    assert pull(lite, account) == stop_lists.Pulled(listed=1, leads=1)
    assert lite.standing(lite.lead(ADA))["suppressed"] == reason
    assert {name for name, _ in account.asked} == set(stop_lists.LISTS), "no list of blocks"


def test_what_was_read_once_is_no_news_the_next_day(programme: Programme) -> None:
    programme.bring(row(ADA))
    account = Account()
    account.put("bounces", ADA, programme.now - timedelta(minutes=5))
    account.put("bounces", "stranger@else.example", programme.now - timedelta(minutes=5))
    assert pull(programme, account) == stop_lists.Pulled(listed=2, leads=1, strangers=1)
    first = programme.now
    programme.now += timedelta(days=1)
    assert pull(programme, account) == stop_lists.Pulled(listed=2)
    assert kinds(programme, ADA) == [EventKind.MESSAGE_BOUNCED]
    since = {asked.get("start_time") for _, asked in account.asked}
    assert since == {None, int((first - timedelta(hours=1)).timestamp())}
    programme.bring(row("stranger@else.example"), name="more.csv")
    assert programme.standing(programme.lead("stranger@else.example"))["suppressed"] == "bounced"


def test_what_the_webhook_has_told_is_no_news(lite: Programme) -> None:
    lite.bring(row(ADA))
    lite.tick()
    provider = Provider(lite)
    provider.post(told(provider, EventKind.MESSAGE_UNSUBSCRIBED))
    account = Account()
    account.put("unsubscribes", ADA, lite.now + timedelta(seconds=2))
    lite.now += timedelta(days=1)
    assert pull(lite, account) == stop_lists.Pulled(listed=1)
    account.put("spam_reports", ADA, lite.now - timedelta(minutes=1))
    assert pull(lite, account).leads == 1, "something graver is"
    assert kinds(lite, ADA) == [EventKind.MESSAGE_UNSUBSCRIBED, EventKind.MESSAGE_COMPLAINED]


def test_a_long_list_is_read_to_its_end(lite: Programme) -> None:
    account = Account()
    for number in range(2 * PAGE + 1):
        account.put("bounces", f"p{number}@else.example", lite.now - timedelta(days=2))
    assert pull(lite, account) == stop_lists.Pulled(listed=1001, strangers=1001)
    asked = [asked["offset"] for name, asked in account.asked if name == "bounces"]
    assert asked == [0, PAGE, 2 * PAGE]


def test_entries_that_make_no_sense_are_left_out(lite: Programme) -> None:
    account = Account(raw=b'[1, {}, {"email": "x"}, {"email": "a@b.example", "created": true}]')
    assert pull(lite, account).listed == 0


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"email": "bo\ud800@berg-foods.example"}, id="half a character"),
        pytest.param({"email": "bo\x00@berg-foods.example"}, id="a NUL"),
        pytest.param({"reason": "bo\ud800\x00"}, id="both in its reason"),
    ],
)
def test_what_no_address_can_hold_costs_that_entry_alone(
    programme: Programme, entry: dict[str, str]
) -> None:
    programme.bring(row(ADA))
    account = Account()
    account.put("spam_reports", ADA, programme.now)
    account.put("spam_reports", BO, programme.now)
    account.lists["spam_reports"][0] |= entry
    assert pull(programme, account).listed == 1 + ("email" not in entry)
    assert kinds(programme, ADA) == [EventKind.MESSAGE_COMPLAINED]


def test_a_number_without_end_costs_that_entry_alone(lite: Programme) -> None:
    lite.bring(row(ADA))
    listed = f'{{"email": "{ADA}", "created": {int(lite.now.timestamp())}}}'
    endless = f'{{"email": "{BO}", "created": {"9" * 5000}}}'
    account = Account(raw=f"[{endless}, {listed}]".encode())
    pull(lite, account)
    assert kinds(lite, ADA) == [EventKind.MESSAGE_COMPLAINED]


@pytest.mark.parametrize(
    ("account", "error"),
    [
        (Account(status=401), MisuseError),
        (Account(status=403), MisuseError),
        (Account(status=429), RefusedInput),
        (Account(status=503), RefusedInput),
        (Account(raw=b"{}"), RefusedInput),
        (Account(raw=b"["), RefusedInput),
    ],
)
def test_a_list_that_cannot_be_read_is_read_from_there_the_next_time(
    lite: Programme, account: Account, error: type[Exception]
) -> None:
    with pytest.raises(error, match="sendgrid"):
        pull(lite, account)
    working = Account()
    working.put("bounces", "old@else.example", lite.now - timedelta(days=300))
    assert pull(lite, working).strangers == 1
