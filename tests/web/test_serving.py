"""Ports: the usual one if it is free, another if it is not, and nobody in between."""

from __future__ import annotations

import httpx
from fastapi import FastAPI

from nurture.web.serving import BackgroundServer, listen_near


def test_whoever_comes_second_gets_another_port() -> None:
    with listen_near(0) as first:
        usual = first.getsockname()[1]
        with listen_near(usual) as second:
            assert second.getsockname()[1] not in (0, usual)


def test_pages_are_served_on_the_socket_that_was_taken_beforehand() -> None:
    app = FastAPI()
    app.add_api_route("/", lambda: {"here": True})
    listening = listen_near(0)
    port = listening.getsockname()[1]
    with BackgroundServer(app, listening=listening) as server:
        assert server.address == f"http://127.0.0.1:{port}"
        assert httpx.get(server.address).json() == {"here": True}
