"""SendGrid's Email Activity API: does it know a mail of which we never got an answer?

It is sold apart, keeps what it knows for some days, learns of a mail minutes after it was taken,
and allows six calls a minute. So it can prove that a mail was taken; that it does not know one is
one sign among several that it was not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx

from nurture.core.doubt import Absent, Answer, Found, Unanswered
from nurture.transports.base import reason
from nurture.transports.sendgrid import PooledClient, SendGridSettings, reset_time
from nurture.transports.sendgrid_payload import MESSAGE_ARG

_PATH = "/v3/messages"
_REST = timedelta(minutes=15)
_MOST = 10


class SendGridActivity:
    """Asks about one mail by the opaque id that was sent with it."""

    def __init__(self, settings: SendGridSettings) -> None:
        self._settings = settings
        self._client: PooledClient | None = None

    def find(self, uid: str, email: str, *, now: datetime) -> Answer:
        """Return what SendGrid knows of our mail to the address."""
        query = f"(unique_args['{MESSAGE_ARG}']=\"{uid}\")"
        if self._client is None:
            self._client = PooledClient(self._settings)
        try:
            response = self._client.http.get(_PATH, params={"query": query, "limit": _MOST})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = type(error).__name__
            return Unanswered(reason=reason(f"sendgrid: {kind} {error}"), until=now + _REST)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            return Unanswered(
                reason="sendgrid: 429 too many look-ups", until=reset_time(response, now)
            )
        if response.status_code != httpx.codes.OK:
            said = f"sendgrid: look-up answered {response.status_code}"
            return Unanswered(reason=said, until=now + _REST)
        return _read(response.content, email, now)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.http.close()
            self._client = None


def _read(body: bytes, email: str, now: datetime) -> Answer:
    try:
        listed = json.loads(body)["messages"]
        ours = [each for each in listed if _is_to(each, email)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Unanswered(reason="sendgrid: look-up answered nonsense", until=now + _REST)
    if not ours:
        # Mails to others mean that the question was not understood, which is no answer either.
        if listed:
            text = "sendgrid: look-up answered with mail to others"
            return Unanswered(reason=text, until=now + _REST)
        return Absent()
    provider_id, status = str(ours[0]["msg_id"]), str(ours[0].get("status", ""))
    evidence = f"look-up: SendGrid has it as {provider_id} ({status})"
    return Found(provider_id=reason(provider_id), evidence=reason(evidence))


def _is_to(listed: Mapping[str, object], email: str) -> bool:
    to, _ = str(listed["to_email"]), listed["msg_id"]
    # Whoever was erased meanwhile has no address to compare with.
    return not email or to.casefold() == email.casefold()
