"""SendGrid keeps a mail until its `send_at`, and throws it away if its batch was cancelled by then.

Every mail is a batch of its own, so that one can be called back without the others. Getting an id
and cancelling may be repeated at will: the one sends nothing, the other sends less.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from nurture.core.fence import HONOURED, Answer, CalledBack, StaysKept, Unheard
from nurture.core.message import Halted
from nurture.transports.base import PATIENCE, Clock, reason
from nurture.transports.sendgrid import (
    PooledClient,
    SendGridSettings,
    SendGridTransport,
    reset_time,
)

_NEW = "/v3/mail/batch"
_CANCELLED = "/v3/user/scheduled_sends"
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SOON = timedelta(seconds=30)
_LATER = timedelta(minutes=15)
_GONE = frozenset({httpx.codes.NO_CONTENT, httpx.codes.NOT_FOUND})


class SendGridFencedTransport(SendGridTransport):
    """Sends one mail a call, to be kept for a while; two calls a mail with that for its id."""

    def __init__(
        self,
        settings: SendGridSettings,
        *,
        fence: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(settings, monotonic=monotonic, clock=clock)
        self.fence = fence
        self._ids: list[str] = []
        self._client: PooledClient | None = None

    def stock(self, count: int, *, now: datetime) -> int | Halted:
        """Get ids for so many mails and return how many there are, or why there is none.

        No mail is given up for want of an id: whatever is wrong, it is not the mail's fault.
        """
        begun = self._monotonic()
        while len(self._ids) < count and self._monotonic() - begun < PATIENCE.total_seconds():
            got = self._new_id(now)
            if isinstance(got, Halted):
                return len(self._ids) or got
            self._ids.append(got)
        return min(count, len(self._ids)) or Halted(reason=_TOO_SLOW, until=now + _SOON)

    def take(self) -> str:
        """Take one id out of the stock."""
        return self._ids.pop()

    def put_back(self, batch_id: str) -> None:
        """Put an id back that was not used."""
        self._ids.append(batch_id)

    def close(self) -> None:
        """Close the connections."""
        super().close()
        if self._client is not None:
            self._client.http.close()
            self._client = None

    def _new_id(self, now: datetime) -> str | Halted:
        try:
            if self._client is None:
                self._client = PooledClient(self._settings)
            response = self._client.http.post(_NEW)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            text = reason(f"sendgrid: no batch id: {type(error).__name__} {error}")
            return Halted(reason=text, until=now + _SOON)
        except Exception as error:  # noqa: BLE001 (as in `Calls`: it may quote the key)
            what = f"sendgrid: cannot be called: {type(error).__name__}"
            return Halted(reason=f"{what}; is the API key right?")
        said = f"sendgrid: no batch id: {response.status_code}"
        match response.status_code:
            case httpx.codes.CREATED:
                name = _field(response, "batch_id")
                return name if _ID.fullmatch(name) else Halted(reason=said, until=now + _SOON)
            case httpx.codes.UNAUTHORIZED | httpx.codes.FORBIDDEN:
                return Halted(reason=f"{said}; the key needs mail.batch.create for transport.fence")
            case httpx.codes.TOO_MANY_REQUESTS:
                return Halted(reason=said, until=reset_time(response, now))
            case _ if response.is_client_error:
                return Halted(reason=said, until=now + _LATER)
            case _:
                return Halted(reason=said, until=now + _SOON)


_TOO_SLOW = "sendgrid: batch ids come too slowly"


class SendGridKeeper:
    """Cancels mails that SendGrid still keeps, and takes cancellations away again."""

    def __init__(self, settings: SendGridSettings) -> None:
        self._settings = settings
        self._client: PooledClient | None = None

    def call_back(self, batch_id: str, send_at: datetime) -> Answer:
        """Cancel the batch; where that is refused, look whether it was cancelled before."""
        body = {"batch_id": batch_id, "status": "cancel"}
        try:
            response = self._http().post(_CANCELLED, json=body)
            match response.status_code:
                case httpx.codes.CREATED:
                    if _cancels(_body(response), batch_id):
                        return _if_in_time(response, send_at)
                    return Unheard(reason="sendgrid: 201 with nonsense")
                case httpx.codes.BAD_REQUEST | httpx.codes.NOT_FOUND:
                    # It has a status already, or there is no room for one: the answer says which
                    # in words only.
                    return self._look(batch_id, send_at, response)
                case status if response.is_client_error and status not in _ASK_AGAIN:
                    return StaysKept(reason=f"sendgrid: {status}{_scopes(status)}")
                case status:
                    return Unheard(reason=f"sendgrid: {status}")
        except Exception as error:  # noqa: BLE001 (whatever it is, nothing is known)
            return Unheard(reason=reason(f"sendgrid: {type(error).__name__} {error}"))

    def free(self, batch_id: str) -> bool:
        """Take the cancellation away; the mail was thrown away when its time came."""
        try:
            response = self._http().delete(f"{_CANCELLED}/{batch_id}")
        except Exception:  # noqa: BLE001 (it is tried again)
            return False
        return response.status_code in _GONE

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.http.close()
            self._client = None

    def _look(self, batch_id: str, send_at: datetime, refused: httpx.Response) -> Answer:
        response = self._http().get(f"{_CANCELLED}/{batch_id}")
        listed = _body(response)
        if response.status_code == httpx.codes.OK and isinstance(listed, list):
            if any(_cancels(each, batch_id) for each in listed):
                return _if_in_time(response, send_at)
        elif response.status_code != httpx.codes.NOT_FOUND:
            return Unheard(reason=f"sendgrid: {refused.status_code}, then {response.status_code}")
        said = refused.content[:200].decode("utf-8", "replace")
        return StaysKept(reason=reason(f"sendgrid: {refused.status_code} {said}"))

    def _http(self) -> httpx.Client:
        if self._client is None:
            self._client = PooledClient(self._settings)
        client: httpx.Client = self._client.http
        return client


_ASK_AGAIN = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS})


def _scopes(status: int) -> str:
    known = status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
    return "; the key needs user.scheduled_sends.create, .read and .delete" if known else ""


def _if_in_time(response: httpx.Response, send_at: datetime) -> Answer:
    """Return what a cancellation is worth by SendGrid's own clock: ours may have been set."""
    try:
        there = parsedate_to_datetime(response.headers["Date"])
        late = send_at - there < HONOURED
    except (KeyError, ValueError, TypeError):
        late = False
    return Unheard(reason="sendgrid: cancelled too late by its clock") if late else CalledBack()


def _body(response: httpx.Response) -> object:
    try:
        found: object = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return found


def _field(response: httpx.Response, name: str) -> str:
    found = _body(response)
    return str(found.get(name) or "") if isinstance(found, dict) else ""


def _cancels(found: object, batch_id: str) -> bool:
    return (
        isinstance(found, dict)
        and found.get("batch_id") == batch_id
        and found.get("status") == "cancel"
    )
