"""Postfix's own test server takes the starter's mails, and its faults are told apart."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from smtplib import SMTP, SMTPException
from time import monotonic, sleep

from nurture.core.message import Accepted, Halted, Outcome, Refused, Uncertain
from nurture.render.mime import to_bytes
from nurture.transports.smtp import SmtpSettings, SmtpTransport, Tls
from nurture.web.serving import free_port
from tests.contracts.letters import PLANNED, letters

SINK = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
START_SECONDS = 30.0


@contextmanager
def sink(folder: Path, *options: str) -> Iterator[int]:
    """Run the sink, writing mails below the folder, and return its port."""
    port = free_port(8027)
    # As root the sink wants to know whom to run as; anybody else it leaves alone.
    user = ["-u", "root"] if os.geteuid() == 0 else []
    command = [SINK, *user, "-d", f"{folder}/%M.", *options, f"127.0.0.1:{port}", "100"]
    with subprocess.Popen(command) as process:
        begun = monotonic()
        while True:
            try:
                with SMTP("127.0.0.1", port, timeout=1):
                    break
            except (OSError, SMTPException):
                assert process.poll() is None, "the sink ended at once"
                assert monotonic() < begun + START_SECONDS, "the sink did not start"
                sleep(0.1)
        yield port
        process.terminate()


def send(port: int) -> list[Outcome]:
    """Send every starter mail."""
    settings = SmtpSettings(
        host="127.0.0.1", port=port, tls=Tls.NONE, timeout_seconds=10, final_reply_seconds=10
    )
    transport = SmtpTransport(settings, to_bytes=to_bytes)
    outcomes = transport.send(letters(), now=PLANNED)
    transport.close()
    return outcomes


def test_every_starter_mail_arrives_as_it_was_meant(tmp_path: Path) -> None:
    with sink(tmp_path) as port:
        outcomes = send(port)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    meant = {letter.mail.subject: letter.mail for letter in letters()}
    arrived = [
        message_from_bytes(content[content.index(b"\nFrom:") + 1 :], policy=default)
        for path in tmp_path.iterdir()
        if b"\nFrom:" in (content := path.read_bytes())
    ]
    assert len(arrived) == len(outcomes)
    for mail in arrived:
        wanted = meant[str(mail["Subject"])]
        html, text = mail.get_body(("html",)), mail.get_body(("plain",))
        assert html is not None
        assert text is not None
        assert html.get_content().split() == wanted.html.split()
        assert text.get_content().split() == wanted.text.split()
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail.defects == []


def test_a_temporary_refusal_is_no_loss(tmp_path: Path) -> None:
    with sink(tmp_path, "-r", "rcpt") as port:
        outcomes = send(port)
    assert all(
        isinstance(o, Halted) or (isinstance(o, Refused) and not o.permanent) for o in outcomes
    )


def test_a_final_refusal_is_final(tmp_path: Path) -> None:
    with sink(tmp_path, "-f", "rcpt") as port:
        outcomes = send(port)
    assert all(isinstance(o, Refused) and o.permanent for o in outcomes)
    assert not any(isinstance(o, Accepted | Uncertain) for o in outcomes)


def test_a_connection_cut_after_the_mail_leaves_doubt(tmp_path: Path) -> None:
    with sink(tmp_path, "-q", ".") as port:
        outcomes = send(port)
    assert any(isinstance(o, Uncertain) for o in outcomes)
    assert not any(isinstance(o, Accepted) for o in outcomes)
