"""O8, O9: a webhook reaches what was checked, and nothing it answers does harm."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, strategies as st

from nurture.core.errors import MisuseError
from nurture.transports import egress
from nurture.transports.egress import Answer, Egress, Resolver, Verdict, resolve_by_system
from tests.transports.letters import make_certificate
from tests.transports.servers import HOST, Talk, closed_port, read_request, reset, serving

NOW = datetime(2026, 3, 5, 9, tzinfo=UTC)
PUBLIC = "93.184.215.14"


def answering(content: bytes, seen: list[bytes] | None = None) -> Talk:
    def talk(connection: socket.socket) -> None:
        request = read_request(connection)
        if seen is not None:
            seen.append(request)
        connection.sendall(content)

    return talk


def resolving(*addresses: str) -> Resolver:
    return lambda _host, _port: addresses


def posted(door: Egress, url: str, body: bytes = b"{}") -> Answer:
    return door.post(url, body=body, headers={"webhook-id": "a"}, now=NOW)


def answer_to(talk: Talk, *, timeout_seconds: float = 5) -> Answer:
    with serving(talk) as port:
        door = Egress(allow=[f"{HOST}:{port}"], timeout_seconds=timeout_seconds)
        return posted(door, f"http://{HOST}:{port}/crm?a=b")


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Record where connections would have gone; none is made."""
    made: list[tuple[str, int]] = []

    def connect(address: tuple[str, int], timeout: float) -> NoReturn:
        made.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", connect)
    return made


# --- where it goes --------------------------------------------------------------------------


def test_a_request_says_what_it_should_and_no_more() -> None:
    seen: list[bytes] = []
    with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n", seen)) as port:
        door = Egress(allow=[f"{HOST}:{port}"])
        answer = posted(door, f"http://{HOST}:{port}/crm?a=b#c", b'{"a":1}')
    assert answer.verdict is Verdict.DELIVERED
    assert answer.status == 204
    assert seen == [
        f"POST /crm?a=b HTTP/1.1\r\nHost: {HOST}:{port}\r\nwebhook-id: a\r\n"
        "Accept-Encoding: identity\r\nConnection: close\r\nContent-Length: 7\r\n\r\n"
        '{"a":1}'.encode()
    ]


def test_a_name_is_resolved_once_and_exactly_that_address_connected_to(
    connections: list[tuple[str, int]],
) -> None:
    asked: list[str] = []
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(f"{host}:{port}")
        return next(answers)

    answer = posted(Egress(resolve=rebinding), "https://crm.example/hook")
    assert asked == ["crm.example:443"]
    assert connections == [(PUBLIC, 443)]
    assert answer.verdict is Verdict.RETRY
    assert answer.error == "Connection refused"


def test_when_one_address_does_not_answer_the_next_is_tried(
    connections: list[tuple[str, int]],
) -> None:
    addresses = [PUBLIC, "2606:4700::1111", "1.1.1.1", "8.8.8.8", "8.8.4.4"]
    posted(Egress(resolve=resolving(*addresses)), "https://crm.example:8443/hook")
    assert connections == [(address, 8443) for address in addresses[:4]]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        pytest.param([PUBLIC, "127.0.0.1"], id="one of several"),
        pytest.param(["metadata.internal"], id="no address at all"),
    ],
)
def test_a_name_that_leads_inside_is_refused_before_any_connection(
    addresses: list[str], connections: list[tuple[str, int]]
) -> None:
    answer = posted(Egress(resolve=resolving(*addresses)), "https://crm.example/")
    assert answer.verdict is Verdict.REFUSED
    assert "address" in answer.error
    assert connections == []


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "[::1]"),
        *("[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "localhost.", "127.0.0.1."),  # noqa: S104 (refused)
    ],
)
def test_no_way_of_writing_this_machine_reaches_it(
    host: str, connections: list[tuple[str, int]]
) -> None:
    answer = posted(Egress(resolve=resolve_by_system), f"https://{host}/")
    assert answer.verdict in {Verdict.REFUSED, Verdict.RETRY}
    assert connections == []


@pytest.mark.parametrize(
    "url",
    [
        *("http://crm.example/", "ftp://crm.example/", "file:///etc/passwd", "//crm.example/", ""),
        *("https://", "https:///x", "https://user@crm.example/", "https://a:b@crm.example/"),
        *("https://crm.example\\@evil.example/", "https://crm.example:99999/", "https://[::1"),
        *("https://crm.example:x/", "https://crm .example/", "https://crm.example/\r\nX: y"),
        *("https://büro.example/", "https://crm_example/", "https://-crm.example/", "https://.a/"),
        "https://crm.example/" + "a" * 2_048,
    ],
)
def test_a_url_that_is_not_plain_https_is_refused(
    url: str, connections: list[tuple[str, int]]
) -> None:
    answer = posted(Egress(resolve=resolving(PUBLIC)), url)
    assert answer.verdict is Verdict.REFUSED
    assert answer.error
    assert connections == []


@pytest.mark.parametrize(
    ("allow", "good"),
    [
        (["127.0.0.1:{port}"], True),
        (["127.0.0.1:1"], False),
        (["127.0.0.1"], False),
        (["localhost:{port}"], False),
        ([], False),
    ],
)
def test_an_exception_is_one_host_and_port_as_written(allow: list[str], good: bool) -> None:
    with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        door = Egress(allow=[entry.format(port=port) for entry in allow])
        answer = posted(door, f"http://127.0.0.1:{port}/")
    assert answer.verdict is (Verdict.DELIVERED if good else Verdict.REFUSED)


def test_an_exception_may_be_an_ipv6_address(connections: list[tuple[str, int]]) -> None:
    door = Egress(allow=["[::1]:8499", "CRM.local:443"], resolve=resolving("::1"))
    posted(door, "http://[::1]:8499/")
    posted(door, "https://crm.LOCAL/")
    assert connections == [("::1", 8499), ("::1", 443)]


def test_a_resolver_that_fails_means_no_not_yes(connections: list[tuple[str, int]]) -> None:
    def broken(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    def confused(_host: str, _port: int) -> Sequence[str]:
        raise UnicodeError

    for resolve in (broken, resolving()):
        answer = posted(Egress(resolve=resolve), "https://crm.example/")
        assert answer.verdict is Verdict.RETRY
        assert answer.error == "the host name cannot be resolved"
    assert posted(Egress(resolve=confused), "https://crm.example/").error.startswith(
        "the host is no name"
    )
    assert connections == []


def test_an_error_without_words_is_named_by_its_kind() -> None:
    def broken(_host: str, _port: int) -> Sequence[str]:
        raise OSError

    assert posted(Egress(resolve=broken), "https://crm.example/").error == "OSError"


def test_an_exceptions_resolver_cannot_smuggle_in_a_name(
    connections: list[tuple[str, int]],
) -> None:
    door = Egress(allow=["crm.local:80"], resolve=resolving("elsewhere.example"))
    assert posted(door, "http://crm.local/").verdict is Verdict.REFUSED
    assert connections == []


def test_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://{HOST}:{closed_port()}")
    assert answer_to(answering(b"HTTP/1.1 200 OK\r\n\r\n")).verdict is Verdict.DELIVERED


# --- TLS ------------------------------------------------------------------------------------


def test_tls_is_made_with_the_name_although_the_address_was_chosen(tmp_path: Path) -> None:
    files = make_certificate(tmp_path, name="crm.example")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)
    names: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    seen: list[bytes] = []
    with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n", seen), tls=server) as port:
        door = Egress(
            allow=[f"crm.example:{port}"],
            resolve=resolving(HOST),
            tls=ssl.create_default_context(cafile=files.certificate),
        )
        assert posted(door, f"https://crm.example:{port}/").verdict is Verdict.DELIVERED
    assert names == ["crm.example"]
    assert f"Host: crm.example:{port}\r\n".encode() in seen[0]


def test_a_certificate_for_another_name_is_no_proof(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    seen: list[bytes] = []
    with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n", seen), tls=server_tls) as port:
        door = Egress(allow=[f"crm.example:{port}"], resolve=resolving(HOST), tls=client_tls)
        answer = posted(door, f"https://crm.example:{port}/")
    assert answer.verdict is Verdict.RETRY
    assert "certificate is not trusted" in answer.error
    assert seen == []


def test_a_certificate_nobody_vouches_for_is_no_proof(server_tls: ssl.SSLContext) -> None:
    with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n"), tls=server_tls) as port:
        door = Egress(allow=[f"localhost:{port}"], resolve=resolving(HOST))
        answer = posted(door, f"https://localhost:{port}/")
    assert "certificate is not trusted" in answer.error


def test_plain_text_where_tls_is_wanted_is_an_error() -> None:
    with serving(lambda connection: connection.sendall(b"220 smtp here\r\n")) as port:
        door = Egress(allow=[f"localhost:{port}"], resolve=resolving(HOST))
        answer = posted(door, f"https://localhost:{port}/")
    assert answer.verdict is Verdict.RETRY
    assert answer.error.startswith("TLS failed")


# --- what comes back ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, Verdict.DELIVERED) for status in (200, 201, 202, 204, 299)),
        *((status, Verdict.RETRY) for status in (408, 429, 500, 502, 503, 504, 599)),
        (410, Verdict.GONE),
        *((status, Verdict.REFUSED) for status in (101, 300, 301, 302, 307, 400, 401, 404, 418)),
    ],
)
def test_a_status_decides(status: int, verdict: Verdict) -> None:
    answer = answer_to(answering(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()))
    assert (answer.verdict, answer.status) == (verdict, status)


def test_a_redirect_is_not_followed() -> None:
    canary: list[bytes] = []
    with serving(answering(b"HTTP/1.1 200 OK\r\n\r\n", canary)) as port:
        location = f"HTTP/1.1 307 X\r\nLocation: http://{HOST}:{port}/\r\nContent-Length: 0\r\n\r\n"
        assert answer_to(answering(location.encode())).verdict is Verdict.REFUSED
    assert canary == []


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("120", timedelta(seconds=120)),
        (" 120 ", timedelta(seconds=120)),
        ("Thu, 05 Mar 2026 09:02:00 GMT", timedelta(seconds=120)),
        ("Thu, 05 Mar 2026 09:02:00 -0000", timedelta(seconds=120)),
        ("Thu, 05 Mar 2020 09:02:00 GMT", timedelta()),
        ("999999999", timedelta(days=1)),
        ("soon", None),
        ("-1", None),
        ("99999999999999", None),
        ("", None),
    ],
)
def test_a_wish_to_be_left_alone_is_passed_on(value: str, pause: timedelta | None) -> None:
    head = f"HTTP/1.1 429 X\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n"
    assert answer_to(answering(head.encode())).retry_after == pause


def test_of_a_body_without_end_only_the_beginning_is_read() -> None:
    sent = 0

    def flood(connection: socket.socket) -> None:
        nonlocal sent
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 100_000_000:
            sent += connection.send(b"a" * 65_536)

    answer = answer_to(flood)
    assert answer.verdict is Verdict.DELIVERED
    assert answer.excerpt == "a" * egress.MAX_EXCERPT
    assert sent < 50_000_000


def test_what_is_kept_of_a_body_has_no_controls_secrets_or_addresses() -> None:
    body = "\x1b[31mBad\r\nana@example.com\x00 whsec_abc Bearer abcdefgh1234 v1,AAAA= \u202eok\xff"
    content = f"HTTP/1.1 400 X\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}".encode()
    removed = "[31mBad <removed> <removed> <removed> <removed> okÿ"
    assert " ".join(answer_to(answering(content)).excerpt.split()) == removed


@given(st.binary(max_size=300))
def test_any_body_becomes_text_of_one_line(content: bytes) -> None:
    text = egress._excerpt(content)  # noqa: SLF001 (through the network it would take minutes)
    assert text.isprintable() or "\n" not in text
    assert "@" not in text or text.count("@") <= content.count(b"@")


@pytest.mark.parametrize(
    ("talk", "error"),
    [
        (answering(b""), "the answer is not HTTP: RemoteDisconnected"),
        (answering(b"220 smtp here\r\n"), "the answer is not HTTP: BadStatusLine"),
        (answering(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200), "the answer is not HTTP"),
        (answering(b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000), "the answer is not HTTP"),
    ],
)
def test_an_answer_that_is_none_means_again(talk: Talk, error: str) -> None:
    answer = answer_to(talk)
    assert answer.verdict is Verdict.RETRY
    assert answer.status is None
    assert answer.error.startswith(error)


def test_a_reset_means_again() -> None:
    def cut(connection: socket.socket) -> None:
        connection.recv(1)
        reset(connection)

    answer = answer_to(cut)
    assert answer.verdict is Verdict.RETRY
    assert answer.status is None
    assert answer.error


@pytest.mark.parametrize(
    "content",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_a_body_that_breaks_off_does_not_take_the_status_back(content: bytes) -> None:
    assert answer_to(answering(content)).verdict is Verdict.DELIVERED


@pytest.mark.parametrize(
    ("beginning", "verdict"),
    [(b"HTTP/1.1 200 OK\r\nX: ", Verdict.RETRY), (b"HTTP/1.1 200 OK\r\n\r\n", Verdict.DELIVERED)],
)
def test_a_byte_now_and_then_buys_no_time(beginning: bytes, verdict: Verdict) -> None:
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(beginning)
        for _ in range(200):
            connection.sendall(b"a")
            time.sleep(0.05)

    began = time.monotonic()
    answer = answer_to(drip, timeout_seconds=0.5)
    assert answer.verdict is verdict
    assert 400 <= answer.duration_ms < 5_000
    assert time.monotonic() - began < 8
    if verdict is Verdict.RETRY:
        assert answer.error == "no answer in time"


def test_silence_means_again() -> None:
    answer = answer_to(lambda connection: time.sleep(0.6), timeout_seconds=0.2)
    assert (answer.verdict, answer.error) == (Verdict.RETRY, "no answer in time")


def test_the_attempt_ends_even_if_resolving_took_all_the_time(
    connections: list[tuple[str, int]],
) -> None:
    ticks = iter([0.0, *[20.0] * 9])
    door = Egress(resolve=resolving(PUBLIC), monotonic=lambda: next(ticks))
    answer = posted(door, "https://crm.example/")
    assert (answer.verdict, answer.error) == (Verdict.RETRY, "no answer in time")
    assert connections == []


@pytest.mark.parametrize(
    "headers",
    [
        {"A B": "c"},
        {"": "c"},
        {"A": "b\r\nC: d"},
        {"A": "ü"},
        {"Host": "evil.example"},
        {"content-length": "0"},
        {"Transfer-Encoding": "chunked"},
    ],
)
def test_a_header_that_would_change_the_request_is_a_mistake(headers: dict[str, str]) -> None:
    with pytest.raises(MisuseError, match="header"):
        Egress().post("https://crm.example/", body=b"", headers=headers, now=NOW)
