"""Run the web app in a thread of this process, for `up`, the demo and the tests."""

from __future__ import annotations

import os
import socket
from threading import Thread
from time import sleep
from typing import Self

import uvicorn
from fastapi import FastAPI

from nurture.core.errors import MisuseError

START_SECONDS = 20.0
_STEP = 0.01


class BackgroundServer:
    """Serves the app on loopback until it is closed; a context manager.

    `port` 0 takes a free one; `address` says which. `listening` is a socket that listens already.
    """

    def __init__(
        self,
        app: FastAPI,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        listening: socket.socket | None = None,
    ) -> None:
        self._socket = listening or listen(host, port)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            # Whether to believe what a proxy says is the site's own setting.
            proxy_headers=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    @property
    def address(self) -> str:
        """The URL that it answers at."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{host}:{port}"

    def __enter__(self) -> Self:
        """Start, and return when it answers."""
        self._thread.start()
        for _ in range(int(START_SECONDS / _STEP)):
            if self._server.started:
                return self
            sleep(_STEP)
        raise MisuseError("the web app did not start; is its port taken?")

    def __exit__(self, *_: object) -> None:
        """Stop and wait until it has."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


def free_port(preferred: int, host: str = "127.0.0.1") -> int:
    """Return the preferred port if nobody has it, else one that is free."""
    for port in (preferred, 0):
        try:
            with socket.create_server((host, port)) as found:
                taken: int = found.getsockname()[1]
                return taken
        except OSError:
            continue
    raise MisuseError(f"no port is free on {host}")


def listen_near(preferred: int, host: str = "127.0.0.1") -> socket.socket:
    """Return a listening socket on the preferred port if nobody has it, else on a free one."""
    try:
        return listen(host, preferred)
    except MisuseError:
        return listen(host, 0)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, or raise MisuseError naming what stands in the way."""
    try:
        found = socket.create_server((host, port))
    except OSError as error:
        raise MisuseError(f"cannot listen on {host}:{port}: {_why(error)}") from None
    # asyncio sets this for sockets that it opens itself; without it every answer takes 40 ms.
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def _why(error: OSError) -> str:
    # What asyncio and socket say repeats the address; a name that is none has no number.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)
