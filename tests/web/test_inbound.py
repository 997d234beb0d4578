"""Mails that come in, as SendGrid's Inbound Parse posts them: raw, or in parts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from nurture.engine import echo
from nurture.store.tables import raw_posts
from nurture.transports.sendgrid_inbound import MOST_BYTES
from tests.web.world import World, small_project

PASSWORD, OLD_PASSWORD = "p" * 24, "o" * 24
ADA = "ada@plant.example"

Fields = Mapping[str, Any]


def site(world: World) -> World:
    """Let two passwords post replies."""
    project = small_project()
    secrets = (PASSWORD, OLD_PASSWORD)
    world.project = replace(project, workspace=replace(project.workspace, reply_secrets=secrets))
    return world


def answer(uid: str, text: str, **headers: str) -> EmailMessage:
    """Return a mail that answers ours."""
    mail = EmailMessage()
    mail["From"], mail["To"] = ADA, "ingrid@mail.example"
    mail["Subject"] = "Re: Hällo"
    mail["In-Reply-To"] = f"<{uid}@mail.example>"
    mail["Message-ID"] = f"<{abs(hash((uid, text)))}@plant.example>"
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def raw(mail: EmailMessage, sender: str = ADA) -> Fields:
    """Return the fields of a post with "send raw"."""
    told = {"from": sender, "to": ["ingrid@mail.example"]}
    return {
        "email": (None, mail.as_bytes()),
        "envelope": (None, json.dumps(told)),
        "sender_ip": (None, "198.51.100.7"),
    }


def parsed(mail: EmailMessage, sender: str = ADA) -> Fields:
    """Return the fields of a post in parts, with an attachment."""
    header, _, _ = mail.as_bytes().partition(b"\n\n")
    return {
        "headers": (None, header),
        "text": (None, str(mail.get_content()).encode("latin-1")),
        "html": (None, b"<p>ignored</p>"),
        "charsets": (None, json.dumps({"text": "iso-8859-1", "subject": "UTF-8"})),
        "envelope": (None, json.dumps({"from": sender, "to": ["ingrid@mail.example"]})),
        "attachments": (None, "1"),
        "attachment1": ("plan.pdf", b"%PDF" * 600_000, "application/pdf"),
    }


def post(
    browser: httpx.Client, fields: Fields, password: str = PASSWORD, user: str = "sendgrid"
) -> httpx.Response:
    """Post a mail as SendGrid does."""
    return browser.post("/hooks/inbound", files=dict(fields), auth=(user, password))


def work(world: World) -> echo.Echoed:
    """Work what was posted."""
    return echo.run(world.runtime, {}, now=world.clock())


@pytest.mark.parametrize("form", [raw, parsed])
@pytest.mark.parametrize(
    ("text", "headers", "event", "suppressed"),
    [
        ("Grüße, rufen Sie an.", {}, ("message.replied", True), ""),
        ("Hello,\nstop\n", {}, ("message.unsubscribed", True), "unsubscribed"),
        (
            "I am away.\nstop\n",
            {"Auto_Submitted": "auto-replied"},
            ("message.replied", False),
            "",
        ),
    ],
)
def test_a_mail_that_answers_ours_is_what_it_says(
    page_world: World,
    form: Any,
    text: str,
    headers: dict[str, str],
    event: tuple[str, bool],
    suppressed: str,
) -> None:
    world = site(page_world)
    lead_id = world.add_lead()
    mail = answer(world.add_mail(lead_id), text, **headers)
    with world.serving() as browser:
        for _ in range(2):
            assert post(browser, form(mail)).status_code == 204
    assert world.rung == [(), ()]
    assert work(world).posts == 2
    assert [(kind, human) for kind, _, human in world.events(lead_id)] == [event]
    assert world.lead(lead_id).suppressed == suppressed


def test_it_is_kept_without_attachments_until_it_is_worked(world: World) -> None:
    site(world)
    lead_id = world.add_lead()
    mail = answer(world.add_mail(lead_id), "Grüße, rufen Sie an.")
    with world.serving() as browser:
        post(browser, parsed(mail))
    with world.database.read() as connection:
        kept = connection.execute(select(raw_posts)).one()
    assert (kept.provider, kept.worked_at) == ("replies", None)
    assert len(kept.body) < 2000
    work(world)
    with world.database.read() as connection:
        assert connection.execute(select(raw_posts.c.body)).scalar_one() == b""


@pytest.mark.parametrize("form", [raw, parsed])
def test_what_has_no_sender_was_written_by_a_machine(page_world: World, form: Any) -> None:
    world = site(page_world)
    lead_id = world.add_lead()
    mail = answer(world.add_mail(lead_id), "Your mail could not be delivered.")
    with world.serving() as browser:
        post(browser, form(mail, ""))
    work(world)
    assert world.events(lead_id) == [("message.replied", "hello", False)]


def test_a_mail_that_answers_nothing_of_ours_is_counted_and_forgotten(page_world: World) -> None:
    world = site(page_world)
    with world.serving() as browser:
        assert post(browser, raw(answer("0" * 32, "Buy this"))).status_code == 204
    done = work(world)
    assert (done.posts, done.events, done.unmatched) == (1, 0, 1)


def test_a_mail_with_a_large_attachment_is_read_to_where_that_begins(page_world: World) -> None:
    world = site(page_world)
    lead_id = world.add_lead()
    mail = answer(world.add_mail(lead_id), "See what is attached.")
    mail.add_attachment(b"x" * 3 * MOST_BYTES, maintype="application", subtype="pdf")
    with world.serving() as browser:
        assert post(browser, raw(mail)).status_code == 204
    work(world)
    assert world.events(lead_id) == [("message.replied", "hello", True)]


@pytest.mark.parametrize("password", ["", "x" * 24, PASSWORD[:-1], f"{PASSWORD}p"])
def test_without_the_password_nothing_is_taken(page_world: World, password: str) -> None:
    world = site(page_world)
    with world.serving() as browser:
        assert post(browser, raw(answer("0" * 32, "x")), password).status_code == 401
        assert browser.post("/hooks/inbound", content=b"x").status_code == 401
        strange = [(b"authorization", b"Basic \xff")]
        assert browser.post("/hooks/inbound", headers=strange).status_code == 401
    assert world.rows()["raw_posts"] == 0


def test_without_a_secret_in_the_project_nothing_is_taken(page_world: World) -> None:
    with page_world.serving() as browser:
        assert post(browser, raw(answer("0" * 32, "x"))).status_code == 401
        assert post(browser, raw(answer("0" * 32, "x")), "").status_code == 401


def test_a_password_that_is_being_replaced_still_opens(page_world: World) -> None:
    world = site(page_world)
    with world.serving() as browser:
        assert post(browser, raw(answer("0" * 32, "x")), OLD_PASSWORD).status_code == 204


@pytest.mark.parametrize(
    "fields",
    [
        {"text": (None, b"no header")},
        {"headers": (None, b" \r\n")},
        {"email": (None, b"")},
        {f"f{number}": (None, b"x") for number in range(201)},
    ],
)
def test_what_is_no_mail_is_refused(page_world: World, fields: Fields) -> None:
    world = site(page_world)
    with world.serving() as browser:
        assert post(browser, fields).status_code == 400
        auth = ("s", PASSWORD)
        assert browser.post("/hooks/inbound", data={"email": "x"}, auth=auth).status_code == 400
    assert world.rows()["raw_posts"] == 0


def test_hostile_headers_and_charsets_make_no_trouble(page_world: World) -> None:
    world = site(page_world)
    lead_id = world.add_lead()
    uid = world.add_mail(lead_id)
    header = b"From: \xff\xfe <x@y.example>\r\nSubject: =?x-none?b?%%?=\r\nBad line\r\n"
    fields = {
        "headers": (None, f"In-Reply-To: <{uid}@mail.example>\r\n".encode() + header),
        "text": (None, b"\x00\xff yes"),
        "charsets": (None, b'{"text": "no-such-charset"}'),
        "envelope": (None, b"[1"),
    }
    with world.serving() as browser:
        assert post(browser, fields).status_code == 204
    assert work(world).events == 1


@pytest.mark.parametrize(
    "odd",
    [
        b"Message-ID: <[(",
        b"To: \xff\xfe <",
        b'Content-Type: text/plain; charset="a\0b"',
        b"Date: \0",
    ],
)
def test_a_stop_is_heard_behind_the_strangest_header(page_world: World, odd: bytes) -> None:
    world = site(page_world)
    lead_id = world.add_lead()
    uid = world.add_mail(lead_id).encode()
    fields = {
        "headers": (None, b"In-Reply-To: <" + uid + b"@mail.example>\n" + odd),
        "text": (None, b"stop"),
        "charsets": (None, json.dumps({"text": "a\0b"})),
    }
    with world.serving() as browser:
        assert post(browser, fields).status_code == 204
    assert work(world).set_aside == 0
    assert world.lead(lead_id).suppressed == "unsubscribed"
