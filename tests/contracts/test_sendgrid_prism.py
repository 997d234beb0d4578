"""SendGrid's own description of its service, run as a server, takes what the transport sends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from nurture.core.fence import CalledBack, Unheard
from nurture.core.message import (
    Accepted,
    Address,
    Fence,
    Halted,
    OutgoingMessage,
    Pieces,
    Refused,
    Uncertain,
)
from nurture.transports.sendgrid import Calls, PooledClient, SendGridSettings, SendGridTransport
from nurture.transports.sendgrid_batch import SendGridBatchTransport, shared_calls
from nurture.transports.sendgrid_fence import SendGridFencedTransport, SendGridKeeper
from nurture.transports.sendgrid_payload import encode, payload
from nurture.web.serving import free_port
from tests.contracts.letters import PLANNED, letters

HERE = Path(__file__).parent
PRISM = HERE / "node_modules" / ".bin" / "prism"
DESCRIPTION = HERE / "vendor" / "sendgrid_mail_v3.json"
START_SECONDS = 60.0


@contextmanager
def described(description: Path) -> Iterator[str]:
    """Run a description as a server and yield its address."""
    port = free_port(4010)
    command = [str(PRISM), "mock", str(description), "-h", "127.0.0.1", "-p", str(port), "--errors"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        begun = monotonic()
        while True:
            try:
                httpx.get(url, timeout=1)
                break
            except httpx.TransportError:
                assert process.poll() is None, "Prism ended at once"
                assert monotonic() < begun + START_SECONDS, "Prism did not start"
                sleep(0.1)
        yield url
        process.terminate()


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """Take mails."""
    with described(DESCRIPTION) as url:
        yield url


@pytest.fixture
def scheduled() -> Iterator[str]:
    """Take cancellations of mails that are kept."""
    with described(DESCRIPTION.with_name("sendgrid_scheduled_sends_v3.json")) as url:
        yield url


def test_every_starter_mail_is_taken(service: str) -> None:
    transport = SendGridTransport(SendGridSettings(api_key="SG.test", base_url=service))
    mails = letters()
    outcomes = transport.send(mails, now=PLANNED)
    transport.close()
    assert len(mails) >= 12
    assert [type(outcome) for outcome in outcomes] == [Accepted] * len(mails)


@pytest.mark.parametrize(
    ("code", "proves"),
    [
        pytest.param(401, Halted, id="a wrong key stops everything and loses nothing"),
        pytest.param(403, Halted, id="so does a key that may not send"),
        pytest.param(413, Refused, id="too large was refused for good"),
        pytest.param(500, Uncertain, id="an error of theirs leaves doubt"),
    ],
)
def test_an_error_proves_what_it_proves(
    service: str, code: int, proves: type[Halted | Refused | Uncertain]
) -> None:
    settings = SendGridSettings(api_key="SG.test", base_url=service)
    calls, client = Calls(settings), PooledClient(settings)
    # Prism answers as it is asked to by this header.
    client.http.headers["Prefer"] = f"code={code}"
    calls._client = client  # noqa: SLF001 (no mail has a header that goes into the call)
    outcome = calls.post(encode(payload(letters()[0])), PLANNED).outcome
    calls.close()
    assert type(outcome) is proves
    if isinstance(outcome, Refused):
        assert outcome.permanent


@pytest.mark.parametrize("people", [1, 100, 1000])
def test_a_batch_of_any_size_is_taken_in_one_call(service: str, people: int) -> None:
    account = SendGridSettings(api_key="SG.test", base_url=service)
    transport = SendGridBatchTransport(account, cap=1000)
    mails = batch(people)
    assert [len(places) for places in shared_calls(mails, cap=1000)] == [people]
    outcomes = transport.send(mails, now=PLANNED)
    transport.close()
    assert [type(outcome) for outcome in outcomes] == [Accepted] * people


def batch(people: int) -> list[OutgoingMessage]:
    """Return one mail of the starter for so many people, cut where their names and links stand."""
    made: list[OutgoingMessage] = []
    for number in range(people):
        link = f"https://mail.havelock-air.example/c/{number}"
        html = ("<p>Hello ", f"N{number} &amp; Co", ', <a href="', link, '">read</a>.</p>')
        text = ("Hello ", f"N{number} & Co", ": ", link, "\n")
        first = letters()[0] if not made else made[0]
        mail = replace(
            first.mail,
            recipient=Address(name=f"N{number}", email=f"p{number}@plant.example"),
            html="".join(html),
            text="".join(text),
        )
        made.append(
            replace(
                first,
                uid=f"{number:032x}",
                attempt_uid=f"{number + 1000:032x}",
                mail=mail,
                pieces=Pieces(html=html, text=text),
            )
        )
    return made


def test_a_mail_that_is_kept_under_an_id_of_its_own_is_taken(service: str) -> None:
    account = SendGridSettings(api_key="SG.test", base_url=service)
    transport = SendGridFencedTransport(account, fence=timedelta(minutes=30))
    assert transport.stock(1, now=PLANNED) == 1
    mark = Fence(batch_id=transport.take(), send_at=PLANNED + transport.fence)
    outcomes = transport.send([replace(letters()[0], fence=mark)], now=PLANNED)
    transport.close()
    assert [type(outcome) for outcome in outcomes] == [Accepted]


def test_a_cancellation_is_asked_for_looked_up_and_taken_away_as_described(scheduled: str) -> None:
    account = SendGridSettings(api_key="SG.test", base_url=scheduled)
    named = "HkJ5yLYULb7Rj8GKSx7u025ouWVlMgAi"  # by the description's examples
    later = datetime(2100, 1, 1, tzinfo=UTC)
    with closing(SendGridKeeper(account)) as keeper:
        # Taken, but the example of an answer tells of a pause: that is no cancellation.
        assert keeper.call_back(named, later) == Unheard(reason="sendgrid: 201 with nonsense")
        http = keeper._http()  # noqa: SLF001 (Prism answers as it is asked to by a header)
        http.event_hooks = {"request": [_refuse_posts]}
        assert keeper.call_back(named, later) == CalledBack()
        assert keeper.free(named)


def _refuse_posts(request: httpx.Request) -> None:
    if request.method == "POST":
        request.headers["Prefer"] = "code=400"


def test_what_the_service_would_refuse_is_refused_before_the_call(service: str) -> None:
    transport = SendGridTransport(SendGridSettings(api_key="SG.test", base_url=service))
    mail = letters()[0]
    wrong = replace(mail, categories=tuple(f"c{n}" for n in range(11)))
    (outcome,) = transport.send([wrong], now=PLANNED)
    transport.close()
    assert isinstance(outcome, Refused)
    assert outcome.permanent
