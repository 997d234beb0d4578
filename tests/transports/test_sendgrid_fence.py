"""What SendGrid's answers to a cancellation prove, and what the calls look like."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest

from nurture.core.fence import Answer, CalledBack, StaysKept, Unheard
from nurture.core.message import Fence
from nurture.transports.sendgrid import SendGridSettings
from nurture.transports.sendgrid_fence import SendGridFencedTransport, SendGridKeeper
from nurture.transports.sendgrid_payload import payload
from tests.transports.keeping import Keeping
from tests.transports.letters import NOW, letter
from tests.transports.servers import HOST, closed_port, serving
from tests.transports.test_sendgrid import answer, answering

SEND_AT = NOW + timedelta(minutes=30)
MINE = {"batch_id": "b1", "status": "cancel"}


def said(status: str, body: object = None, at: datetime = NOW) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    return answer(status, content, {"Date": format_datetime(at, usegmt=True)})


def proven(answers: Sequence[bytes], seen: list[bytes] | None = None) -> Answer:
    with serving(answering(*answers, seen=seen)) as port:
        account = SendGridSettings(api_key="SG.x", base_url=f"http://{HOST}:{port}")
        with closing(SendGridKeeper(account)) as keeper:
            return keeper.call_back("b1", SEND_AT)


@pytest.mark.parametrize(
    ("answers", "proof"),
    [
        pytest.param([said("201 Created", MINE)], CalledBack(), id="it is cancelled"),
        pytest.param(
            [said("201 Created", MINE, SEND_AT - timedelta(minutes=10))],
            CalledBack(),
            id="just in time",
        ),
        pytest.param(
            [said("201 Created", MINE, SEND_AT - timedelta(minutes=9))],
            Unheard(reason="sendgrid: cancelled too late by its clock"),
            id="too late by its clock",
        ),
        pytest.param(
            [said("201 Created", {**MINE, "status": "pause"})],
            Unheard(reason="sendgrid: 201 with nonsense"),
            id="something else was done",
        ),
        pytest.param(
            [said("400 Bad", {}), said("200 OK", [MINE])], CalledBack(), id="it was before"
        ),
        pytest.param(
            [said("400 Bad", "max limit reached"), said("200 OK", [])],
            StaysKept(reason='sendgrid: 400 "max limit reached"'),
            id="no room",
        ),
        pytest.param(
            [said("404 None", {}), said("404 None", {})],
            StaysKept(reason="sendgrid: 404 {}"),
            id="not known",
        ),
        pytest.param(
            [said("400 Bad", {}), said("500 No", {})],
            Unheard(reason="sendgrid: 400, then 500"),
            id="nobody can tell",
        ),
        pytest.param([said("500 No", {})], Unheard(reason="sendgrid: 500"), id="its own error"),
        pytest.param([said("429 Slow", {})], Unheard(reason="sendgrid: 429"), id="too often"),
        pytest.param(
            [said("403 No", {})],
            StaysKept(
                reason="sendgrid: 403; the key needs user.scheduled_sends.create, .read and .delete"
            ),
            id="the key may not",
        ),
    ],
)
def test_an_answer_proves(answers: Sequence[bytes], proof: Answer) -> None:
    assert proven(answers) == proof


def test_nobody_there_proves_nothing() -> None:
    account = SendGridSettings(api_key="SG.x", base_url=f"http://{HOST}:{closed_port()}")
    with closing(SendGridKeeper(account)) as keeper:
        assert isinstance(keeper.call_back("b1", SEND_AT), Unheard)
        assert not keeper.free("b1")


def test_the_cancellation_is_the_documented_one() -> None:
    seen: list[bytes] = []
    proven([said("201 Created", MINE)], seen)
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v3/user/scheduled_sends HTTP/1.1\r\n")
    assert b"authorization: bearer sg.x" in head.lower()
    assert json.loads(body) == MINE


@pytest.mark.parametrize("known", [{"b1"}, set()], ids=["taken away", "gone already"])
def test_a_cancellation_that_is_gone_takes_no_place(known: set[str]) -> None:
    there = Keeping(cancelled=known)
    with there.running(), closing(SendGridKeeper(there.settings)) as keeper:
        assert keeper.free("b1")


def test_ids_are_fetched_for_the_mails_that_have_none() -> None:
    there = Keeping()
    fence = timedelta(minutes=30)
    with (
        there.running(),
        closing(SendGridFencedTransport(there.settings, fence=fence)) as line,
    ):
        assert line.stock(3, now=NOW) == 3
        used = line.take()
        assert line.stock(3, now=NOW) == 3
        assert used not in {line.take() for _ in range(3)}
    assert sum(there.calls.values()) == 4


def test_only_a_fenced_mail_names_a_time_and_an_id() -> None:
    mail = letter()
    assert {"send_at", "batch_id"}.isdisjoint(payload(mail))
    kept = replace(mail, fence=Fence(batch_id="b1", send_at=SEND_AT))
    body = payload(kept)
    assert (body["send_at"], body["batch_id"]) == (int(SEND_AT.timestamp()), "b1")
