"""A release whose part of the environment is gone: who is in it is still looked after."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from nurture.core.errors import TokenError
from nurture.engine import public, tick
from nurture.engine.apply import apply
from nurture.engine.traces import Caller
from nurture.project.load import load_files
from tests.engine.programme import Programme, row, starter
from tests.engine.test_echo import ADA

KEY = {"SENDGRID_API_KEY": "SG.key"}
BY_SENDGRID = 'transport: {kind: sendgrid, api_key: "${SENDGRID_API_KEY}"}'
BROWSER = Caller(user_agent="Mozilla/5.0 Firefox/140.0")


@pytest.fixture
def moved(lite: Programme) -> Programme:
    """Send Ada a mail under a release with SendGrid's key; go on without SendGrid and its key."""
    files = dict(starter().files)
    plain = files["nurture.yaml"]
    assert "\ntransport: {kind: outbox}" in plain
    files["nurture.yaml"] = plain.replace("transport: {kind: outbox}", BY_SENDGRID)
    before = load_files(files, KEY)
    now = load_files(starter().files, {})
    lite.runtime = replace(lite.runtime, load=lambda read: load_files(read, KEY), _projects={})
    apply(lite.runtime, before, by="test", now=lite.now)
    lite.bring(row(ADA))
    lite.tick()
    assert len(lite.post.sent) == 1
    lite.now += timedelta(hours=1)
    apply(lite.runtime, now, by="test", now=lite.now)
    lite.runtime = replace(lite.runtime, load=lambda read: load_files(read, {}), _projects={})
    return lite


def _token(programme: Programme, page: str) -> str:
    found = re.search(rf'/{page}/([^"<> ]+)', programme.post.sent[0].mail.html)
    assert found
    return found[1]


def test_its_mails_still_unsubscribe(moved: Programme) -> None:
    public.unsubscribe(moved.runtime, _token(moved, "u"), now=moved.now)
    assert moved.standing(moved.lead(ADA))["suppressed"] == "unsubscribed"


def test_its_sequences_go_on(moved: Programme) -> None:
    before = len(moved.post.sent)
    moved.wait(days=14)
    assert len(moved.post.sent) > before
    moved.tick()


def test_its_links_lead_where_they_led(moved: Programme) -> None:
    mailroom = moved.ways.mailroom
    token = _token(moved, "c")
    assert public.follow_click(moved.runtime, mailroom, token, BROWSER, now=moved.now)


def test_of_a_release_that_nobody_can_read_any_more_people_still_get_away(
    moved: Programme,
) -> None:
    present = load_files(starter().files, {})

    def only_the_present(read: object) -> object:
        if read == present.files:
            return present
        raise ValueError

    moved.runtime = replace(moved.runtime, load=only_the_present, _projects={}, _past={})  # type: ignore[arg-type]
    mailroom = moved.ways.mailroom
    assert (
        public.follow_click(moved.runtime, mailroom, _token(moved, "c"), BROWSER, now=moved.now)
        is None
    )
    with pytest.raises(TokenError):
        public.view_message(moved.runtime, mailroom, _token(moved, "v"), now=moved.now)
    public.unsubscribe(moved.runtime, _token(moved, "u"), now=moved.now)
    assert moved.standing(moved.lead(ADA))["suppressed"] == "unsubscribed"
    assert tick.run(moved.runtime, moved.ways, now=moved.now).halted == ""
