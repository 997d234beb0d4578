"""SendGrid: its own client for keys, hosts and versions, our own connection for the calls.

The client of the package `sendgrid` opens a new TLS connection for every call and waits for ever.
Here its `send` goes through one pooled connection with timeouts. Nothing is ever repeated: the
service knows no idempotency key, so a lost answer is an uncertain message, which its own events
settle later.
"""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

import httpx
import orjson
from sendgrid import SendGridAPIClient

from nurture.core.errors import MisuseError
from nurture.core.message import (
    Accepted,
    Halted,
    Outcome,
    OutgoingMessage,
    Refused,
    Uncertain,
)
from nurture.transports.base import LEFT_OVER, PATIENCE, Clock, Patience, reason
from nurture.transports.bounded_http import BoundedTransport
from nurture.transports.sendgrid_payload import MAX_BODY_BYTES, broken_limit, encode, payload

_SOON = timedelta(seconds=30)
_RATE_PAUSE = timedelta(minutes=1)
_LATER = timedelta(minutes=15)
_LONGEST_PAUSE = timedelta(hours=24)
_PATH = "/v3/mail/send"
_OF_US = ("from", "reply_to")
"""The same in every mail of ours: what is wrong with them is no mail's own fault."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = re.compile(r"[0-9]{1,11}")


class Region(StrEnum):
    """Where the account lives."""

    GLOBAL = "global"
    EU = "eu"


HOSTS: Mapping[Region, str] = {
    Region.GLOBAL: "https://api.sendgrid.com",
    Region.EU: "https://api.eu.sendgrid.com",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SendGridSettings:
    """The account, and what to make of what SendGrid leaves open.

    `base_url` replaces the region's host, for tests and proxies. With `sandbox`, SendGrid checks
    and sends nothing. `treat_503_as_refused` trusts its documentation that a 503 means that the
    message was not taken; by default such a message is uncertain. `ca_file` adds a private
    authority, for a proxy that a company trusts.
    """

    api_key: str = field(repr=False)
    region: Region = Region.GLOBAL
    base_url: str = ""
    sandbox: bool = False
    treat_503_as_refused: bool = False
    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    ca_file: str = ""

    def __post_init__(self) -> None:
        # Without one, the package would look for a key in the environment.
        if not self.api_key.strip():
            raise MisuseError("sendgrid: an API key is needed")

    @property
    def account(self) -> str:
        """What stands for the account whose key this is, and does not tell the key."""
        named = f"account\0{self.region}\0{self.api_key}"
        return sha256(named.encode()).hexdigest()[:16]

    @property
    def longest_call(self) -> float:
        """After so many seconds a call is over, whatever is still on its way."""
        # Written, and read twice: a header may come long before its body.
        return self.connect_seconds + 3 * self.read_seconds


def _trusted(ca_file: str) -> ssl.SSLContext | bool:
    """Return whom to trust: the usual authorities, and one more if it is named."""
    if not ca_file:
        return True
    context = httpx.create_ssl_context(trust_env=False)
    context.load_verify_locations(cafile=ca_file)
    return context


class PooledClient(SendGridAPIClient):  # type: ignore[misc] # the package ships no types
    """SendGrid's client, with `send` over one kept connection."""

    def __init__(self, settings: SendGridSettings) -> None:
        host = settings.base_url.rstrip("/") or HOSTS[settings.region]
        super().__init__(api_key=settings.api_key, host=host)
        self.http = httpx.Client(
            base_url=host,
            transport=BoundedTransport(
                longest=settings.longest_call,
                verify=_trusted(settings.ca_file),
                # A connection that the other side has closed meanwhile makes a message uncertain.
                limits=httpx.Limits(max_connections=8, keepalive_expiry=5.0),
            ),
            headers={**self._default_headers, "Content-Type": "application/json"},
            timeout=httpx.Timeout(settings.read_seconds, connect=settings.connect_seconds),
            follow_redirects=False,
            # Neither proxies nor passwords from whatever environment this runs in.
            trust_env=False,
        )

    def send(self, message: bytes) -> httpx.Response:
        """Post one serialized request; httpx's errors come through."""
        with self.http.stream("POST", _PATH, content=message) as response:
            try:
                response.read()
            except httpx.HTTPError:
                # The status is the answer; a body that breaks off or never ends does not change it.
                headers = [pair for pair in response.headers.items() if _is_plain(pair[0])]
                return httpx.Response(response.status_code, headers=headers)
        return response


def _is_plain(name: str) -> bool:
    """Say whether a header says nothing about the body."""
    return not name.startswith(("content-", "transfer-"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing that an answer finds wrong, and where; `field` is empty for the whole request."""

    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What one call proves."""

    outcome: Outcome
    errors: tuple[Complaint, ...] = ()


class Calls:
    """Posts requests, and says what each answer or error proves."""

    def __init__(self, settings: SendGridSettings) -> None:
        self._settings = settings
        self._client: PooledClient | None = None

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._client is not None:
            self._client.http.close()
            self._client = None

    def post(self, body: bytes, now: datetime) -> Answered:
        """Post one request."""
        if self._client is None:
            try:
                self._client = PooledClient(self._settings)
                self._client.http.base_url.host.encode("idna")
            except Exception as error:  # noqa: BLE001 (whatever it is, nothing has left)
                self._client = None
                # Not the error itself: it may quote the key.
                what = f"sendgrid: cannot be called: {type(error).__name__}"
                return Answered(outcome=Halted(reason=f"{what}; is the API key right?"))
        try:
            response = self._client.send(body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            # No request has left: certain, and true for every message behind this one.
            text = reason(f"sendgrid is unreachable: {error}")
            return Answered(outcome=Halted(reason=text, until=now + _SOON))
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
            return Answered(outcome=Halted(reason=reason(f"sendgrid: cannot be called: {error}")))
        except httpx.HTTPError as error:
            # Whether the request was read to its end cannot be seen from here.
            kind = type(error).__name__
            text = reason(f"sendgrid: no answer: {kind} {error}")
            return Answered(outcome=Uncertain(reason=text))
        return Answered(outcome=self._classify(response, now), errors=_complaints(response))

    def _classify(self, response: httpx.Response, now: datetime) -> Outcome:
        """Return what the status proves."""
        status = response.status_code
        match status:
            case _ if response.is_success:
                return self._accepted(response)
            case 401 | 403:
                return Halted(reason=reason(f"sendgrid: {status} {_errors(response)}"))
            case 429:
                return Halted(
                    reason="sendgrid: 429 too many requests", until=reset_time(response, now)
                )
            case 408:
                return Refused(reason="sendgrid: 408 the request came too slowly", permanent=False)
            case 503 if self._settings.treat_503_as_refused:
                return Refused(reason="sendgrid: 503 not available", permanent=False)
            case 400 if _is_of_us(_complaints(response)):
                said = reason(f"sendgrid: the sender is refused: 400 {_errors(response)}")
                return Halted(reason=said, until=now + _LATER)
            case _ if response.is_client_error:
                return Refused(
                    reason=reason(f"sendgrid: {status} {_errors(response)}"), permanent=True
                )
            case _ if response.is_redirect or response.is_informational:
                return Halted(reason=f"sendgrid: {status}; is the base URL right?")
            case _:
                return Uncertain(reason=f"sendgrid: {status}")

    def _accepted(self, response: httpx.Response) -> Accepted:
        provider_id = response.headers.get("X-Message-Id", "")
        if self._settings.sandbox:
            return Accepted(provider_id=provider_id, note="sandbox: checked, not sent")
        odd = response.status_code != httpx.codes.ACCEPTED or not provider_id
        note = f"odd: {response.status_code} without the usual signs" if odd else ""
        return Accepted(provider_id=reason(provider_id), note=note, odd=odd)


class SendGridTransport:
    """Sends one rendered message a call."""

    name = "sendgrid"
    group_size = 20

    def __init__(
        self,
        settings: SendGridSettings,
        *,
        calls: Calls | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._clock = clock
        self._calls = calls or Calls(settings)

    @property
    def account(self) -> str:
        """What stands for the account through which mail leaves."""
        return self._settings.account

    @property
    def longest_wait(self) -> timedelta:
        """The patience with a group, and then one call that is slow from beginning to end."""
        return PATIENCE + timedelta(seconds=self._settings.longest_call)

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Send one by one; when SendGrid refuses everything, the rest is kept."""
        outcomes: list[Outcome] = []
        patience = Patience(self._monotonic, self._clock)
        for message in messages:
            if patience.is_over(message):
                outcomes += [LEFT_OVER] * (len(messages) - len(outcomes))
                break
            outcome = self._send(message, now)
            if isinstance(outcome, Halted):
                outcomes += [outcome] * (len(messages) - len(outcomes))
                break
            outcomes.append(outcome)
        return outcomes

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Do nothing: no copy stays here."""

    def close(self) -> None:
        """Close the connections."""
        self._calls.close()

    def _send(self, message: OutgoingMessage, now: datetime) -> Outcome:
        broken = broken_limit(message)
        if broken:
            return Refused(reason=reason(f"sendgrid: {broken}"), permanent=True, asked=False)
        try:
            body = encode(payload(message, sandbox=self._settings.sandbox))
        except orjson.JSONEncodeError:
            why = "sendgrid: the mail holds half a character"
            return Refused(reason=why, permanent=True, asked=False)
        if len(body) > MAX_BODY_BYTES:
            return Refused(reason="sendgrid: larger than 30 MB", permanent=True, asked=False)
        return self._calls.post(body, now).outcome


def _is_of_us(complaints: Sequence[Complaint]) -> bool:
    """Say whether nothing is wrong but what is the same in every mail."""
    return bool(complaints) and all(each.field.startswith(_OF_US) for each in complaints)


def _errors(response: httpx.Response) -> str:
    """Return the messages of an error body; it may be anything."""
    found = _complaints(response)
    if found:
        return "; ".join(f"{each.field or 'request'}: {each.message}" for each in found)
    return response.content[:200].decode("utf-8", "replace")


def _complaints(response: httpx.Response) -> tuple[Complaint, ...]:
    if not response.is_client_error:
        return ()
    try:
        return tuple(
            Complaint(field=str(error.get("field") or ""), message=str(error.get("message")))
            for error in json.loads(response.content)["errors"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()


def reset_time(response: httpx.Response, now: datetime) -> datetime:
    """Return when calls are welcome again, never later than a day from now."""
    for header in ("X-RateLimit-Reset", "Retry-After"):
        value = response.headers.get(header, "").strip()
        if not _SECONDS.fullmatch(value):
            continue
        # The reset is a time of day in seconds since 1970; what cannot be one is a waiting time.
        since_1970 = int(value) > _LONGEST_PAUSE.total_seconds()
        pause = timedelta(seconds=int(value)) - ((now - _EPOCH) if since_1970 else timedelta())
        return now + min(max(pause, timedelta(seconds=1)), _LONGEST_PAUSE)
    return now + _RATE_PAUSE
