"""Ports: the usual one if it is free, another if it is not, and nobody in between."""

from __future__ import annotations

import httpx
import pytest
from fastapi import FastAPI

from nurture.core.errors import MisuseError
from nurture.web.serving import BackgroundServer, listen, listen_near


def test_whoever_comes_second_gets_another_port() -> None:
    with listen_near(0) as first:
        usual = first.getsockname()[1]
        with listen_near(usual) as second:
            assert second.getsockname()[1] not in (0, usual)


def test_a_port_that_somebody_has_is_refused_in_a_few_words() -> None:
    with listen_near(0) as first:
        port = first.getsockname()[1]
        with pytest.raises(MisuseError) as refused:
            listen("127.0.0.1", port)
    assert str(refused.value) == f"cannot listen on 127.0.0.1:{port}: Address already in use"


def test_pages_are_served_on_the_socket_that_was_taken_beforehand() -> None:
    app = FastAPI()
    app.add_api_route("/", lambda: {"here": True})
    listening = listen_near(0)
    port = listening.getsockname()[1]
    with BackgroundServer(app, listening=listening) as server:
        assert server.address == f"http://127.0.0.1:{port}"
        assert httpx.get(server.address).json() == {"here": True}
