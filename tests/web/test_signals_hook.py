"""The signed intake of signals: what is not signed or not right leaves no row."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from nurture.store.db import Database
from nurture.store.tables import raw_posts
from nurture.transports.signing import signed_headers
from tests.web.world import World, small_project

WEBSITE = "whsec_d2Vic2l0ZXdlYnNpdGV3ZWJzaXRld2Vic2l0ZQ=="
WEBINARS = "whsec_d2ViaW5hcndlYmluYXJ3ZWJpbmFyd2ViaW5hcg=="
OTHER = "whsec_b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVy"


@pytest.fixture
def listening(database: Database) -> World:
    """Return a world on each kind of database whose project takes signals."""
    project = small_project()
    workspace = replace(project.workspace, signal_secrets=(WEBSITE, WEBINARS))
    return World(database=database, project=replace(project, workspace=workspace))


def signal(world: World, **changes: Any) -> bytes:
    good = {
        "id": "v1",
        "kind": "page.viewed",
        "email": "ada@plant.example",
        "occurred_at": world.clock().isoformat(),
    }
    return json.dumps(good | changes).encode()


def signed(world: World, body: bytes, secret: str = WEBSITE) -> dict[str, str]:
    return signed_headers(body, message_id="w1", secrets=[secret], now=world.clock())


def test_any_of_the_secrets_is_taken_and_the_post_kept_as_it_came(listening: World) -> None:
    body = signal(listening)
    with listening.serving() as browser:
        for secret in (WEBSITE, WEBINARS):
            headers = signed(listening, body, secret)
            answer = browser.post("/hooks/signals", content=body, headers=headers)
            assert (answer.status_code, answer.content) == (202, b"")
    with listening.database.read() as connection:
        rows = connection.execute(select(raw_posts)).all()
    assert [(r.provider, bytes(r.body), r.worked_at) for r in rows] == [("signals", body, None)] * 2
    assert listening.rung == [(), ()]


def refusals(world: World) -> list[tuple[str, int, bytes, dict[str, str]]]:
    body, good = signal(world), signed(world, signal(world))
    long_ago = str(int((world.clock() - timedelta(minutes=6)).timestamp()))
    huge, future = b" " * (1024 * 1024 + 1), world.clock() + timedelta(hours=1)
    wrong = [b"", b"{", b"[]", b"\xff", b"[" * 30_000, signal(world, kind="form.submitted")]
    wrong += [signal(world, occurred_at=future.isoformat()), signal(world, email=None)]
    return [
        ("unsigned", 401, body, {}),
        ("another secret", 401, body, signed(world, body, OTHER)),
        ("altered", 401, body + b" ", good),
        ("another id", 401, body, good | {"webhook-id": "w2"}),
        ("too old", 401, body, good | {"webhook-timestamp": long_ago}),
        ("too large", 413, huge, signed(world, huge)),
        *((f"malformed {n}", 400, raw, signed(world, raw)) for n, raw in enumerate(wrong)),
    ]


def test_what_is_forged_altered_old_oversized_or_malformed_leaves_no_row(listening: World) -> None:
    before = listening.content()
    with listening.serving() as browser:
        for name, status, body, headers in refusals(listening):
            answer: httpx.Response = browser.post("/hooks/signals", content=body, headers=headers)
            assert answer.status_code == status, name
            assert "error" in answer.json(), name
    assert listening.content() == before
    assert listening.rung == []


def test_without_a_secret_nothing_is_taken(page_world: World) -> None:
    body = signal(page_world)
    with page_world.serving() as browser:
        answer = browser.post("/hooks/signals", content=body, headers=signed(page_world, body))
    assert answer.status_code == 401
    assert page_world.rows()["raw_posts"] == 0
