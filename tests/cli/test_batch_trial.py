"""doctor --batch: batches are used once two inboxes have shown four codes, and not before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from nurture.bootstrap import App, batch_trial, settings, start
from nurture.bootstrap.ways import make_evidences, make_transport, make_ways, sendgrid_settings
from nurture.core.errors import MisuseError
from nurture.core.message import Accepted
from nurture.core.project import TransportSettings
from nurture.transports.sendgrid import SendGridSettings, SendGridTransport
from nurture.transports.sendgrid_batch import SendGridBatchTransport
from nurture.transports.sendgrid_fence import SendGridFencedTransport
from tests.cli.conftest import SECRET, Shell
from tests.cli.test_doctor import checks, set_up
from tests.transports.servers import HOST, serving
from tests.transports.test_sendgrid_batch import SendGrid

INBOXES = ["ann@havelock-air.example", "ben@havelock-air.example"]
SENDGRID = "transport: {kind: sendgrid, api_key: '${SENDGRID_API_KEY}', batch: true}"


@pytest.fixture
def app(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """Return the wiring of a project that asks for batches."""
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.x")
    set_up(shell, "transport: {kind: outbox}", SENDGRID)
    env = {"SENDGRID_API_KEY": "SG.x", "NURTURE_SECRET": SECRET}
    with start(settings(shell.folder, env=env, clock=lambda: shell.now)) as made:
        yield made


def trial(app: App) -> SendGrid:
    """Send the two mails to a server that fills them in as SendGrid documents it."""
    server = SendGrid()
    with serving(server) as port:
        account = SendGridSettings(api_key="SG.x", base_url=f"http://{HOST}:{port}")
        way = SendGridBatchTransport(account)
        outcomes = batch_trial.send_trial(app, way, INBOXES, now=app.now())
        way.close()
    assert outcomes == [Accepted(provider_id="m1")] * 2
    assert server.calls == [2]
    return server


def codes(server: SendGrid) -> list[str]:
    """Return what the two inboxes show."""
    return [
        found
        for _, html, text in server.got.values()
        for part in (html, text)
        for found in re.findall(r"\b[0-9a-f]{8}\b", part)
    ]


def given(found: list[str]) -> list[str]:
    return [word for code in found for word in ("--code", code)]


def test_four_codes_turn_batches_on(shell: Shell, app: App) -> None:
    assert isinstance(make_ways(app).transport, SendGridTransport)
    assert checks(shell)["batches"][0]["state"] == "problem"
    shown = codes(trial(app))
    assert len(set(shown)) == 4
    assert shell("doctor", *given(shown)).code == 0
    ways = make_ways(app)
    assert isinstance(ways.transport, SendGridBatchTransport)
    assert ways.mailroom.in_pieces
    assert checks(shell)["batches"][0]["state"] == "ok"


def test_three_codes_do_not(shell: Shell, app: App) -> None:
    shown = codes(trial(app))
    outcome = shell("doctor", "--json", *given([*shown[:3], shown[0]]))
    assert (outcome.code, outcome.json) == (1, {"proved": False})
    assert isinstance(make_ways(app).transport, SendGridTransport)


def test_another_sender_needs_a_trial_of_its_own(shell: Shell, app: App) -> None:
    shell("doctor", *given(codes(trial(app))))
    set_up(shell, "email: ingrid@mail.", "email: other@mail.")
    assert isinstance(make_ways(app).transport, SendGridTransport)
    assert "no trial was sent" in shell("doctor", "--code", "x").err


def test_another_account_needs_a_trial_of_its_own(
    shell: Shell, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("doctor", *given(codes(trial(app))))
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.other")
    env = {"SENDGRID_API_KEY": "SG.other", "NURTURE_SECRET": SECRET}
    with start(settings(shell.folder, env=env, clock=lambda: shell.now)) as other:
        assert isinstance(make_ways(other).transport, SendGridTransport)


@pytest.mark.parametrize(
    "addresses",
    [INBOXES[:1], [INBOXES[0], INBOXES[0].upper()], ["ü@b.example", "a@b.example"]],
    ids=["one", "one twice", "what SendGrid does not take"],
)
def test_a_trial_needs_two_inboxes(app: App, addresses: list[str]) -> None:
    way = SendGridBatchTransport(sendgrid_settings_of(app))
    with pytest.raises(MisuseError, match="addresses"):
        batch_trial.send_trial(app, way, addresses, now=app.now())


def sendgrid_settings_of(app: App) -> SendGridSettings:
    with app.database.read() as connection:
        return sendgrid_settings(app.runtime.in_force(connection).project.workspace.transport)


def test_other_transports_have_no_batches(shell: Shell) -> None:
    outcome = shell("doctor", "--batch", INBOXES[0], "--batch", INBOXES[1])
    assert outcome.code == 2
    assert "batches are SendGrid's" in outcome.err


@pytest.mark.parametrize(
    ("options", "reports", "looks"),
    [
        pytest.param({}, False, False, id="no key for reports"),
        pytest.param({"webhook_keys": ["k"]}, True, False, id="reports"),
        pytest.param({"webhook_keys": ["k"], "sandbox": True}, False, False, id="the sandbox"),
        pytest.param({"webhook_keys": ["k"], "lookup": "activity"}, True, True, id="look-ups"),
    ],
)
def test_doubts_find_evidence_where_there_is_some(
    options: dict[str, object], *, reports: bool, looks: bool
) -> None:
    wanted = TransportSettings(
        kind="sendgrid", options={"api_key": "SG.x", "resend_after": 3600, **options}
    )
    found = make_evidences(wanted)
    assert found.transport == "sendgrid"
    assert (found.rules.reports, found.rules.look_up) == (reports, looks)
    assert (found.look_up is not None) == looks
    assert found.rules.quiet == timedelta(hours=1)


def test_a_fence_is_for_new_mail_and_calling_back_for_any(tmp_path: Path) -> None:
    options: dict[str, object] = {"api_key": "SG.x", "fence": 1800}
    fenced = TransportSettings(kind="sendgrid", options=options)
    way = make_transport(fenced, tmp_path)
    assert isinstance(way, SendGridFencedTransport)
    for wanted, fence in ((fenced, way.fence), (replace(fenced, options={"api_key": "k"}), None)):
        recall = make_evidences(wanted).recall
        assert recall is not None
        assert recall.fence == (fence or timedelta())
