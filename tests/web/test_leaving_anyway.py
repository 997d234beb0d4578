"""The release in force cannot be loaded any more: whoever wants no more mail gets none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, text, update

from nurture.bootstrap import App, Settings
from nurture.bootstrap.ways import ways_for_work
from nurture.cli.web_site import web_app
from nurture.core.errors import ProjectError
from nurture.core.project import Project
from nurture.core.token import Grant, Purpose, sign
from nurture.engine.apply import apply
from nurture.engine.runtime import Runtime
from nurture.project.essentials import read_essentials
from nurture.project.load import load_files
from nurture.store import profiles
from nurture.store.db import Database
from nurture.store.tables import past_enrollments, raw_posts, releases
from nurture.transports.sendgrid_payload import MESSAGE_ARG
from nurture.web.serving import BackgroundServer
from tests.engine.programme import SECRETS, Programme, row, starter
from tests.web.test_hooks import KEY, public, signed
from tests.web.test_inbound import PASSWORD, answer, raw

ADA, BO, CY = (f"{name}@plant.example" for name in ("ada", "bo", "cy"))
COMPLETE = {"SENDGRID_API_KEY": "SG.key", "POST_KEY": public(KEY), "REPLIES": PASSWORD}
BY_SENDGRID = (
    'transport: {kind: sendgrid, api_key: "${SENDGRID_API_KEY}", webhook_keys: ["${POST_KEY}"]}\n'
    'replies: {secrets: ["${REPLIES}"]}'
)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
EITHER = pytest.mark.parametrize("lost", ["a variable", "our understanding", "the row"])


@dataclass(slots=True, kw_only=True)
class Broken:
    """A programme that has mailed Ada, Bo and Cy, and whose release cannot be loaded then."""

    programme: Programme
    folder: Path
    env: Mapping[str, str]

    def app(self, env: Mapping[str, str] | None = None) -> App:
        """Return what a process is that starts now."""
        known = self.env if env is None else env
        runtime = Runtime(
            database=self.programme.database,
            secrets=SECRETS,
            load=lambda files: load_files(files, known),
            salvage=lambda files: read_essentials(files, known),
        )
        url = self.programme.database.url
        settings = Settings(
            folder=self.folder, database_url=url, secret="s" * 32, env=known, clock=self.clock
        )
        return App(settings=settings, runtime=runtime)

    def clock(self) -> datetime:
        """Return the present instant."""
        return self.programme.now

    @contextmanager
    def serving(self) -> Iterator[httpx.Client]:
        """Serve the pages as `nurture serve` does."""
        with (
            web_app(self.app()) as pages,
            BackgroundServer(pages) as server,
            httpx.Client(base_url=server.address) as browser,
        ):
            yield browser

    def uid(self, email: str) -> str:
        """Return the id of the mail that left for somebody."""
        return next(m.uid for m in self.programme.post.sent if m.mail.recipient.email == email)

    def link(self, page: str, email: str = ADA) -> str:
        """Return the path of a link of the mail to somebody."""
        purposes = {"u": Purpose.UNSUBSCRIBE, "p": Purpose.PREFERENCES, "v": Purpose.VIEW}
        return (
            f"/{page}/{sign(SECRETS.links, Grant(purpose=purposes[page], subject=self.uid(email)))}"
        )

    def stopped(self, email: str = ADA) -> str:
        """Return why somebody is mailed no more."""
        reason = self.programme.standing(self.programme.lead(email))["suppressed"]
        assert isinstance(reason, str)
        return reason

    def mend(self) -> None:
        """Let the release be loaded again, and a tick pass."""
        complete = self.app(COMPLETE).runtime
        apply(complete, released(), by="test", now=self.programme.now)
        self.programme.runtime = complete
        self.programme.tick()


def released() -> Project:
    """Return the starter's project, sent by SendGrid."""
    files = dict(starter().files)
    plain = files["nurture.yaml"]
    files["nurture.yaml"] = plain.replace("transport: {kind: outbox}", BY_SENDGRID)
    return load_files(files, COMPLETE)


def lose(database: Database, what: str) -> Mapping[str, str]:
    """Let the release in force be lost; return the environment that is left."""
    with database.write() as connection:
        files = connection.scalar(select(releases.c.files).order_by(releases.c.id.desc()).limit(1))
        if what == "our understanding":
            assert files
            changed = {**files, "fields.yaml": "from: another version"}
            connection.execute(update(releases).values(files=changed))
        elif what == "the row":
            damaged = "{" if connection.dialect.name == "sqlite" else "[]"
            connection.execute(text(f"UPDATE releases SET files = '{damaged}'"))  # noqa: S608
    return {k: v for k, v in COMPLETE.items() if what != "a variable" or k != "SENDGRID_API_KEY"}


@pytest.fixture
def broken(database: Database, tmp_path: Path, request: pytest.FixtureRequest) -> Broken:
    """Return the programme after what the test says is lost; a variable, unless it does."""
    programme = Programme(database)
    programme.runtime = replace(programme.runtime, load=lambda f: load_files(f, COMPLETE))
    programme.runtime._projects.clear()  # noqa: SLF001 (the same release, read otherwise)
    apply(programme.runtime, released(), by="test", now=programme.now)
    programme.bring(row(ADA), row(BO), row(CY))
    programme.tick()
    assert len(programme.post.sent) == 3
    programme.now += timedelta(hours=1)
    what = request.node.callspec.params.get("lost", "a variable")
    return Broken(programme=programme, folder=tmp_path, env=lose(database, what))


@EITHER
def test_one_click_is_taken(broken: Broken, lost: str) -> None:
    with broken.serving() as browser:
        assert browser.post(broken.link("u"), data=ONE_CLICK).status_code == 200
        parts = {name: (None, value) for name, value in ONE_CLICK.items()}
        assert browser.post(broken.link("u", BO), files=parts).status_code == 200
    assert (broken.stopped(), broken.stopped(BO), broken.stopped(CY)) == ("unsubscribed",) * 2 + (
        "",
    )


@pytest.mark.parametrize("key", ["no key", "MFkw", public(KEY)[:-8]])
def test_one_click_is_taken_where_a_verification_key_is_none(broken: Broken, key: str) -> None:
    for known in (COMPLETE, broken.env):
        mistaken = replace(broken, env={**known, "POST_KEY": key})
        with mistaken.serving() as browser:
            assert browser.post(broken.link("u"), data=ONE_CLICK).status_code == 200
            assert browser.post("/hooks/sendgrid", content=b"[]").status_code == 401
    assert broken.stopped() == "unsubscribed"


@EITHER
def test_the_pages_by_which_people_leave_are_shown(broken: Broken, lost: str) -> None:
    with broken.serving() as browser:
        assert "Unsubscribe</button>" in browser.get(broken.link("u")).text
        told = browser.post(broken.link("u"), data={"by": "button"})
        assert (told.status_code, "You are unsubscribed" in told.text) == (200, True)
        assert browser.get(broken.link("v")).status_code == 404
        assert browser.get("/l/leak-guide").status_code == 503
        assert browser.get("/healthz").json() == {"status": "the release cannot be loaded"}
    assert broken.stopped() == "unsubscribed"


@EITHER
def test_the_preference_page_withdraws_leaves_and_forgets(broken: Broken, lost: str) -> None:
    with broken.serving() as browser:
        page = browser.get(broken.link("p"))
        assert (page.status_code, 'value="guides" checked' in page.text) == (200, True)
        kept = browser.post(broken.link("p"), data={"act": "save", "topic": ["guides"]})
        assert kept.headers["location"].endswith("?saved=1")
        assert browser.post(broken.link("p", BO), data={"act": "leave"}).status_code == 303
        assert browser.get(broken.link("p", BO)).status_code == 200
        forgotten = browser.post(broken.link("p", CY), data={"act": "forget", "sure": "yes"})
        assert "forgetting you" in forgotten.text
    with broken.programme.database.read() as connection:
        told = profiles.consents_of(connection, broken.programme.lead(ADA))
    assert [c["topic"] for c in told if c["withdrawn_at"] is None] == ["guides"]
    assert (broken.stopped(BO), broken.stopped(CY)) == ("unsubscribed", "asked to be forgotten")


@pytest.mark.parametrize("lost", ["a variable", "our understanding"])
def test_a_mail_that_says_stop_is_taken_and_worked(broken: Broken, lost: str) -> None:
    mail = raw(answer(broken.uid(ADA), "Stop"))
    with broken.serving() as browser:
        assert browser.post("/hooks/inbound", files=mail, auth=("", "wrong")).status_code == 401
        assert browser.post("/hooks/inbound", files=mail, auth=("", PASSWORD)).status_code == 204
    with pytest.raises(ProjectError):
        ways_for_work(broken.app())
    assert broken.stopped() == "unsubscribed"


@pytest.mark.parametrize("lost", ["the row"])
def test_a_mail_that_nobody_can_verify_is_asked_for_again(broken: Broken, lost: str) -> None:
    mail = raw(answer(broken.uid(ADA), "Stop"))
    with broken.serving() as browser:
        told = browser.post("/hooks/inbound", files=mail, auth=("", PASSWORD))
    assert (told.status_code, told.headers["retry-after"]) == (503, "60")


@pytest.mark.parametrize("lost", ["a variable", "our understanding"])
def test_what_the_provider_reports_is_verified_and_stops_mail(broken: Broken, lost: str) -> None:
    at = int(broken.programme.now.timestamp())
    reported = [("unsubscribe", ADA), ("spamreport", BO), ("bounce", CY)]
    events = [
        {
            "event": kind,
            "email": who,
            "timestamp": at,
            "sg_event_id": who,
            MESSAGE_ARG: broken.uid(who),
        }
        for kind, who in reported
    ]
    body = json.dumps(events).encode()
    with broken.serving() as browser:
        assert browser.post("/hooks/sendgrid", content=body).status_code == 401
        taken = browser.post("/hooks/sendgrid", content=body, headers=signed(broken, body))
        assert taken.status_code == 204
    with pytest.raises(ProjectError):
        ways_for_work(broken.app())
    assert [broken.stopped(who) for who in (ADA, BO, CY)] == [
        "unsubscribed",
        "complained",
        "bounced",
    ]
    with broken.programme.database.read() as connection:
        assert connection.scalar(select(raw_posts.c.worked_at)) == broken.programme.now


@EITHER
def test_what_follows_from_leaving_happens_when_the_release_is_back(
    broken: Broken, lost: str
) -> None:
    ada = broken.programme.lead(ADA)
    before = broken.programme.standing(ada)["engagement"]
    with broken.serving() as browser:
        browser.post(broken.link("u"), data=ONE_CLICK)
    assert broken.programme.standing(ada)["check_at"] == broken.programme.now
    broken.mend()
    assert broken.programme.standing(ada)["engagement"] < before
    with broken.programme.database.read() as connection:
        left = connection.scalars(
            select(past_enrollments.c.reason).where(past_enrollments.c.lead_id == ada)
        )
        assert set(left) == {"suppressed: unsubscribed"}
    assert not [m for m in broken.programme.post.sent[3:] if m.mail.recipient.email == ADA]
