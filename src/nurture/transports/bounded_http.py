"""HTTP requests with an end: httpx knows timeouts for each read, and a server may drip."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from httpcore import NetworkBackend, NetworkStream

_PIECE = 64 * 1024


class BoundedTransport(httpx.HTTPTransport):
    """Carries each request out, and its answer in, within `longest` seconds."""

    def __init__(
        self, *, longest: float, verify: ssl.SSLContext | bool, limits: httpx.Limits
    ) -> None:
        super().__init__(verify=verify, limits=limits, trust_env=False)
        self._longest = longest
        pool: Any = self._pool
        self._bounded = _Backend(pool._network_backend)  # noqa: SLF001 (httpx passes none on)
        pool._network_backend = self._bounded  # noqa: SLF001 (as above)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return the answer, whose body is bounded too."""
        self._bounded.until = time.monotonic() + self._longest
        return super().handle_request(request)


class _Backend:
    """Opens streams that end with the request they are used for."""

    def __init__(self, backend: NetworkBackend) -> None:
        self._backend = backend
        self.until = 0.0

    def left(self, timeout: float | None, error: type[httpx.TimeoutException]) -> float:
        """Return how long to wait at most; raise if the time is over."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise error("the time for the whole request is over")
        return left if timeout is None else min(left, timeout)

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, **more: object
    ) -> _Stream:
        """Open a connection."""
        left = self.left(timeout, httpx.ConnectTimeout)
        known: dict[str, Any] = more
        return _Stream(self._backend.connect_tcp(host, port, timeout=left, **known), self)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._backend.sleep(seconds)


class _Stream:
    """A connection whose every read and write keeps an eye on the whole."""

    def __init__(self, stream: NetworkStream, backend: _Backend) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._backend.left(timeout, httpx.ReadTimeout)
        return self._stream.read(max_bytes, timeout=left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PIECE):
            left = self._backend.left(timeout, httpx.WriteTimeout)
            self._stream.write(buffer[start : start + _PIECE], timeout=left)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> _Stream:  # fmt: skip
        left = self._backend.left(timeout, httpx.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._backend)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
