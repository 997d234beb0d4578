"""The doorbell: who rings is seen to within a moment, and trouble at one door closes no other."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from nurture.cli.doorbell import Doorbell
from nurture.engine.tick import Ways
from nurture.store import raw_posts
from nurture.store.db import Database
from tests.engine.programme import Programme, row

PATIENCE_SECONDS = 30.0


@pytest.fixture
def programme(sqlite_database: Database) -> Programme:
    """Bring in two leads who asked for the guide; nobody has seen to them yet."""
    made = Programme(sqlite_database)
    made.bring(row("bo@plant.example"), row("cy@plant.example", company="Cy"))
    return made


def soon(is_so: Callable[[], bool]) -> bool:
    """Say whether it becomes so before long."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.02)
    return False


def test_only_who_rang_is_seen_to(programme: Programme) -> None:
    bell = Doorbell(programme.runtime, lambda: programme.ways, lambda: programme.now)
    with bell:
        bell.ring([programme.lead("bo@plant.example")])
        assert soon(lambda: bool(programme.post.sent))
    assert [m.mail.recipient.email for m in programme.post.sent] == ["bo@plant.example"]


def test_a_provider_that_rings_has_its_posts_read(programme: Programme) -> None:
    with programme.database.write() as connection:
        raw_posts.keep(connection, provider="sendgrid", body=b"[]", now=programme.now)

    def waiting() -> bool:
        with programme.database.read() as connection:
            return raw_posts.any_due(connection, now=programme.now)

    bell = Doorbell(programme.runtime, lambda: programme.ways, lambda: programme.now)
    with bell:
        bell.ring(())
        assert soon(lambda: not waiting())
    assert programme.post.sent == []


def test_trouble_does_not_silence_it(programme: Programme) -> None:
    troubles = [ValueError("no way out today")]

    def ways() -> Ways:
        if troubles:
            raise troubles.pop()
        return programme.ways

    bell = Doorbell(programme.runtime, ways, lambda: programme.now)
    with bell:
        bell.ring([programme.lead("bo@plant.example")])
        assert soon(lambda: not troubles)
        bell.ring([programme.lead("cy@plant.example")])
        assert soon(lambda: bool(programme.post.sent))
