from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any, Protocol

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select

from nurture.engine.erase import erase_leads
from nurture.store import handoffs
from nurture.store.tables import handoffs as handoffs_table, raw_posts
from nurture.transports.sendgrid_events import SIGNATURE_HEADER, TIMESTAMP_HEADER
from nurture.transports.signing import signed_headers
from tests.web.world import World, small_project

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
EVENTS = b'[{"event":"delivered","email":"ada@plant.example","timestamp":1788249600}]'


def public(key: ec.EllipticCurvePrivateKey) -> str:
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(der).decode()


class Timed(Protocol):
    """Whatever has a clock."""

    def clock(self) -> datetime:
        """Return the present instant."""
        ...


def signed(
    world: Timed, body: bytes, key: ec.EllipticCurvePrivateKey = KEY, age: timedelta = timedelta()
) -> dict[str, str]:
    """Return the headers that the provider would send with the body."""
    at = str(int((world.clock() - age).timestamp()))
    proof = key.sign(at.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {SIGNATURE_HEADER: b64encode(proof).decode(), TIMESTAMP_HEADER: at}


# -- provider ------------------------------------------------------------------------------------


def test_a_signed_post_is_kept_as_it_came_and_rings(world: World) -> None:
    with world.serving(provider_keys=(public(OTHER_KEY), public(KEY))) as browser:
        answer = browser.post("/hooks/sendgrid", content=EVENTS, headers=signed(world, EVENTS))
    assert (answer.status_code, answer.content) == (204, b"")
    with world.database.read() as connection:
        row = connection.execute(select(raw_posts)).one()
    assert (row.provider, row.body, row.worked_at) == ("sendgrid", EVENTS, None)
    assert world.rung == [()]


def _altered(world: World) -> list[tuple[str, bytes, dict[str, str]]]:
    good = signed(world, EVENTS)
    proof = bytearray(good[SIGNATURE_HEADER].encode())
    proof[20] ^= 1
    return [
        ("no headers", EVENTS, {}),
        ("another key", EVENTS, signed(world, EVENTS, OTHER_KEY)),
        ("another body", EVENTS + b" ", good),
        ("one bit", EVENTS, good | {SIGNATURE_HEADER: proof.decode()}),
        ("no time", EVENTS, {SIGNATURE_HEADER: good[SIGNATURE_HEADER]}),
        ("another time", EVENTS, good | {TIMESTAMP_HEADER: "1788249601"}),
        ("long ago", EVENTS, signed(world, EVENTS, age=timedelta(hours=26))),
        ("far ahead", EVENTS, signed(world, EVENTS, age=timedelta(hours=-1))),
        ("nonsense", EVENTS, {SIGNATURE_HEADER: "\xff\xfe", TIMESTAMP_HEADER: "-1"}),
    ]


def test_a_forged_or_altered_post_leaves_no_row(page_world: World) -> None:
    before = page_world.content()
    with page_world.serving(provider_keys=(public(KEY),)) as browser:
        for name, body, headers in _altered(page_world):
            raw = [(k.encode(), v.encode("latin-1")) for k, v in headers.items()]
            answer = browser.post("/hooks/sendgrid", content=body, headers=raw)
            assert answer.status_code == 401, name
            assert answer.headers["content-type"] == "application/json", name
    assert page_world.content() == before
    assert page_world.rung == []


@pytest.mark.parametrize(("hours", "status"), [(1.9, 204), (2.1, 401)])
def test_how_old_a_post_may_be_is_a_setting(page_world: World, hours: float, status: int) -> None:
    age = timedelta(hours=2)
    with page_world.serving(provider_keys=(public(KEY),), provider_max_age=age) as browser:
        headers = signed(page_world, EVENTS, age=timedelta(hours=hours))
        answer = browser.post("/hooks/sendgrid", content=EVENTS, headers=headers)
    assert answer.status_code == status
    assert page_world.rows()["raw_posts"] == (status == 204)


def test_without_a_key_nothing_is_taken(page_world: World) -> None:
    with page_world.serving() as browser:
        assert browser.post("/hooks/sendgrid", content=EVENTS).status_code == 401
    assert page_world.rows()["raw_posts"] == 0


@pytest.mark.parametrize(
    ("public_url", "settings", "host", "status"),
    [
        ("http://127.0.0.1:8321", {}, "127.0.0.1", 204),
        ("http://127.0.0.1:8321", {"behind_proxy": True}, "127.0.0.1", 401),
        ("http://127.0.0.1:8321", {}, "evil.example", 401),
        ("https://mail.plant.example", {}, "127.0.0.1", 401),
    ],
)
def test_unsigned_posts_are_taken_on_this_machine_only_and_only_when_told_so(
    page_world: World, public_url: str, settings: dict[str, Any], host: str, status: int
) -> None:
    page_world.project = small_project(public_url)
    page_world.runtime._projects.clear()  # noqa: SLF001 (the same release with another address)
    with page_world.serving(unsigned_events=True, **settings) as browser:
        answer = browser.post("/hooks/sendgrid", content=EVENTS, headers={"host": host})
        broken = browser.post("/hooks/sendgrid", content=b"{", headers={"host": host})
    assert answer.status_code == status
    assert broken.status_code in (400, 401)
    assert page_world.rows()["raw_posts"] == (status == 204)


def test_a_post_may_have_a_mebibyte_and_no_more(page_world: World) -> None:
    with page_world.serving(provider_keys=(public(KEY),)) as browser:
        for size, status in ((1024 * 1024, 204), (1024 * 1024 + 1, 413)):
            body = b" " * size
            answer = browser.post("/hooks/sendgrid", content=body, headers=signed(page_world, body))
            assert answer.status_code == status


# -- sales ---------------------------------------------------------------------------------------


def handed_over(world: World) -> tuple[int, str]:
    """Store a handoff that was delivered to sales."""
    lead_id = world.add_lead()
    new = handoffs.NewHandoff(
        uid="msg_1", lead_id=lead_id, cycle=1, endpoint="inside-sales", readiness=70
    )
    with world.database.write() as connection:
        handoffs.create(connection, [new], now=world.clock())
        connection.execute(handoffs_table.update().values(state="delivered"))
    return lead_id, "msg_1"


def answer_body(handoff: str, kind: str = "handoff.accepted", **more: Any) -> bytes:
    return json.dumps({"type": kind, "data": {"handoff_id": handoff} | more}).encode()


def tell(
    world: World, browser: httpx.Client, body: bytes, *, key: str = "", uid: str = "w1"
) -> httpx.Response:
    """Post what sales says, signed with their feedback secret."""
    secret = key or world.project.endpoints["inside-sales"].feedback_secret
    headers = signed_headers(body, message_id=uid, secrets=[secret], now=world.clock())
    return browser.post("/hooks/sales/inside-sales", content=body, headers=headers)


def test_an_answer_of_sales_is_recorded_once(world: World) -> None:
    lead_id, handoff = handed_over(world)
    with world.serving() as browser:
        for _ in range(2):
            answer = tell(world, browser, answer_body(handoff))
            assert (answer.status_code, answer.content) == (202, b"")
    assert world.events(lead_id) == [("handoff.accepted", "inside-sales", True)]
    assert world.rung[0] == (lead_id,)


def test_an_answer_about_nothing_we_know_is_taken_and_does_nothing(world: World) -> None:
    lead_id, handoff = handed_over(world)
    with world.database.write() as connection:
        erase_leads(world.runtime, connection, [lead_id], reason="x", now=world.clock())
    before = world.content()
    with world.serving() as browser:
        for uid in (handoff, "msg_unknown"):
            assert tell(world, browser, answer_body(uid)).status_code == 202
        for uid in ("\x00", "\ud800", "x" * 500):
            assert tell(world, browser, answer_body(uid)).status_code == 400
    assert world.content() == before


def test_an_answer_that_is_not_signed_by_sales_leaves_no_row(page_world: World) -> None:
    _, handoff = handed_over(page_world)
    before = page_world.content()
    body = answer_body(handoff)
    endpoint = page_world.project.endpoints["inside-sales"]
    with page_world.serving() as browser:
        assert tell(page_world, browser, body, key=endpoint.secret).status_code == 401
        good = signed_headers(
            body, message_id="w", secrets=[endpoint.feedback_secret], now=page_world.clock()
        )
        post = browser.post
        url = "/hooks/sales/inside-sales"
        assert post(url, content=body).status_code == 401
        assert post(url, content=body + b" ", headers=good).status_code == 401
        assert post(url, content=body, headers=good | {"webhook-id": "v"}).status_code == 401
        assert post("/hooks/sales/nobody", content=body, headers=good).status_code == 401
        page_world.clock.go(minutes=6)
        assert post(url, content=body, headers=good).status_code == 401
    assert page_world.content() == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe\x00",
        b"[" * 30_000,
        b'{"type": 1e999, "data": {}}',
        answer_body("msg_1", kind="handoff.eaten"),
        answer_body("msg_1", occurred_at="0001-01-01T00:00:00+14:00"),
        answer_body("msg_1", occurred_at="9999-12-31T23:59:59-14:00"),
        answer_body("msg_1", occurred_at={"a": "b"}),
        answer_body("msg_1", reason=5),
    ],
)
def test_a_signed_answer_that_makes_no_sense_is_refused(page_world: World, body: bytes) -> None:
    handed_over(page_world)
    before = page_world.content()
    with page_world.serving() as browser:
        answer = tell(page_world, browser, body)
    assert answer.status_code == 400
    assert "error" in answer.json()
    assert page_world.content() == before
