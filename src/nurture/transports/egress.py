"""The one door through which webhooks leave.

A webhook's URL is written by whoever may edit the project, and its host name is answered by
whoever owns the name. So the name is resolved once, every address it has must be public, and the
connection goes to exactly the address that was checked, while TLS and the Host header carry the
name. Redirects are not followed, the environment's proxies not used, and of the answer only a
small, cleaned part is kept.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from ipaddress import ip_address
from typing import cast
from urllib.parse import SplitResult, urlsplit

from nurture.core.errors import MisuseError
from nurture.transports.addresses import is_public
from nurture.transports.deadline import Deadline, Reader

MAX_ANSWER_BYTES = 64 * 1024
MAX_EXCERPT = 2_000
TIMEOUT_SECONDS = 15.0

Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host, or raises OSError."""

_MAX_ADDRESSES = 4
_MAX_URL = 2_048
_MAX_PAUSE = timedelta(days=1)
_DEFAULT_PORTS = {"https": 443, "http": 80}
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\.?|(?=.*:)[0-9a-f:.]{2,45}")
_VISIBLE = re.compile(r"[!-~]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")
_SECONDS = re.compile(r"[0-9]{1,9}")
_OWN_HEADERS = frozenset(
    {"accept-encoding", "connection", "content-length", "host", "transfer-encoding"}
)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_SECRETS = re.compile(
    r"[^\s<>\"'(),:;@]{1,64}@[^\s<>\"'(),:;@]+|whsec_\S+|(?i:bearer|basic)\s+[\w.~+/=-]{8,}|v1,\S+"
)


class Verdict(StrEnum):
    """What to do after an attempt."""

    DELIVERED = "delivered"
    RETRY = "retry"
    GONE = "gone"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one attempt. `status` None: there was no answer, and `error` says why.

    `excerpt` is the other side's text: cleaned, but still theirs, and not for every eye.
    """

    verdict: Verdict
    status: int | None = None
    duration_ms: int = 0
    excerpt: str = ""
    error: str = ""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    url: SplitResult
    host: str
    port: int
    allowed: bool

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = _DEFAULT_PORTS[self.url.scheme] == self.port
        return host if usual else f"{host}:{self.port}"


class _RefusedError(Exception):
    """The request must not be made; no byte has left."""


class Egress:
    """Posts to addresses on the public internet, by https.

    `allow` lists exceptions as "host:port", for a CRM in the house and for trials: these may be
    private addresses, and plain http. They are matched as written in the URL, never by what a
    name resolves to.
    """

    def __init__(
        self,
        *,
        allow: Collection[str] = (),
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allow = frozenset(entry.lower() for entry in allow)
        self._resolve = resolve or resolve_by_system
        self._tls = tls or ssl.create_default_context()
        self._timeout_seconds = timeout_seconds
        self._monotonic = monotonic

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str], now: datetime) -> Answer:
        """Post the body once and say what became of it; never raises for what others do."""
        head = _head(headers, len(body))
        began = self._monotonic()
        try:
            answer = self._exchange(self._target(url), head + body, began=began, now=now)
        except _RefusedError as error:
            answer = Answer(verdict=Verdict.REFUSED, error=str(error))
        except (OSError, http.client.HTTPException) as error:
            answer = Answer(verdict=Verdict.RETRY, error=_named(error))
        return replace(answer, duration_ms=round((self._monotonic() - began) * 1000))

    def _target(self, url: str) -> _Target:
        """Take a URL apart, strictly: what two parsers could read in two ways is refused."""
        if len(url) > _MAX_URL or not _VISIBLE.fullmatch(url) or "\\" in url:
            raise _RefusedError("the URL is not plain ASCII; write foreign host names as xn--...")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _RefusedError("the URL is malformed") from None
        host = parts.hostname or ""
        if parts.scheme not in _DEFAULT_PORTS or "@" in parts.netloc or not _HOST.fullmatch(host):
            raise _RefusedError("the URL must be https://host/path, without a user name")
        port = _DEFAULT_PORTS[parts.scheme] if port is None else port
        bracketed = f"[{host}]" if ":" in host else host
        allowed = f"{bracketed}:{port}" in self._allow
        if parts.scheme != "https" and not allowed:
            raise _RefusedError("only https, unless host:port is in the allow list")
        return _Target(url=parts, host=host, port=port, allowed=allowed)

    def _addresses(self, target: _Target) -> Sequence[str]:
        """Resolve the name, once, and refuse it if any of its addresses is not public."""
        try:
            # Parsed, so that nothing is left to be resolved a second time.
            found = self._resolve(target.host, target.port)
            addresses = [str(ip_address(address)) for address in found]
        except ValueError:
            raise _RefusedError("the host is no name, or its address is none") from None
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        if not target.allowed and not all(map(is_public, addresses)):
            raise _RefusedError("the host leads to an address that is not public")
        return addresses

    def _exchange(self, target: _Target, rest: bytes, *, began: float, now: datetime) -> Answer:
        deadline = Deadline(began + self._timeout_seconds, self._monotonic)
        with self._connect(target, self._addresses(target), deadline) as connection:
            path = target.url.path or "/"
            query = f"?{target.url.query}" if target.url.query else ""
            line = f"POST {path}{query} HTTP/1.1\r\nHost: {target.host_header}\r\n"
            connection.settimeout(deadline.left())
            connection.sendall(line.encode() + rest)
            return _read(connection, deadline, now)

    def _connect(
        self, target: _Target, addresses: Sequence[str], deadline: Deadline
    ) -> socket.socket:
        """Connect to the first of the checked addresses that answers, and to no other."""
        failure: OSError = TimeoutError()
        for address in addresses[:_MAX_ADDRESSES]:
            try:
                plain = socket.create_connection((address, target.port), timeout=deadline.left())
            except OSError as error:
                failure = error
                continue
            if target.url.scheme != "https":
                return plain
            try:
                return self._tls.wrap_socket(plain, server_hostname=target.host.rstrip("."))
            except BaseException:
                plain.close()
                raise
        raise failure


def resolve_by_system(host: str, port: int) -> Sequence[str]:
    """Return every address that the system's resolver knows for a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Stream:
    """As much of a socket as http.client asks for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader)


def _read(connection: socket.socket, deadline: Deadline, now: datetime) -> Answer:
    stream = cast("socket.socket", _Stream(Reader(connection, deadline)))
    response = http.client.HTTPResponse(stream, method="POST")
    try:
        response.begin()
        content = b""
        # The status is the answer; a body that breaks off or never ends does not change it.
        with suppress(OSError, http.client.HTTPException, ValueError):
            content = response.read(MAX_ANSWER_BYTES)
        return Answer(
            verdict=_verdict(response.status),
            status=response.status,
            excerpt=_excerpt(content),
            retry_after=_pause(response.getheader("Retry-After", ""), now),
        )
    finally:
        response.close()


def _verdict(status: int) -> Verdict:
    match status:
        case _ if 200 <= status < 300:  # noqa: PLR2004 (the class of success)
            return Verdict.DELIVERED
        case http.HTTPStatus.GONE:
            return Verdict.GONE
        case http.HTTPStatus.REQUEST_TIMEOUT | http.HTTPStatus.TOO_MANY_REQUESTS:
            return Verdict.RETRY
        case _ if status >= 500:  # noqa: PLR2004 (the class of the server's errors)
            return Verdict.RETRY
        case _:
            return Verdict.REFUSED


def _pause(value: str, now: datetime) -> timedelta | None:
    """Return what Retry-After asks for, in either of its forms, at most a day."""
    value = value.strip()
    if _SECONDS.fullmatch(value):
        pause = timedelta(seconds=int(value))
    else:
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, IndexError, TypeError, OverflowError):
            return None
        pause = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
    return min(max(pause, timedelta()), _MAX_PAUSE)


def _excerpt(content: bytes) -> str:
    # Cut before cleaning, so that cleaning costs no more than is kept of it.
    text = content[: 2 * MAX_EXCERPT].decode("utf-8", "replace")
    return _SECRETS.sub("<removed>", _CONTROL.sub(" ", text)).strip()[:MAX_EXCERPT]


def _head(headers: Mapping[str, str], length: int) -> bytes:
    """Return the header lines but Host, checked, with the empty line at the end."""
    lines = []
    for name, value in headers.items():
        if not (_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value)):
            raise MisuseError(f"the header {name!r} cannot be sent")
        if name.lower() in _OWN_HEADERS:
            raise MisuseError(f"the header {name!r} is set by the request itself")
        lines.append(f"{name}: {value}")
    lines += ["Accept-Encoding: identity", "Connection: close", f"Content-Length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode()


def _named(error: Exception) -> str:
    """Return what went wrong in a few words of ours."""
    match error:
        case TimeoutError():
            return "no answer in time"
        case socket.gaierror():
            return "the host name cannot be resolved"
        case ssl.SSLCertVerificationError(verify_message=message):
            return f"the certificate is not trusted: {message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason}"
        case http.client.HTTPException():
            return f"the answer is not HTTP: {type(error).__name__}"
        case OSError(strerror=str() as text):
            return text
        case _:
            return type(error).__name__
