"""SMTP, driven command by command, because what an error proves depends on where it happens.

Until the final dot has been given to the network, the server cannot have taken the message: a
failure is certain to be a refusal. From then on, only a reply tells; without one the message is
uncertain (RFC 1047), and the Message-ID, which stays the same, is all there is to find it by.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from nurture.core.errors import MisuseError, RenderError
from nurture.core.message import (
    Accepted,
    Halted,
    Outcome,
    OutgoingMessage,
    Refused,
    Uncertain,
)
from nurture.core.refusal import OF_US_IN_A_ROW, About, speaks_of
from nurture.transports.base import LEFT_OVER, PATIENCE, Clock, Patience, ToBytes, reason
from nurture.transports.smtp_client import Client, TlsClient

_SOON = timedelta(minutes=1)
_A_WHILE = timedelta(minutes=5)
_LATER = timedelta(minutes=15)
_MOST_STEPS = 25
"""Waits before the last one: a kept connection that breaks at the end, a new one with STARTTLS and
a login that tries every way, and the message again."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_CLOSING = 421
_GO_AHEAD = 354
_TOO_LARGE = 552
_NOT_LET_IN = frozenset({530, 534, 535, 538})
_RELAY_UNSURE = 454
"""Postfix says so to `RCPT` where it cannot find out now whom it relays for: one may be about its
recipient, two in a row are about us."""
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


class Tls(StrEnum):
    """How the connection is protected; certificates are always verified."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """Where the server is and how to talk to it.

    `final_reply_seconds` is how long to wait for the answer to the final dot: RFC 5321 asks for
    ten minutes, for servers that scan before they answer. `ca_file` adds a private authority.
    """

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Tls = Tls.STARTTLS
    timeout_seconds: float = 30.0
    final_reply_seconds: float = 600.0
    local_name: str = ""
    ca_file: str = ""

    def __post_init__(self) -> None:
        if self.user and self.tls is Tls.NONE and self.host not in _LOOPBACK:
            raise MisuseError(f"smtp: a password for {self.host} needs tls: starttls or tls")


class _LostError(Exception):
    """The connection broke before the final dot."""


class _ClosingError(_LostError):
    """The server wants nobody's mail right now."""


class _HaltedError(Exception):
    """Nothing can be sent at all for now."""

    def __init__(self, text: str, until: datetime | None) -> None:
        self.halted = Halted(reason=reason(f"smtp: {text}"), until=until)
        super().__init__(text)


class SmtpTransport:
    """Hands messages to one server over one connection, kept for as long as the server lets it."""

    name = "smtp"
    group_size = 50

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        to_bytes: ToBytes,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._to_bytes = to_bytes
        self._monotonic = monotonic
        self._server: Client | None = None

    @property
    def longest_wait(self) -> timedelta:
        """The patience with a group, and then one message whose every step is slow."""
        settings = self._settings
        steps = timedelta(seconds=_MOST_STEPS * settings.timeout_seconds)
        return PATIENCE + steps + timedelta(seconds=settings.final_reply_seconds)

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Send one by one; when the server refuses everything, the rest is kept."""
        outcomes: list[Outcome] = []
        patience = Patience(self._monotonic, self._clock)
        for message in messages:
            if patience.is_over(message):
                outcomes += [LEFT_OVER] * (len(messages) - len(outcomes))
                break
            try:
                outcomes.append(self._send(message, now))
            except _HaltedError as stopped:
                self._drop()
                outcomes += [stopped.halted] * (len(messages) - len(outcomes))
                break
            if refused := _refuses_us(outcomes[-OF_US_IN_A_ROW:]):
                # It would say the same to every mail behind these.
                halted = Halted(reason=refused, until=now + _LATER)
                outcomes += [halted] * (len(messages) - len(outcomes))
                break
        return outcomes

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Do nothing: no copy stays here."""

    def close(self) -> None:
        """Say goodbye, if anybody is listening."""
        if self._server is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._server.quit()
            self._drop()

    # --- one message ------------------------------------------------------------------------

    def _send(self, message: OutgoingMessage, now: datetime) -> Outcome:
        try:
            content = self._to_bytes(message)
        except RenderError as error:
            return Refused(reason=reason(error), permanent=True, asked=False)
        kept = self._server is not None
        try:
            return self._transaction(message, content, now)
        except _LostError as lost:
            self._drop()
            if not kept:
                return _lost(lost, now)
        # A kept connection may have ended meanwhile. Nothing was taken, so once more on a new one.
        try:
            return self._transaction(message, content, now)
        except _LostError as lost:
            self._drop()
            return _lost(lost, now)

    def _transaction(self, message: OutgoingMessage, content: bytes, now: datetime) -> Outcome:
        server = self._server or self._connect(now)
        self._server = server
        unfit = _unfit(server, message, content)
        if unfit is not None:
            return unfit
        try:
            refused = self._envelope(server, message, content, now)
            if refused is not None:
                return refused
            body = _LEADING_DOT.sub(b"..", content)
            server.send(body if body.endswith(b"\r\n") else body + b"\r\n")
        except (OSError, smtplib.SMTPException) as error:
            raise _LostError(f"the connection broke before the end: {error}") from None
        except ValueError:
            # The client itself refuses to say such an address; the body is not on its way yet.
            self._drop()
            why = "smtp: an address cannot be said to a server"
            return Refused(reason=why, permanent=True, asked=False)
        return self._finish(server)

    def _envelope(
        self, server: Client, message: OutgoingMessage, content: bytes, now: datetime
    ) -> Outcome | None:
        """Announce the message; return the refusal, or None when the body may follow."""
        mail = message.mail
        options = [f"SIZE={len(content)}"] if server.has_extn("size") else []
        ordinary = not _needs_utf8(message)
        if not ordinary:
            options += ["SMTPUTF8", "BODY=8BITMIME"]
        code, text = server.mail(mail.sender.email, options)
        if code in _NOT_LET_IN:
            raise _HaltedError(f"MAIL: {code} {_said(text)}", None)
        if 500 <= code < 600 and code != _TOO_LARGE and ordinary:  # noqa: PLR2004 (classes)
            # All our mail has this sender: that no recipient may have any is no mail's own fault.
            raise _HaltedError(f"MAIL: the sender is refused: {code} {_said(text)}", now + _LATER)
        if code == _CLOSING:
            raise _ClosingError(f"MAIL: 421 {_said(text)}")
        if 400 <= code < 500 and ordinary:  # noqa: PLR2004 (classes)
            raise _HaltedError(f"MAIL: not now: {code} {_said(text)}", now + _A_WHILE)
        to_mailbox = False
        if _is_good(code):
            to_mailbox = True
            code, text = server.rcpt(mail.recipient.email)
            if _is_good(code):
                to_mailbox = False
                code, text = server.docmd("DATA")
                if code == _GO_AHEAD:
                    return None
        if code == _CLOSING:
            raise _LostError(f"421 {_said(text)}")
        try:
            server.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()  # the message is refused all the same
        return _refused(code, text, to_mailbox=to_mailbox)

    def _finish(self, server: Client) -> Outcome:
        """Give the final dot away and wait for the reply that alone proves anything."""
        try:
            server.patience(self._settings.final_reply_seconds)
            server.send(b".\r\n")
            code, text = server.getreply()
            server.patience(self._settings.timeout_seconds)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Uncertain(reason=reason(f"smtp: no reply to the final dot: {error}"))
        if _is_good(code):
            return Accepted(note=reason(_said(text)))
        if code == _CLOSING:
            self._drop()
        if not 400 <= code < 600:  # noqa: PLR2004 (the classes of reply codes)
            self._drop()
            return Uncertain(reason=reason(f"smtp: strange reply: {code} {_said(text)}"))
        return _refused(code, text)

    # --- the connection ---------------------------------------------------------------------

    def _connect(self, now: datetime) -> Client:
        settings = self._settings
        where = f"{settings.host}:{settings.port}"
        server: Client | None = None
        try:
            server = self._greet()
            if settings.user:
                server.login(settings.user, settings.password)
        except smtplib.SMTPAuthenticationError as error:
            _close(server)
            temporary = error.smtp_code < 500  # noqa: PLR2004 (the classes of reply codes)
            until = now + _LATER if temporary else None
            raise _HaltedError(f"{where} refuses the password: {error.smtp_code}", until) from None
        except ssl.SSLCertVerificationError as error:
            raise _HaltedError(f"{where}: {error.verify_message}", now + _LATER) from None
        except smtplib.SMTPNotSupportedError as error:
            _close(server)
            raise _HaltedError(f"{where}: {error}", now + _LATER) from None
        except (OSError, smtplib.SMTPException) as error:
            _close(server)
            raise _HaltedError(f"{where} is unreachable: {error}", now + _SOON) from None
        except Exception as error:  # noqa: BLE001 (whatever it is, no byte of a mail has left)
            _close(server)
            # Not the error itself: it may quote the password.
            what = f"{where} cannot be called: {type(error).__name__}"
            raise _HaltedError(f"{what}; are host, user and password right?", None) from None
        return server

    def _greet(self) -> Client:
        settings = self._settings
        context = ssl.create_default_context(cafile=settings.ca_file or None)
        local, wait = settings.local_name or None, settings.timeout_seconds
        server: Client
        if settings.tls is Tls.TLS:
            server = TlsClient(settings.host, settings.port, local, timeout=wait, context=context)
        else:
            server = Client(settings.host, settings.port, local, timeout=wait)
        try:
            if settings.tls is Tls.STARTTLS:
                server.starttls(context=context)
            server.ehlo_or_helo_if_needed()
            if server.sock is not None:
                # The final dot is a small packet behind a large one; it must not wait for its
                # acknowledgment.
                server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            server.close()
            raise
        return server

    def _drop(self) -> None:
        _close(self._server)
        self._server = None


def _close(server: Client | None) -> None:
    if server is not None:
        server.close()


def _lost(lost: _LostError, now: datetime) -> Refused:
    """Return what a connection proves that ended even though it was new."""
    if isinstance(lost, _ClosingError):
        raise _HaltedError(str(lost), now + _A_WHILE)
    return Refused(reason=reason(f"smtp: {lost}"), permanent=False)


def _unfit(server: Client, message: OutgoingMessage, content: bytes) -> Refused | None:
    """Return why this server cannot take this message, without asking it."""
    if _needs_utf8(message) and not server.has_extn("smtputf8"):
        return Refused(
            reason="smtp: the address needs SMTPUTF8, which the server does not offer",
            permanent=True,
            asked=False,
        )
    limit = server.esmtp_features.get("size", "")
    if limit.isdigit() and 0 < int(limit) < len(content):
        why = f"smtp: larger than the server's {limit} bytes"
        return Refused(reason=why, permanent=True, asked=False)
    return None


def _needs_utf8(message: OutgoingMessage) -> bool:
    mail = message.mail
    return not (mail.sender.email + mail.recipient.email + (mail.reply_to or "")).isascii()


def _refuses_us(last: Sequence[Outcome]) -> str:
    """Return what the server says if all of these speak of us, '' if they do not."""
    said = [one.reason for one in last if isinstance(one, Refused) and one.of_us]
    return said[-1] if len(said) == OF_US_IN_A_ROW else ""


def _refused(code: int, text: bytes, *, to_mailbox: bool = False) -> Refused:
    """Return what a refusal proves; only the answer to its very address proves it to be none."""
    permanent = 500 <= code < 600  # noqa: PLR2004 (the classes of reply codes)
    about = speaks_of(_said(text)) if permanent else About.MAIL
    unsure_of_us = to_mailbox and code == _RELAY_UNSURE
    return Refused(
        reason=reason(f"smtp: {code} {_said(text)}"),
        permanent=permanent,
        no_mailbox=to_mailbox and about is About.MAILBOX,
        of_us=about is About.US or code in _NOT_LET_IN or unsure_of_us,
    )


def _is_good(code: int) -> bool:
    return 200 <= code < 300  # noqa: PLR2004 (the classes of reply codes)


def _said(text: bytes) -> str:
    return text.decode("utf-8", "replace")
