"""Machines that follow links move nothing; a person's click after them counts once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from nurture.core.event import EventKind
from nurture.store import enrollments, events, profiles, raw_posts
from nurture.store.db import Database
from nurture.transports import sendgrid_events
from nurture.web.app import Site, create_app
from nurture.web.serving import BackgroundServer
from tests.engine.programme import Programme, row
from tests.web.world import BROWSER

ADA, BO = "ada@berg-foods.example", "bo@hof-foods.example"
SAMPLE = Path(__file__).parents[1] / "contracts" / "vendor" / "sendgrid_events_sample.json"
MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Scanned:
    """Two people with the same mail; machines look at Ada's only."""

    programme: Programme
    browser: httpx.Client = field(init=False)
    pace: timedelta = timedelta(milliseconds=300)

    def site(self) -> Site:
        """Return the site with a clock that goes on with every request."""

        def clock() -> Any:
            return self.programme.now

        return Site(
            runtime=self.programme.runtime,
            mailroom=self.programme.ways.mailroom,
            clock=clock,
            ring=lambda _: None,
            behind_proxy=True,
        )

    def links(self, email: str = ADA) -> list[str]:
        """Return every link of the person's first mail that leads to us."""
        mail = next(m.mail for m in self.programme.post.sent if m.mail.recipient.email == email)
        base = self.programme.project.workspace.public_url
        found = re.findall(rf'href="{re.escape(base)}(/[^"]+)"', mail.html)
        return list(dict.fromkeys(found))

    def ask(self, link: str, method: str = "GET", **more: str) -> int:
        """Ask for a link as somebody would; a moment passes."""
        headers = {"user-agent": more.get("agent", BROWSER)}
        headers["x-forwarded-for"] = more.get("ip", "203.0.113.80")
        self.programme.now += self.pace
        return self.browser.request(method, link, headers=headers).status_code

    def state(self, email: str) -> Mapping[str, Any]:
        """Return consent, scores, stage and where the person is in every sequence."""
        lead_id = self.programme.lead(email)
        own = ("id", "uid", "email", "match_key", "account_id", "version", "check_at")
        told = {k: v for k, v in self.programme.standing(lead_id).items() if k not in own}
        with self.programme.database.read() as connection:
            told["consents"] = [
                (one["topic"], one["withdrawn_at"])
                for one in profiles.consents_of(connection, lead_id)
            ]
            told["enrollments"] = [
                (one.sequence, one.step, one.awaiting, one.visit)
                for one, _ in enrollments.of_lead(connection, lead_id)
            ]
        return told

    def clicks(self, email: str = ADA) -> list[bool]:
        """Return of every click whether it counts as a person's."""
        with self.programme.database.read() as connection:
            found = events.of_lead(connection, self.programme.lead(email))
        return [e.human for e in found if e.kind is EventKind.MESSAGE_CLICKED]


@contextmanager
def scanned(database: Database) -> Iterator[Scanned]:
    """Mail Ada and Bo, serve the pages, and let ten minutes pass."""
    programme = Programme(database)
    programme.bring(row(ADA), row(BO))
    programme.tick()
    found = Scanned(programme)
    programme.now += timedelta(minutes=10)
    with (
        BackgroundServer(create_app(found.site())) as server,
        httpx.Client(base_url=server.address) as browser,
    ):
        found.browser = browser
        yield found


def every_link_at_once(at: Scanned) -> None:
    for link in at.links():
        assert at.ask(link) in (200, 302)


def every_link_with_head_and_get(at: Scanned) -> None:
    for link in at.links():
        assert at.ask(link, "HEAD") == at.ask(link) in (200, 302)


def a_look_before_the_first_link(at: Scanned) -> None:
    at.pace = timedelta(seconds=9)
    at.ask(at.links()[0], "HEAD")
    at.ask(at.links()[0])


def a_gateway_that_says_its_name(at: Scanned) -> None:
    at.pace = MINUTE
    for agent in ("SafeLinks", "Barracuda", "Proofpoint", "Mimecast", ""):
        at.ask(at.links()[0], agent=agent)


def all_links_one_by_one(at: Scanned) -> None:
    at.pace = timedelta(seconds=8)
    every_link_at_once(at)


def the_burst_that_the_provider_reports(at: Scanned) -> None:
    told = json.loads(SAMPLE.read_text())["scenarios"]["scanner_click_burst"]["posts"]
    mail = next(m for m in at.programme.post.sent if m.mail.recipient.email == ADA)
    first = told[0][0]["timestamp"]
    start = int(at.programme.now.timestamp())
    mine = {"email": ADA, "nurture_message": mail.uid}
    at.programme.now += timedelta(seconds=30)
    parsers = {"sendgrid": lambda body: (sendgrid_events.parse(body).events, ())}
    at.programme.ways = replace(at.programme.ways, parsers=parsers)
    for post in told:
        said = [e | mine | {"timestamp": e["timestamp"] - first + start} for e in post]
        # One post for each event, the last first: in no order is any of them a person's.
        for event in reversed(said):
            with at.programme.database.write() as connection:
                body = json.dumps([event]).encode()
                raw_posts.keep(connection, provider="sendgrid", body=body, now=at.programme.now)
            at.programme.tick()


PATTERNS: list[Callable[[Scanned], None]] = [
    every_link_at_once,
    every_link_with_head_and_get,
    a_look_before_the_first_link,
    a_gateway_that_says_its_name,
    all_links_one_by_one,
    the_burst_that_the_provider_reports,
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_scanner_moves_nothing_and_the_person_after_it_counts_once(
    database: Database, pattern: Callable[[Scanned], None]
) -> None:
    with scanned(database) as at:
        pattern(at)
        for _ in range(12):
            at.programme.now += MINUTE
            at.programme.tick()
        assert at.clicks()
        assert not any(at.clicks())
        assert at.state(ADA) == at.state(BO)
        at.pace = timedelta(seconds=1)
        for _ in range(2):
            at.ask(at.links()[0], ip="198.51.100.7")
        at.programme.now += timedelta(minutes=10)
        at.programme.tick()
        assert sum(at.clicks()) == 1
        assert at.state(ADA)["engagement"] > at.state(BO)["engagement"]
