"""A look-up proves that SendGrid has a mail; anything unclear is no answer."""

from __future__ import annotations

import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from nurture.core.doubt import Absent, Answer, Found, Unanswered
from nurture.transports.sendgrid import SendGridSettings
from nurture.transports.sendgrid_activity import SendGridActivity
from tests.transports.letters import NOW
from tests.transports.servers import HOST, closed_port, serving
from tests.transports.test_sendgrid import answer, answering

UID = "9fb95cc696f8548756a46631482e9a08"
EMAIL = "Ada@plant.example"
KNOWN = {
    "from_email": "ingrid@mail.havelock-air.example",
    "msg_id": "m7.filter-1",
    "subject": "Your leak guide",
    "to_email": "ada@plant.example",
    "status": "delivered",
    "opens_count": 0,
    "clicks_count": 0,
    "last_event_time": "2026-09-01T08:00:10Z",
}
REST = NOW + timedelta(minutes=15)


def asked(response: bytes, seen: list[bytes] | None = None) -> Answer:
    with serving(answering(response, seen=seen)) as port:
        way = SendGridActivity(SendGridSettings(api_key="SG.x", base_url=f"http://{HOST}:{port}"))
        found = way.find(UID, EMAIL, now=NOW)
        way.close()
    return found


def listed(*mails: object) -> bytes:
    return answer("200 OK", json.dumps({"messages": mails}).encode())


def test_the_question_is_the_documented_one() -> None:
    seen: list[bytes] = []
    asked(listed(), seen)
    line = seen[0].split(b"\r\n")[0].decode()
    method, target, _ = line.split(" ")
    assert (method, urlsplit(target).path) == ("GET", "/v3/messages")
    assert parse_qs(urlsplit(target).query) == {
        "query": [f"(unique_args['nurture_message']=\"{UID}\")"],
        "limit": ["10"],
    }


@pytest.mark.parametrize(
    ("response", "found"),
    [
        pytest.param(
            listed(KNOWN),
            Found(
                provider_id="m7.filter-1",
                evidence="look-up: SendGrid has it as m7.filter-1 (delivered)",
            ),
            id="it has it",
        ),
        pytest.param(listed(), Absent(), id="it does not"),
        pytest.param(
            listed({**KNOWN, "to_email": "bo@plant.example"}),
            Unanswered(reason="sendgrid: look-up answered with mail to others", until=REST),
            id="it did not understand the question",
        ),
        pytest.param(
            answer("200 OK", b"<html>"),
            Unanswered(reason="sendgrid: look-up answered nonsense", until=REST),
            id="nonsense",
        ),
        pytest.param(
            answer("403 Forbidden"),
            Unanswered(reason="sendgrid: look-up answered 403", until=REST),
            id="it is not paid for",
        ),
        pytest.param(
            answer("429 Slow", headers={"Retry-After": "20"}),
            Unanswered(reason="sendgrid: 429 too many look-ups", until=NOW + timedelta(seconds=20)),
            id="too often",
        ),
    ],
)
def test_an_answer_says(response: bytes, found: Answer) -> None:
    assert asked(response) == found


def test_nobody_there_is_no_answer() -> None:
    account = SendGridSettings(api_key="SG.x", base_url=f"http://{HOST}:{closed_port()}")
    found = SendGridActivity(account).find(UID, EMAIL, now=NOW)
    assert isinstance(found, Unanswered)
    assert found.until == REST
