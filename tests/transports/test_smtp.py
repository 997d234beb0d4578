"""What an error proves depends on where it happens: before the final dot, or after it."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import Message

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from nurture.core.errors import MisuseError
from nurture.core.message import (
    Accepted,
    Address,
    Halted,
    Outcome,
    OutgoingMessage,
    Refused,
    Uncertain,
)
from nurture.render.mime import to_bytes
from nurture.transports.base import LEFT_OVER, PATIENCE, Transport
from nurture.transports.smtp import SmtpSettings, SmtpTransport, Tls
from tests.transports.letters import NOW, Certificate, letter
from tests.transports.servers import HOST, SmtpServer, closed_port, drip, serving


class Mailbox:
    """Keeps what a real server accepted."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 (aiosmtpd's name)
        self.envelopes.append(envelope)
        return "250 2.0.0 kept"


def authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: object
) -> AuthResult:
    right = LoginPassword(b"nurture", b"secret")
    return AuthResult(success=login == right, handled=True)


def settings(port: int, **changes: object) -> SmtpSettings:
    defaults = SmtpSettings(
        host=HOST,
        port=port,
        tls=Tls.NONE,
        timeout_seconds=2,
        final_reply_seconds=2,
        local_name="me",
    )
    return replace(defaults, **changes)  # type: ignore[arg-type]


def sent(messages: list[OutgoingMessage], port: int, **changes: object) -> list[Outcome]:
    transport = SmtpTransport(settings(port, **changes), to_bytes=to_bytes)
    try:
        return transport.send(messages, now=NOW)
    finally:
        transport.close()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def real_server(mailbox: Mailbox) -> Iterator[int]:
    port = closed_port()
    controller = Controller(mailbox, hostname=HOST, port=port, enable_SMTPUTF8=True)
    controller.start()
    yield port
    controller.stop()


def test_it_is_a_transport(real_server: int) -> None:
    transport: Transport = SmtpTransport(settings(real_server), to_bytes=to_bytes)
    assert (transport.name, transport.group_size) == ("smtp", 50)
    transport.forget([])
    transport.close()


def test_a_group_that_takes_too_long_goes_back_untried() -> None:
    ticks = iter([0.0, 1.0, 61.0])
    server = SmtpServer()
    with serving(server) as port:
        way = SmtpTransport(settings(port), to_bytes=to_bytes, monotonic=lambda: next(ticks))
        outcomes = way.send([letter(n) for n in range(3)], now=NOW)
        way.close()
    assert [type(outcome) for outcome in outcomes] == [Accepted, Refused, Refused]
    assert outcomes[1:] == [LEFT_OVER, LEFT_OVER]
    assert len(server.bodies) == 1


def test_a_worker_is_given_longer_than_the_longest_reply_may_take() -> None:
    way = SmtpTransport(settings(1, final_reply_seconds=600), to_bytes=to_bytes)
    assert way.longest_wait > PATIENCE + timedelta(seconds=600)


def test_a_strict_server_takes_messages_over_one_connection_and_reads_the_same(
    real_server: int, mailbox: Mailbox
) -> None:
    messages = [letter(n) for n in range(3)]
    assert sent(messages, real_server) == [Accepted(note="2.0.0 kept")] * 3
    for message, envelope in zip(messages, mailbox.envelopes, strict=True):
        assert envelope.mail_from == message.mail.sender.email
        assert envelope.rcpt_tos == [message.mail.recipient.email]
        assert envelope.content == to_bytes(message)
    assert isinstance(mailbox.envelopes[0].content, bytes)
    read = email.message_from_bytes(mailbox.envelopes[0].content, policy=email.policy.default)
    assert isinstance(read, Message)
    assert read["Message-ID"] == f"<{0:032x}@mail.havelock-air.example>"


def test_an_address_beyond_ascii_goes_where_it_is_understood(
    real_server: int, mailbox: Mailbox
) -> None:
    foreign = letter(recipient=Address(name="", email="müller@example.com"))
    assert isinstance(sent([foreign, letter(1)], real_server)[0], Accepted)
    assert [e.rcpt_tos for e in mailbox.envelopes] == [["müller@example.com"], ["ana@example.com"]]


def test_an_address_beyond_ascii_is_refused_elsewhere_without_asking() -> None:
    server = SmtpServer()
    with serving(server) as port:
        foreign = letter(recipient=Address(name="", email="müller@example.com"))
        refused, accepted = sent([foreign, letter(1)], port)
    assert isinstance(refused, Refused)
    assert refused.permanent
    assert "SMTPUTF8" in refused.reason
    assert isinstance(accepted, Accepted)
    assert not any("müller" in command for command in server.commands)


def test_lines_that_begin_with_a_dot_arrive_as_they_were() -> None:
    server = SmtpServer()
    with serving(server) as port:
        transport = SmtpTransport(settings(port), to_bytes=lambda _: b"a\r\n.\r\n..b\r\n.c")
        assert isinstance(transport.send([letter()], now=NOW)[0], Accepted)
        transport.close()
    assert server.bodies == [b"a\r\n..\r\n...b\r\n..c\r\n.\r\n"]


CASES = [
    # what the server says, what it proves
    pytest.param(
        {"MAIL": "450 later"},
        Halted(reason="smtp: MAIL: not now: 450 later", until=NOW + timedelta(minutes=5)),
        id="MAIL 4: nobody's mail now",
    ),
    pytest.param(
        {"MAIL": "553 5.7.1 not yours"},
        Halted(
            reason="smtp: MAIL: the sender is refused: 553 5.7.1 not yours",
            until=NOW + timedelta(minutes=15),
        ),
        id="MAIL 5: the sender of all mail",
    ),
    pytest.param(
        {"MAIL": "552 too large"},
        Refused(reason="smtp: 552 too large", permanent=True),
        id="MAIL 552: this mail",
    ),
    pytest.param(
        {"MAIL": "421 bye"},
        Halted(reason="smtp: MAIL: 421 bye", until=NOW + timedelta(minutes=5)),
        id="MAIL 421",
    ),
    pytest.param(
        {"RCPT": "454 4.7.1 Relay access denied"},
        Refused(reason="smtp: 454 4.7.1 Relay access denied", permanent=False, of_us=True),
        id="RCPT 454: whom it relays for it cannot find out now",
    ),
    pytest.param(
        {"RCPT": "554 5.7.1 Relay access denied"},
        Refused(reason="smtp: 554 5.7.1 Relay access denied", permanent=True, of_us=True),
        id="RCPT 5.7.1: us",
    ),
    pytest.param(
        {"RCPT": "530 first log in"},
        Refused(reason="smtp: 530 first log in", permanent=True, of_us=True),
        id="RCPT without a password",
    ),
    pytest.param(
        {".": "554 5.7.1 spam"},
        Refused(reason="smtp: 554 5.7.1 spam", permanent=True, of_us=True),
        id="dot 5.7.1: us",
    ),
    pytest.param(
        {".": "550 5.1.1 user unknown"},
        Refused(reason="smtp: 550 5.1.1 user unknown", permanent=True),
        id="dot 5.1.1: only the answer to the address itself proves it to be none",
    ),
    pytest.param(
        {"MAIL": "odd what"}, Refused(reason="smtp: -1 what", permanent=False), id="MAIL odd"
    ),
    pytest.param(
        {"MAIL": "530 5.7.0 log in first"},
        Halted(reason="smtp: MAIL: 530 5.7.0 log in first"),
        id="MAIL without a password",
    ),
    pytest.param(
        {"RCPT": "450 <ana@example.com> greylisted"},
        Refused(reason="smtp: 450 <<address>> greylisted", permanent=False),
        id="RCPT 4: the address is not repeated",
    ),
    pytest.param({"RCPT": "550 no"}, Refused(reason="smtp: 550 no", permanent=True), id="RCPT 5"),
    pytest.param(
        {"RCPT": "550 5.1.1 user unknown"},
        Refused(reason="smtp: 550 5.1.1 user unknown", permanent=True, no_mailbox=True),
        id="RCPT 5.1.1: no such mailbox",
    ),
    pytest.param(
        {"DATA": "451 later"}, Refused(reason="smtp: 451 later", permanent=False), id="DATA 4"
    ),
    pytest.param({"DATA": "554 no"}, Refused(reason="smtp: 554 no", permanent=True), id="DATA 5"),
    pytest.param(
        {"DATA": "250 what"}, Refused(reason="smtp: 250 what", permanent=False), id="DATA 2"
    ),
    pytest.param(
        {".": "451 later"}, Refused(reason="smtp: 451 later", permanent=False), id="dot 4"
    ),
    pytest.param(
        {".": "421 later"}, Refused(reason="smtp: 421 later", permanent=False), id="dot 421"
    ),
    pytest.param({".": "554 spam"}, Refused(reason="smtp: 554 spam", permanent=True), id="dot 5"),
    pytest.param(
        {".": "354 what"},
        Uncertain(reason="smtp: strange reply: 354 what"),
        id="dot, strange reply",
    ),
    pytest.param(
        {"connect": "554 go away"},
        Halted(
            reason="smtp: HOST is unreachable: (554, b'go away')", until=NOW + timedelta(minutes=1)
        ),
        id="not greeted",
    ),
    pytest.param(
        {"connect": ""},
        Halted(
            reason="smtp: HOST is unreachable: Connection unexpectedly closed",
            until=NOW + timedelta(minutes=1),
        ),
        id="greeted with silence",
    ),
]


@pytest.mark.parametrize(("says", "outcome"), CASES)
def test_a_reply_proves(says: dict[str, str], outcome: Outcome) -> None:
    with serving(SmtpServer(says=says)) as port:
        [got] = sent([letter()], port)
    assert not isinstance(got, Accepted)
    assert replace(got, reason=got.reason.replace(f"{HOST}:{port}", "HOST")) == outcome


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_cut_before_the_body_is_a_refusal(command: str) -> None:
    with serving(SmtpServer(says={command: ""})) as port:
        [outcome] = sent([letter()], port)
    assert isinstance(outcome, Refused)
    assert not outcome.permanent


def test_a_cut_after_the_final_dot_is_uncertain_and_the_next_message_is_not() -> None:
    server = SmtpServer(says={".": ""})
    with serving(server) as port:
        transport = SmtpTransport(settings(port), to_bytes=to_bytes)
        uncertain, *_ = transport.send([letter(1)], now=NOW)
        del server.says["."]
        accepted, *_ = transport.send([letter(2)], now=NOW)
        transport.close()
    assert isinstance(uncertain, Uncertain)
    assert isinstance(accepted, Accepted)
    assert server.connections == 2


def test_silence_after_the_final_dot_is_uncertain() -> None:
    def mute(connection: socket.socket) -> None:
        server = SmtpServer(says={".": ""})
        server(connection)
        time.sleep(0.5)

    with serving(mute) as port:
        [outcome] = sent([letter()], port, final_reply_seconds=0.2)
    assert isinstance(outcome, Uncertain)


@pytest.mark.parametrize(
    ("begin", "says", "kind"),
    [
        pytest.param(b"220-", {}, Halted, id="the greeting"),
        pytest.param(b"", {".": ""}, Uncertain, id="the last reply"),
    ],
)
def test_a_reply_that_drips_ends_in_time(begin: bytes, says: dict[str, str], kind: type) -> None:
    def slow(connection: socket.socket) -> None:
        if not begin:
            SmtpServer(says=says)(connection)
        drip(connection, begin or b"250 ")

    with serving(slow) as port:
        began = time.monotonic()
        [outcome] = sent([letter()], port, timeout_seconds=0.2, final_reply_seconds=0.3)
        took = time.monotonic() - began
    assert isinstance(outcome, kind)
    assert took < 1


def test_a_cut_inside_the_body_is_never_taken_for_accepted() -> None:
    # Whether the cut shows before or after the dot is up to the buffers of the network.
    with serving(SmtpServer(reset_in_body=True, features=())) as port:
        [outcome] = sent([letter(html="a\n" * 1_000_000)], port)
    assert isinstance(outcome, Refused | Uncertain)
    if isinstance(outcome, Refused):
        assert not outcome.permanent


@pytest.mark.parametrize("last", ["close", "421"])
def test_a_kept_connection_that_has_ended_is_opened_again(last: str) -> None:
    server = SmtpServer(close_after=1 if last == "close" else 0)
    with serving(server) as port:
        transport = SmtpTransport(settings(port), to_bytes=to_bytes)
        assert isinstance(transport.send([letter(1)], now=NOW)[0], Accepted)
        if last == "421":
            server.says_once["MAIL"] = "421 too long idle"
        assert isinstance(transport.send([letter(2)], now=NOW)[0], Accepted)
        transport.close()
    assert server.connections == 2
    assert len(server.bodies) == 2


def test_a_server_that_always_hangs_up_is_asked_once_more_and_not_again() -> None:
    server = SmtpServer(close_after=1)
    with serving(server) as port:
        transport = SmtpTransport(settings(port), to_bytes=to_bytes)
        transport.send([letter(1)], now=NOW)
        server.says["MAIL"] = ""
        [outcome] = transport.send([letter(2)], now=NOW)
        transport.close()
    assert isinstance(outcome, Refused)
    assert not outcome.permanent
    assert server.connections == 2


def test_after_a_refusal_the_connection_is_used_on() -> None:
    server = SmtpServer(says={"RCPT": "550 no"})
    with serving(server) as port:
        assert all(isinstance(o, Refused) for o in sent([letter(1), letter(2)], port))
    assert server.connections == 1
    assert server.commands.count("rset") == 2


def test_a_server_that_refuses_and_hangs_up_has_refused() -> None:
    server = SmtpServer(says={"RCPT": "550 no", "RSET": ""})
    with serving(server) as port:
        outcomes = sent([letter(1), letter(2)], port)
    assert outcomes == [Refused(reason="smtp: 550 no", permanent=True)] * 2
    assert server.connections == 2


def test_where_nobody_listens_everything_is_kept() -> None:
    outcomes = sent([letter(1), letter(2)], closed_port())
    assert len(outcomes) == 2
    for outcome in outcomes:
        assert isinstance(outcome, Halted)
        assert outcome.until == NOW + timedelta(minutes=1)
        assert "unreachable" in outcome.reason


@pytest.mark.parametrize(
    "reply", ["554 5.7.1 Sender address rejected", "454 4.7.1 Relay access denied"]
)
def test_a_server_that_refuses_us_twice_is_not_asked_about_the_mails_behind(reply: str) -> None:
    server = SmtpServer(says={"RCPT": reply})
    with serving(server) as port:
        first, second, *rest = sent([letter(n) for n in range(4)], port)
    assert isinstance(first, Refused)
    assert first.of_us
    assert first == second
    assert rest == [Halted(reason=first.reason, until=NOW + timedelta(minutes=15))] * 2
    assert sum(command.startswith("mail") for command in server.commands) == 2


def test_nothing_is_begun_once_its_attempt_may_be_taken_for_lost() -> None:
    server, times = SmtpServer(), iter([NOW, NOW + timedelta(minutes=3)])
    with serving(server) as port:
        way = SmtpTransport(settings(port), to_bytes=to_bytes, clock=lambda: next(times))
        watched = [replace(letter(n), leave_by=NOW + timedelta(minutes=2)) for n in range(3)]
        outcomes = way.send(watched, now=NOW)
        way.close()
    assert [type(outcome) for outcome in outcomes] == [Accepted, Refused, Refused]
    assert outcomes[1:] == [LEFT_OVER, LEFT_OVER]
    assert len(server.bodies) == 1, "the machine slept in between; its own clock stood still"


def test_a_message_larger_than_the_server_takes_is_not_offered() -> None:
    server = SmtpServer(features=("SIZE 100",))
    with serving(server) as port:
        [outcome] = sent([letter()], port)
    too_large = "smtp: larger than the server's 100 bytes"
    assert outcome == Refused(reason=too_large, permanent=True, asked=False)
    assert not any(command.startswith("mail") for command in server.commands)


def test_a_message_that_cannot_be_assembled_is_refused_and_the_next_one_is_not(
    real_server: int,
) -> None:
    bad, good = sent([letter(1, subject="a\nb"), letter(2)], real_server)
    assert isinstance(bad, Refused)
    assert bad.permanent
    assert isinstance(good, Accepted)


# --- protection -----------------------------------------------------------------------------


@pytest.fixture
def protected_server(mailbox: Mailbox, server_tls: ssl.SSLContext) -> Iterator[int]:
    port = closed_port()
    controller = Controller(
        mailbox,
        hostname=HOST,
        port=port,
        tls_context=server_tls,
        require_starttls=True,
        authenticator=authenticate,
        auth_required=True,
    )
    controller.start()
    yield port
    controller.stop()


def test_starttls_and_a_password(
    protected_server: int, certificate: Certificate, mailbox: Mailbox
) -> None:
    login = {"tls": Tls.STARTTLS, "ca_file": str(certificate.certificate)}
    right = sent([letter()], protected_server, user="nurture", password="secret", **login)
    assert right == [Accepted(note="2.0.0 kept")]
    assert len(mailbox.envelopes) == 1


def test_a_server_that_wants_a_password_halts_who_has_none(
    protected_server: int, certificate: Certificate
) -> None:
    ca_file = str(certificate.certificate)
    [outcome] = sent([letter()], protected_server, tls=Tls.STARTTLS, ca_file=ca_file)
    assert isinstance(outcome, Halted)
    assert outcome.until is None


def test_tls_from_the_first_byte(server_tls: ssl.SSLContext, certificate: Certificate) -> None:
    server = SmtpServer()
    with serving(server, tls=server_tls) as port:
        [outcome] = sent([letter()], port, tls=Tls.TLS, ca_file=str(certificate.certificate))
    assert isinstance(outcome, Accepted)


@pytest.mark.parametrize("tls", [Tls.TLS, Tls.STARTTLS])
def test_a_certificate_nobody_vouches_for_halts(
    tls: Tls, server_tls: ssl.SSLContext, protected_server: int
) -> None:
    with serving(SmtpServer(), tls=server_tls) as port:
        [outcome] = sent([letter()], protected_server if tls is Tls.STARTTLS else port, tls=tls)
    assert isinstance(outcome, Halted)
    assert outcome.until == NOW + timedelta(minutes=15)
    assert "certificate" in outcome.reason


def test_without_starttls_on_offer_nothing_goes_in_clear() -> None:
    server = SmtpServer()
    with serving(server) as port:
        [outcome] = sent([letter()], port, tls=Tls.STARTTLS)
    assert isinstance(outcome, Halted)
    assert "STARTTLS" in outcome.reason
    assert server.bodies == []


@pytest.mark.parametrize(
    ("reply", "until"),
    [("454 4.7.0 not now", NOW + timedelta(minutes=15)), ("535 5.7.8 wrong", None)],
)
def test_a_password_is_refused_for_now_or_until_somebody_acts(reply: str, until: object) -> None:
    server = SmtpServer(says={"AUTH": reply}, features=("AUTH PLAIN",))
    with serving(server) as port:
        outcomes = sent([letter(1), letter(2)], port, user="a", password="b")
    assert outcomes == [outcomes[0]] * 2
    assert isinstance(outcomes[0], Halted)
    assert outcomes[0].until == until
    assert server.bodies == []


def test_a_server_without_passwords_halts_who_has_one() -> None:
    with serving(SmtpServer()) as port:
        [outcome] = sent([letter()], port, user="a", password="b")
    assert isinstance(outcome, Halted)
    assert outcome.until == NOW + timedelta(minutes=15)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"user": "a", "password": "gehäim"}, id="a password that is not ASCII"),
        pytest.param({"user": "ü", "password": "b"}, id="a user that is not ASCII"),
        pytest.param({"host": "mail..x.example"}, id="half a host"),
        pytest.param({"host": "a" * 64 + ".example"}, id="a host with a long label"),
        pytest.param({"host": "mail\0.example"}, id="NUL in a host"),
        pytest.param({"port": 99_999}, id="a port that is none"),
    ],
)
def test_a_setting_that_nobody_can_be_called_with_halts_and_is_not_repeated(
    wrong: dict[str, object],
) -> None:
    server = SmtpServer(features=("AUTH PLAIN LOGIN",))
    with serving(server) as port:
        told = SmtpTransport(replace(settings(port), **wrong), to_bytes=to_bytes)  # type: ignore[arg-type]
        outcomes = told.send([letter(1), letter(2)], now=NOW)
    assert all(isinstance(outcome, Halted) for outcome in outcomes)
    assert "ä" not in str(outcomes)
    assert server.bodies == []


def test_a_password_never_crosses_a_network_in_clear() -> None:
    with pytest.raises(MisuseError, match="needs tls"):
        settings(25, host="mail.example", user="a", password="b")


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(settings(25, user="a", password="secret"))


def test_closing_twice_or_after_the_server_left_is_no_trouble() -> None:
    server = SmtpServer(close_after=1)
    with serving(server) as port:
        transport = SmtpTransport(settings(port), to_bytes=to_bytes)
        transport.send([letter()], now=NOW)
        transport.close()
        transport.close()
