"""SendGrid's own description of its service, run as a server, takes what the transport sends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from nurture.core.message import Accepted, Refused
from nurture.transports.sendgrid import SendGridSettings, SendGridTransport
from nurture.web.serving import free_port
from tests.contracts.letters import PLANNED, letters

HERE = Path(__file__).parent
PRISM = HERE / "node_modules" / ".bin" / "prism"
DESCRIPTION = HERE / "vendor" / "sendgrid_mail_v3.json"
START_SECONDS = 60.0


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """Run the description as a server and return its address."""
    port = free_port(4010)
    command = [str(PRISM), "mock", str(DESCRIPTION), "-h", "127.0.0.1", "-p", str(port), "--errors"]
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


def test_every_starter_mail_is_taken(service: str) -> None:
    transport = SendGridTransport(SendGridSettings(api_key="SG.test", base_url=service))
    mails = letters()
    outcomes = transport.send(mails, now=PLANNED)
    transport.close()
    assert len(mails) >= 12
    assert [type(outcome) for outcome in outcomes] == [Accepted] * len(mails)


def test_what_the_service_would_refuse_is_refused_before_the_call(service: str) -> None:
    transport = SendGridTransport(SendGridSettings(api_key="SG.test", base_url=service))
    mail = letters()[0]
    wrong = replace(mail, categories=tuple(f"c{n}" for n in range(11)))
    (outcome,) = transport.send([wrong], now=PLANNED)
    transport.close()
    assert isinstance(outcome, Refused)
    assert outcome.permanent
