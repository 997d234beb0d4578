from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from nurture.core.errors import MisuseError
from nurture.core.message import Accepted, Address, Halted, Outcome, Refused, Uncertain
from nurture.transports import sendgrid
from nurture.transports.base import LEFT_OVER, PATIENCE, Transport
from nurture.transports.sendgrid import (
    HOSTS,
    PooledClient,
    Region,
    SendGridSettings,
    SendGridTransport,
)
from tests.transports.letters import NOW, Certificate, letter
from tests.transports.servers import HOST, closed_port, drip, read_request, reset, serving

KEY = "SG.secret"
OK = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: m1\r\nContent-Length: 0\r\n\r\n"


def transport(port: int, **changes: object) -> SendGridTransport:
    options: dict[str, object] = {
        "api_key": KEY,
        "base_url": f"http://{HOST}:{port}/",
        "read_seconds": 2.0,
        **changes,
    }
    return SendGridTransport(SendGridSettings(**options))  # type: ignore[arg-type]


def answering(*answers: bytes, seen: list[bytes] | None = None) -> Callable[[socket.socket], None]:
    """Answer the requests of one connection with these, the last one for all that follow."""

    def talk(connection: socket.socket) -> None:
        rest = list(answers)
        while request := read_request(connection):
            if seen is not None:
                seen.append(request)
            connection.sendall(rest.pop(0) if len(rest) > 1 else rest[0])

    return talk


def answer(status: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def outcome_of(response: bytes, **changes: object) -> Outcome:
    with serving(answering(response)) as port:
        way = transport(port, **changes)
        [outcome] = way.send([letter()], now=NOW)
        way.close()
    return outcome


def test_it_is_a_transport() -> None:
    way: Transport = transport(1)
    assert (way.name, way.group_size) == ("sendgrid", 20)
    way.forget([])
    way.close()


def test_messages_go_one_a_call_over_one_connection() -> None:
    seen: list[bytes] = []
    connections = []

    def talk(connection: socket.socket) -> None:
        connections.append(connection)
        answering(OK, seen=seen)(connection)

    with serving(talk) as port:
        way = transport(port)
        outcomes = way.send([letter(n) for n in range(3)], now=NOW)
        way.close()
    assert outcomes == [Accepted(provider_id="m1")] * 3
    assert len(connections) == 1
    for number, request in enumerate(seen):
        head, _, body = request.partition(b"\r\n\r\n")
        assert head.startswith(b"POST /v3/mail/send HTTP/1.1\r\n")
        assert b"authorization: bearer sg.secret" in head.lower()
        assert b"content-type: application/json" in head.lower()
        [person] = json.loads(body)["personalizations"]
        assert person["custom_args"]["nurture_message"] == f"{number:032x}"


HALTED = "sendgrid: 401 authorization: wrong key"
ERRORS = b'{"errors": [{"message": "wrong key", "field": "authorization", "help": null}]}'


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        pytest.param(OK, Accepted(provider_id="m1"), id="202"),
        pytest.param(
            answer("202 Accepted"),
            Accepted(note="odd: 202 without the usual signs", odd=True),
            id="202 without an id",
        ),
        pytest.param(
            answer("200 OK", headers={"X-Message-Id": "m1"}),
            Accepted(provider_id="m1", note="odd: 200 without the usual signs", odd=True),
            id="200 outside the sandbox",
        ),
        pytest.param(
            answer("400 Bad Request", b'{"errors":[{"message":"no","field":null}]}'),
            Refused(reason="sendgrid: 400 request: no", permanent=True),
            id="400",
        ),
        pytest.param(
            answer(
                "400 Bad Request", b'{"errors":[{"message":"not verified","field":"from.email"}]}'
            ),
            Halted(
                reason="sendgrid: the sender is refused: 400 from.email: not verified",
                until=NOW + timedelta(minutes=15),
            ),
            id="400 about the sender of all mail",
        ),
        pytest.param(
            answer("400 Bad Request", b"<html>\x00proxy for ana@example.com"),
            Refused(reason="sendgrid: 400 <html> proxy for <address>", permanent=True),
            id="400 of something else",
        ),
        pytest.param(
            answer("400 Bad Request", b'{"errors": 7}'),
            Refused(reason='sendgrid: 400 {"errors": 7}', permanent=True),
            id="400 of an odd shape",
        ),
        pytest.param(
            answer("404 Not Found"), Refused(reason="sendgrid: 404", permanent=True), id="404"
        ),
        pytest.param(answer("405 No"), Refused(reason="sendgrid: 405", permanent=True), id="405"),
        pytest.param(
            answer("408 Slow"),
            Refused(reason="sendgrid: 408 the request came too slowly", permanent=False),
            id="408",
        ),
        pytest.param(
            answer("413 Large"), Refused(reason="sendgrid: 413", permanent=True), id="413"
        ),
        pytest.param(answer("415 No"), Refused(reason="sendgrid: 415", permanent=True), id="415"),
        pytest.param(answer("401 No", ERRORS), Halted(reason=HALTED), id="401"),
        pytest.param(answer("403 No"), Halted(reason="sendgrid: 403"), id="403"),
        pytest.param(
            answer("301 Moved", headers={"Location": "https://elsewhere.example/"}),
            Halted(reason="sendgrid: 301; is the base URL right?"),
            id="301 is not followed",
        ),
        pytest.param(answer("500 Error"), Uncertain(reason="sendgrid: 500"), id="500"),
        pytest.param(answer("502 Error"), Uncertain(reason="sendgrid: 502"), id="502"),
        pytest.param(answer("503 Error"), Uncertain(reason="sendgrid: 503"), id="503"),
        pytest.param(answer("504 Error"), Uncertain(reason="sendgrid: 504"), id="504"),
    ],
)
def test_a_status_proves(response: bytes, outcome: Outcome) -> None:
    assert outcome_of(response) == outcome


def test_a_503_is_a_refusal_for_those_who_trust_its_documentation() -> None:
    assert outcome_of(answer("503 Error"), treat_503_as_refused=True) == Refused(
        reason="sendgrid: 503 not available", permanent=False
    )


def test_in_the_sandbox_200_is_the_usual_answer() -> None:
    assert outcome_of(answer("200 OK"), sandbox=True) == Accepted(note="sandbox: checked, not sent")


SOON = (NOW - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() + 90


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        pytest.param({"X-RateLimit-Reset": f"{SOON:.0f}"}, timedelta(seconds=90), id="a time"),
        pytest.param({"X-RateLimit-Reset": "42"}, timedelta(seconds=42), id="a waiting time"),
        pytest.param({"X-RateLimit-Reset": "1600000000"}, timedelta(seconds=1), id="long ago"),
        pytest.param({"X-RateLimit-Reset": "99999999999"}, timedelta(days=1), id="never"),
        pytest.param({"Retry-After": "7"}, timedelta(seconds=7), id="the other header"),
        pytest.param(
            {"X-RateLimit-Reset": "soon", "Retry-After": "7"}, timedelta(seconds=7), id="odd"
        ),
        pytest.param({"Retry-After": "-7"}, timedelta(minutes=1), id="odder"),
        pytest.param({}, timedelta(minutes=1), id="nothing said"),
    ],
)
def test_too_many_requests_halt_until_calls_are_welcome(
    headers: dict[str, str], pause: timedelta
) -> None:
    assert outcome_of(answer("429 Too Many", headers=headers)) == Halted(
        reason="sendgrid: 429 too many requests", until=NOW + pause
    )


def test_what_halts_one_message_keeps_the_rest() -> None:
    seen: list[bytes] = []
    with serving(answering(OK, answer("401 No"), seen=seen)) as port:
        way = transport(port)
        outcomes = way.send([letter(n) for n in range(4)], now=NOW)
        way.close()
    assert outcomes == [Accepted(provider_id="m1"), *[Halted(reason="sendgrid: 401")] * 3]
    assert len(seen) == 2


def test_a_group_that_takes_too_long_goes_back_untried() -> None:
    ticks = iter([0.0, 1.0, 61.0])
    seen: list[bytes] = []
    with serving(answering(OK, seen=seen)) as port:
        account = SendGridSettings(api_key=KEY, base_url=f"http://{HOST}:{port}/")
        way = SendGridTransport(account, monotonic=lambda: next(ticks))
        outcomes = way.send([letter(n) for n in range(3)], now=NOW)
        way.close()
    assert outcomes == [Accepted(provider_id="m1"), LEFT_OVER, LEFT_OVER]
    assert len(seen) == 1
    assert way.longest_wait == PATIENCE + timedelta(seconds=95)


def cut_before_reading(connection: socket.socket) -> None:
    connection.recv(1)
    reset(connection)


def cut_after_reading(connection: socket.socket) -> None:
    read_request(connection)
    reset(connection)


def hang_up(connection: socket.socket) -> None:
    read_request(connection)


def half_an_answer(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 202 Acc")


def half_a_body(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\na")


def nonsense(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"220 smtp here\r\n")


def silence(connection: socket.socket) -> None:
    read_request(connection)
    time.sleep(0.6)


def dripping_headers(connection: socket.socket) -> None:
    read_request(connection)
    drip(connection, b"HTTP/1.1 202 Accepted\r\nX-Drip: ")


def dripping_body(connection: socket.socket) -> None:
    read_request(connection)
    drip(connection, b"HTTP/1.1 202 Accepted\r\nX-Message-Id: m1\r\nContent-Length: 99\r\n\r\n")


@pytest.mark.parametrize(
    "talk",
    [
        *(cut_before_reading, cut_after_reading, hang_up, half_an_answer, nonsense, silence),
    ],
)
def test_without_a_whole_answer_a_message_is_uncertain_and_never_sent_again(
    talk: Callable[[socket.socket], None],
) -> None:
    connections = []

    def count(connection: socket.socket) -> None:
        connections.append(connection)
        talk(connection)

    with serving(count) as port:
        way = transport(port, read_seconds=0.3)
        [outcome] = way.send([letter(html="<p>" + "a" * 500_000)], now=NOW)
        way.close()
    assert isinstance(outcome, Uncertain)
    assert outcome.reason.startswith("sendgrid: no answer: ")
    assert len(connections) == 1


@pytest.mark.parametrize(("talk", "provider_id"), [(half_a_body, ""), (dripping_body, "m1")])
def test_the_status_is_the_answer_whatever_becomes_of_the_body(
    talk: Callable[[socket.socket], None], provider_id: str
) -> None:
    with serving(talk) as port:
        way = transport(port, connect_seconds=0.1, read_seconds=0.1)
        [outcome] = way.send([letter()], now=NOW)
        way.close()
    assert isinstance(outcome, Accepted)
    assert outcome.provider_id == provider_id


def test_calls_go_over_tls_to_whom_an_authority_vouches_for(
    server_tls: ssl.SSLContext, certificate: Certificate
) -> None:
    with serving(answering(OK), tls=server_tls) as port:
        trusted = {"base_url": f"https://localhost:{port}", "ca_file": str(certificate.certificate)}
        way = transport(port, **trusted)
        outcomes = way.send([letter(1), letter(2)], now=NOW)
        way.close()
        [strange] = transport(port, **(trusted | {"ca_file": ""})).send([letter()], now=NOW)
    assert outcomes == [Accepted(provider_id="m1")] * 2
    assert isinstance(strange, Halted)


@pytest.mark.parametrize("talk", [dripping_headers, dripping_body])
def test_no_call_lasts_longer_than_it_may(talk: Callable[[socket.socket], None]) -> None:
    with serving(talk) as port:
        way = transport(port, connect_seconds=0.1, read_seconds=0.1)
        began = time.monotonic()
        way.send([letter()], now=NOW)
        took = time.monotonic() - began
        way.close()
    assert took < 1


def test_an_uncertain_message_does_not_hold_up_the_next() -> None:
    talks = iter([hang_up, answering(OK)])

    def talk(connection: socket.socket) -> None:
        next(talks)(connection)

    with serving(talk) as port:
        way = transport(port)
        first, second = way.send([letter(1), letter(2)], now=NOW)
        way.close()
    assert isinstance(first, Uncertain)
    assert second == Accepted(provider_id="m1")


def test_where_nobody_listens_everything_is_kept() -> None:
    outcomes = transport(closed_port()).send([letter(1), letter(2)], now=NOW)
    assert len(outcomes) == 2
    for outcome in outcomes:
        assert isinstance(outcome, Halted)
        assert outcome.until == NOW + timedelta(seconds=30)


@pytest.mark.parametrize("base_url", ["ftp://127.0.0.1", "127.0.0.1", "http://"])
def test_a_base_url_that_cannot_be_called_halts(base_url: str) -> None:
    [outcome] = transport(1, base_url=base_url).send([letter()], now=NOW)
    assert isinstance(outcome, Halted)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"api_key": "SG.ä"}, id="a key that is not ASCII"),
        pytest.param({"api_key": "SG.soft\xadhyphen"}, id="a soft hyphen in a key"),
        pytest.param({"base_url": "http://api..example"}, id="half a host"),
        pytest.param({"ca_file": "/nowhere/ca.pem"}, id="an authority that is not there"),
    ],
)
def test_a_setting_that_nobody_can_be_called_with_halts(wrong: dict[str, str]) -> None:
    given = {"api_key": "SG.key", "base_url": f"http://{HOST}:{closed_port()}"} | wrong
    sender = SendGridTransport(SendGridSettings(**given))  # type: ignore[arg-type]
    outcomes = sender.send([letter(1), letter(2)], now=NOW)
    assert all(isinstance(outcome, Halted) for outcome in outcomes)
    assert "ä" not in str(outcomes)


def test_what_breaks_a_limit_is_refused_without_a_call_and_the_next_one_is_sent() -> None:
    seen: list[bytes] = []
    with serving(answering(OK, seen=seen)) as port:
        way = transport(port)
        messages = [
            letter(1, recipient=Address(name="", email="ü@b.example")),
            letter(2, html="\ud800"),
            letter(3),
        ]
        foreign, half, sent = way.send(messages, now=NOW)
        way.close()
    assert foreign == Refused(
        reason="sendgrid: SendGrid takes only ASCII addresses", permanent=True, asked=False
    )
    broken = "sendgrid: the mail holds half a character"
    assert half == Refused(reason=broken, permanent=True, asked=False)
    assert sent == Accepted(provider_id="m1")
    assert len(seen) == 1


def test_a_body_larger_than_sendgrid_takes_is_refused_without_a_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sendgrid, "MAX_BODY_BYTES", 100)
    [outcome] = transport(1).send([letter()], now=NOW)
    assert outcome == Refused(reason="sendgrid: larger than 30 MB", permanent=True, asked=False)


@pytest.mark.parametrize("region", Region)
def test_the_region_chooses_the_host(region: Region) -> None:
    client = PooledClient(SendGridSettings(api_key=KEY, region=region))
    assert str(client.http.base_url) == HOSTS[region]
    assert client.host == HOSTS[region]
    client.http.close()


def test_it_may_be_used_again_after_closing() -> None:
    with serving(answering(OK)) as port:
        way = transport(port)
        for _ in range(2):
            assert way.send([letter()], now=NOW) == [Accepted(provider_id="m1")]
            way.close()


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{HOST}:{closed_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://{HOST}:{closed_port()}")
    assert isinstance(outcome_of(OK), Accepted)


def test_a_key_is_needed_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.from-elsewhere")
    with pytest.raises(MisuseError, match="API key"):
        SendGridSettings(api_key=" ")
    assert KEY not in repr(SendGridSettings(api_key=KEY))
