from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from nurture.core.event import EventKind
from nurture.core.message import Address, OutgoingMessage, RenderedMail
from nurture.engine.erase import erase_leads
from nurture.render.mime import to_bytes
from nurture.store import departures, handoffs, switches
from nurture.store.tables import messages
from nurture.transports.outbox import OutboxTransport
from nurture.web import outbox
from tests.web.test_landing import happened
from tests.web.world import NOW, World, small_project

PAGES = (
    "/",
    "/outbox",
    "/outbox/abc",
    "/outbox/abc/html",
    "/leads",
    "/leads/abc",
    "/handoffs",
    "/sending",
    "/definitions",
)


def write(folder: Path, uid: str, *, to: str = "ada@plant.example", html: str = "<p>x</p>") -> None:
    mail = RenderedMail(
        sender=Address(name="Plant", email="us@plant.example"),
        recipient=Address(name="Ada <b>", email=to),
        reply_to=None,
        subject=f"Guten Tag {uid} <b>ü</b>",
        html=f"<html><head><title>t</title></head><body>{html}</body></html>",
        text="The text <part>",
    )
    message = OutgoingMessage(uid=uid, attempt_uid="a", mail=mail, planned_at=NOW)
    OutboxTransport(folder, to_bytes=to_bytes, durable=False).send([message], now=NOW)


# -- who may look --------------------------------------------------------------------------------


def test_on_this_machine_the_operator_needs_no_token(page_world: World, tmp_path: Path) -> None:
    with page_world.serving(outbox_dir=tmp_path) as browser:
        for page in PAGES:
            assert browser.get(page).status_code in (200, 404), page


@pytest.mark.parametrize(
    ("public_url", "settings", "host"),
    [
        ("https://mail.plant.example", {}, ""),
        ("http://127.0.0.1:8321", {"behind_proxy": True}, ""),
        ("http://127.0.0.1:8321", {}, "rebound.example"),
        ("http://127.0.0.1:8321", {}, "[::1"),
    ],
)
def test_where_others_may_come_through_nobody_looks_without_a_token(
    page_world: World,
    public_url: str,
    settings: dict[str, Any],
    host: str,
    tmp_path: Path,
) -> None:
    page_world.project = small_project(public_url)
    page_world.runtime._projects.clear()  # noqa: SLF001 (the same release with another address)
    headers = {"host": host} if host else {}
    with page_world.serving(outbox_dir=tmp_path, **settings) as browser:
        for page in PAGES:
            assert browser.get(page, headers=headers).status_code == 403, page


def test_with_a_token_everybody_needs_it(page_world: World, tmp_path: Path) -> None:
    bearer = {"authorization": "Bearer open sesame"}
    wrong = ("Bearer x", "Basic !", "Basic w7w=", "Digest x", "Bearer ü", "")
    with page_world.serving(operator_token="open sesame", outbox_dir=tmp_path) as browser:
        for page in PAGES:
            for said in wrong:
                raw = [(b"authorization", said.encode("latin-1"))]
                refused = browser.get(page, headers=raw)
                assert refused.status_code == 401, (page, said)
                assert refused.headers["www-authenticate"].startswith("Basic ")
            assert browser.get(page, auth=("me", "open sesame")).status_code in (200, 404)
            assert browser.get(page, headers=bearer).status_code in (200, 404)


# -- outbox --------------------------------------------------------------------------------------


def test_the_outbox_lists_what_would_have_been_sent(page_world: World, tmp_path: Path) -> None:
    for uid in ("one", "two"):
        write(tmp_path, uid)
    with page_world.serving(outbox_dir=tmp_path) as browser:
        page = browser.get("/outbox").text
    assert "All 2 mails" in page
    assert '<a href="/outbox/one">Guten Tag one &lt;b&gt;ü&lt;/b&gt;</a>' in page
    assert "ada@plant.example" in page
    assert "Tue 1 Sep 2026, 10:00" in page
    assert "Times are those of Europe/Berlin." in page


def test_of_too_many_mails_in_a_day_the_newest_are_shown(tmp_path: Path) -> None:
    for number in range(outbox.MOST_SHOWN + 1):
        write(tmp_path, f"m{number * 37 % (outbox.MOST_SHOWN + 1)}")
    for file in tmp_path.rglob("*.eml"):
        written = NOW.timestamp() + int(file.stem[1:])
        os.utime(file, (written, written))
    letters, count = outbox.newest(tmp_path)
    assert count == outbox.MOST_SHOWN + 1
    assert "m0" not in {letter.name for letter in letters}
    assert f"m{outbox.MOST_SHOWN}" in {letter.name for letter in letters}


def test_a_mail_is_shown_in_a_frame_of_its_own(page_world: World, tmp_path: Path) -> None:
    lead_id = page_world.add_lead()
    uid = page_world.add_mail(lead_id)
    write(tmp_path, uid, html="<p>Hi</p><script>alert(1)</script>")
    with page_world.serving(outbox_dir=tmp_path) as browser:
        page = browser.get(f"/outbox/{uid}")
        frame = browser.get(f"/outbox/{uid}/html")
    assert "The text &lt;part&gt;" in page.text
    assert f'src="/outbox/{uid}/html" sandbox="allow-popups' in page.text
    assert f"/leads/{page_world.lead(lead_id).uid}" in page.text
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    assert '<base target="_blank">' in frame.text
    policy = frame.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "frame-ancestors 'self'" in policy
    assert "allow-scripts" not in policy


def test_only_mails_can_be_read(page_world: World, tmp_path: Path) -> None:
    names = ("%2e%2e", "%2e%2e%2fsecret", "secret", "a.eml", "link", "%00", "ü", "x" * 65, "huge")
    folder = tmp_path / "outbox"
    write(folder, "one")
    (tmp_path / "secret.eml").write_bytes(b"Subject: secret\n\n")
    (folder / "secret.eml").write_bytes(b"Subject: secret\n\n")
    (folder / "2026-09-01" / "link.eml").symlink_to(tmp_path / "secret.eml")
    (folder / "2026-09-01" / "huge.eml").write_bytes(b"x" * (2 * 1024 * 1024 + 1))
    with page_world.serving(outbox_dir=folder) as browser:
        for page in [f"/outbox/{name}{part}" for name in names for part in ("", "/html")]:
            answer = browser.get(page)
            assert answer.status_code == 404, page
            assert "secret" not in answer.text, page


def test_a_broken_file_does_not_hide_the_others(page_world: World, tmp_path: Path) -> None:
    write(tmp_path, "one")
    (tmp_path / "2026-09-01" / "bad.eml").write_bytes(b"\xff\xfeDate: never\nTo: \x00\n\n\x00")
    odd = EmailMessage()
    odd["Date"] = datetime(2026, 9, 1, tzinfo=UTC)
    (tmp_path / "2026-09-01" / "odd.eml").write_bytes(odd.as_bytes().replace(b"+0000", b"-0000"))
    with page_world.serving(outbox_dir=tmp_path) as browser:
        assert "Guten Tag one" in browser.get("/outbox").text
        assert browser.get("/outbox/bad").status_code == 200
        assert browser.get("/outbox/odd").status_code == 200


def test_without_an_outbox_there_is_no_outbox(page_world: World) -> None:
    with page_world.serving() as browser:
        assert browser.get("/outbox").status_code == 404


# -- leads and handoffs --------------------------------------------------------------------------


def test_a_lead_is_shown_with_its_story(world: World) -> None:
    known = {"lead.first_name": "<Ada>", "lead.role": "boss"}
    lead_id = world.add_lead(known=known)
    world.add_mail(lead_id)
    happened(world, lead_id, EventKind.CALL_LOGGED)
    lead = world.lead(lead_id)
    with world.serving() as browser:
        assert lead.email in browser.get("/leads").text
        page = browser.get(f"/leads/{lead.uid}").text
        found = browser.get("/leads", params={"q": " ADA@plant.example "})
    assert found.headers["location"] == f"/leads/{lead.uid}"
    for word in (
        "&lt;Ada&gt;",
        "Boss",
        "import fair.csv",
        "on the phone",
        "guides",
        "Why these scores",
        "of the grid of fit and engagement.",
        "Gates, with what they rest on",
    ):
        assert word in page


def test_an_erased_lead_shows_nothing_personal(page_world: World) -> None:
    lead_id = page_world.add_lead(known={"lead.first_name": "Xanthippe"})
    uid = page_world.lead(lead_id).uid
    with page_world.database.write() as connection:
        erase_leads(page_world.runtime, connection, [lead_id], reason="x", now=NOW)
    with page_world.serving() as browser:
        page = browser.get(f"/leads/{uid}")
        assert uid not in browser.get("/leads").text
    assert page.status_code == 200
    assert "forget them" in page.text
    assert "Xanthippe" not in page.text


def test_searching_for_anything_finds_nobody_and_breaks_nothing(world: World) -> None:
    world.add_lead()
    with world.serving() as browser:
        for asked in ("nobody@x.example", "\x00", "%", "9" * 30, "²", "'; drop", "ü", "\ud83d"):
            query = asked.encode("utf-8", "surrogatepass")
            page = browser.get("/leads?q=" + "".join(f"%{byte:02x}" for byte in query))
            assert page.status_code == 200, asked


def test_an_unknown_lead_is_not_found(world: World) -> None:
    with world.serving() as browser:
        for uid in ("abc", "%00", "ü", "a%27b", "x" * 500):
            assert browser.get(f"/leads/{uid}").status_code == 404, uid


def test_handoffs_are_listed_with_what_became_of_them(world: World) -> None:
    lead_id = world.add_lead()
    new = handoffs.NewHandoff(
        uid="msg_1", lead_id=lead_id, cycle=1, endpoint="inside-sales", readiness=70
    )
    with world.database.write() as connection:
        handoffs.create(connection, [new], now=world.clock())
        stored = handoffs.by_uid(connection, "msg_1")
        assert stored is not None
        kind = EventKind.HANDOFF_REJECTED
        handoffs.answer(
            connection, stored.id, kind, reason="<too small>", occurred_at=world.clock()
        )
    with world.serving() as browser:
        page = browser.get("/handoffs").text
    for word in ("ada@plant.example", "inside-sales", "waiting", "rejected", "&lt;too small&gt;"):
        assert word in page


def test_before_the_first_apply_the_start_page_says_what_to_do(page_world: World) -> None:
    with page_world.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM releases")
    with page_world.serving(operator_token="t") as browser:
        start = browser.get("/", auth=("", "t"))
        assert "nurture apply" in start.text
        assert browser.get("/healthz").status_code == 503
        assert browser.get("/l/guide").status_code == 503


def test_the_start_page_leads_everywhere(page_world: World, tmp_path: Path) -> None:
    page_world.add_mail(page_world.add_lead())
    page_world.project = replace(page_world.project)
    with page_world.serving(outbox_dir=tmp_path) as browser:
        page = browser.get("/").text
        for path in ("/l/guide", "/outbox", "/leads", "/handoffs", "/healthz", "/openapi.json"):
            assert f'href="{path}"' in page
            assert browser.get(path).status_code == 200


def test_the_definitions_in_force_are_shown_with_their_signatures(world: World) -> None:
    with world.serving() as browser:
        page = browser.get("/definitions").text
    assert "Signed for marketing by" in page
    for stage in ("Suspect", "Prospect", "Opportunity"):
        assert stage in page


# -- sending -------------------------------------------------------------------------------------


def test_what_stops_sending_and_what_waits_is_shown(world: World) -> None:
    lead_id = world.add_lead()
    world.add_mail(lead_id, accepted=False)
    with world.database.write() as connection:
        switches.halt(connection, "transport:smtp", reason="535 <who are you>", until=None, now=NOW)
    with world.serving() as browser:
        page = browser.get("/sending").text
    assert "The transport smtp is off" in page
    assert "535 &lt;who are you&gt;" in page
    assert "If sending went on now: Tue 1 Sep 2026, 10:00" in page
    assert "Caps per person are not in it" in page


def test_what_is_leaving_and_what_has_failed_is_shown(world: World) -> None:
    lead_id = world.add_lead()
    for state, reason in (("failed", "554 <no> relay"), ("dispatching", "")):
        world.add_mail(lead_id, accepted=False)
        with world.database.write() as connection:
            ready = messages.update().where(messages.c.state == "ready")
            connection.execute(ready.values(state=state, reason=reason, closed_at=NOW))
    with world.database.write() as connection:
        departures.begin(connection, [2], deadline=NOW + timedelta(minutes=2))
    with world.serving() as browser:
        page = browser.get("/sending").text
    assert "in the last 24 hours: 1, of them 1 because of: 554 &lt;no&gt; relay" in page
    assert "leaving since Tue 1 Sep 2026, 10:00" in page
