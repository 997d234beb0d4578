"""Forged, foreign, expired, unknown and erased links: one answer, and nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from nurture.core.token import Grant, Keyring, Purpose, sign
from nurture.engine.erase import erase_leads
from tests.web.world import NOW, World

PATHS = {
    "f": Purpose.FORM,
    "c": Purpose.CLICK,
    "u": Purpose.UNSUBSCRIBE,
    "p": Purpose.PREFERENCES,
    "v": Purpose.VIEW,
    "s": Purpose.SALES,
}
POSTED = {"lead.role": "boss", "act": "leave", "by": "button", "answer": "accepted"}


def answers(browser: httpx.Client, path: str, token: str) -> Iterator[httpx.Response]:
    yield browser.get(f"/{path}/{token}")
    if path in "fups":
        yield browser.post(f"/{path}/{token}", data=POSTED)
    if path == "f":
        yield browser.get(f"/f/{token}/thanks")


def shape(answer: httpx.Response) -> tuple[int, bytes, tuple[str, ...]]:
    """Return what a guesser could tell answers apart by."""
    return answer.status_code, answer.content, tuple(sorted(answer.headers))


@pytest.fixture
def mail(page_world: World) -> str:
    return page_world.add_mail(page_world.add_lead())


def test_a_link_works_for_its_own_purpose_only(page_world: World, mail: str) -> None:
    before = page_world.content()
    with page_world.serving() as browser:
        for path, purpose in product(PATHS, Purpose):
            if PATHS[path] is not purpose:
                for answer in answers(browser, path, page_world.token(purpose, mail)):
                    assert answer.status_code == 404, (path, purpose)
    assert page_world.content() == before


@pytest.mark.parametrize("path", PATHS)
def test_every_bad_link_gets_the_same_answer(world: World, path: str) -> None:
    lead_id = world.add_lead()
    mail = world.add_mail(lead_id)
    erased_id = world.add_lead("gone@plant.example")
    erased = world.add_mail(erased_id)
    with world.database.write() as connection:
        erase_leads(world.runtime, connection, [erased_id], reason="x", now=world.clock())
    before = world.content()
    purpose = PATHS[path]
    good = world.token(purpose, mail)
    stranger = Keyring(current="k1", keys={"k1": b"x" * 32})
    bad = {
        "forged": sign(stranger, Grant(purpose=purpose, subject=mail)),
        "unknown key": good.replace("k1.", "k9.", 1),
        "no key": good.replace("k1.", ".", 1),
        "expired": world.token(purpose, mail, expires_at=NOW - timedelta(seconds=1)),
        "cut": good[:-1],
        "longer": f"{good}A",
        "another number": good.replace(".0.", ".1.", 1),
        "empty parts": ".....",
        "nothing": "x",
        "not ASCII": "k1.ü.ß.0.0.x",
    }
    # Unsubscribing answers well-signed links alike, whoever they are about.
    if path != "u":
        bad |= {
            "unknown": world.token(purpose, "0" * 32),
            "erased": world.token(purpose, erased),
        }
    with world.serving() as browser:
        seen = {
            (name, shape(answer)) for name, token in bad.items()
            for answer in answers(browser, path, token)
        }  # fmt: skip
    assert len({found for _, found in seen}) == 1, {(n, s[0]) for n, s in seen}
    assert next(iter(seen))[1][0] == 404
    assert world.content() == before
    assert world.rung == []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 200), char=st.characters(codec="utf-8"))
def test_no_change_of_a_character_verifies(
    place_world: tuple[World, str, httpx.Client], place: int, char: str
) -> None:
    world, token, browser = place_world
    place %= len(token)
    changed = token[:place] + char + token[place + 1 :]
    if changed == token:
        return
    answer = browser.post(f"/u/{quote(changed, safe='')}")
    assert answer.status_code == 404
    assert world.rung == []


@pytest.fixture
def place_world(page_world: World, mail: str) -> Iterator[tuple[World, str, httpx.Client]]:
    with page_world.serving() as browser:
        yield page_world, page_world.token(Purpose.UNSUBSCRIBE, mail), browser
