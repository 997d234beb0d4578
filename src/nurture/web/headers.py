"""Security headers on every answer, and the few content policies there are."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PUBLIC = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Public pages: our own style sheet and nothing else, no script at all."""

OPERATOR = f"{PUBLIC}; frame-src 'self'"

MAIL = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; sandbox allow-popups allow-popups-to-escape-sandbox; "
)
"""A mail shown as a page: its own styles, no script, no form, an origin of its own."""

MAIL_ALONE = f"{MAIL}frame-ancestors 'none'"
MAIL_FRAMED = f"{MAIL}frame-ancestors 'self'"

_ALWAYS = {
    "content-security-policy": PUBLIC,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
_TLS_ONLY = {"strict-transport-security": "max-age=31536000"}


def always(*, https: bool) -> Mapping[str, str]:
    """Return the headers that every answer carries, unless it sets its own."""
    return _ALWAYS | _TLS_ONLY if https else _ALWAYS


class SecurityHeaders:
    """Adds what an answer does not set itself, to errors too."""

    def __init__(self, app: ASGIApp, *, headers: Mapping[str, str]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sealed if scope["type"] == "http" else send)
