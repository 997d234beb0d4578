"""SendGrid's own stop lists: what it reported once, even if no post of it ever reached us."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from nurture.core.errors import MisuseError, RefusedInput
from nurture.transports.base import reason, whole
from nurture.transports.sendgrid import PooledClient, SendGridSettings

PAGE = 500
"""The most that SendGrid gives at a time."""
MOST_PAGES = 10_000
_LATEST = 32_503_680_000  # the year 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One address on a list, since when, and what SendGrid says about it."""

    email: str
    since: datetime
    reason: str


class SendGridStopLists:
    """Reads the lists page by page over one kept connection."""

    def __init__(self, settings: SendGridSettings) -> None:
        self._settings = settings
        self._client: PooledClient | None = None

    def pages(
        self, name: str, *, since: datetime | None, until: datetime
    ) -> Iterator[Sequence[Listed]]:
        """Yield what came onto the list in that time; raise RefusedInput if it cannot be read.

        `name` is the list's in the address, such as `bounces`. Nothing is added to a list in the
        past, so what comes meanwhile moves no page.
        """
        span = {"end_time": int(until.timestamp()), "limit": PAGE}
        if since is not None:
            span["start_time"] = int(since.timestamp())
        for number in range(MOST_PAGES):
            items = self._page(name, span | {"offset": number * PAGE})
            found = [one for one in map(_listed, items) if one is not None]
            if found:
                yield found
            if len(items) < PAGE:
                return

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.http.close()
            self._client = None

    def _page(self, name: str, asked: dict[str, int]) -> Sequence[object]:
        if self._client is None:
            self._client = PooledClient(self._settings)
        try:
            response = self._client.http.get(f"/v3/suppression/{name}", params=asked)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = type(error).__name__
            raise RefusedInput(reason(f"sendgrid: {name}: {kind} {error}")) from None
        match response.status_code:
            case httpx.codes.OK:
                return _items(name, response.content)
            case httpx.codes.UNAUTHORIZED | httpx.codes.FORBIDDEN:
                raise MisuseError(
                    f"sendgrid: the key may not read {name}; "
                    'let it read "Suppressions" too, at SendGrid under API Keys'
                )
            case status:
                raise RefusedInput(f"sendgrid: {name}: answered {status}; try again later")


def _items(name: str, body: bytes) -> Sequence[object]:
    try:
        items = json.loads(body, parse_int=whole)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        raise RefusedInput(f"sendgrid: {name}: the answer is no list")
    return items


def _listed(item: object) -> Listed | None:
    """Return one entry; None for what names no address or no time.

    What holds half a character, or one that no address may hold, is no address.
    """
    if not isinstance(item, dict):
        return None
    email, created, why = item.get("email"), item.get("created"), item.get("reason")
    if not isinstance(email, str) or "@" not in email or not email.strip().isprintable():
        return None
    if isinstance(created, bool) or not isinstance(created, int) or not 0 < created < _LATEST:
        return None
    return Listed(
        email=email.strip(),
        since=datetime.fromtimestamp(created, UTC),
        reason=reason(why) if isinstance(why, str) else "",
    )
