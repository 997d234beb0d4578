"""A release whose part of the environment is gone: who is in it is still looked after."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select

from nurture.core.errors import TokenError
from nurture.core.project import Project
from nurture.engine import health, held, public, tick
from nurture.engine.apply import apply, unreadable
from nurture.engine.doubt import Evidences
from nurture.engine.story import tell
from nurture.engine.traces import Caller
from nurture.project.load import load_files
from nurture.store import switches
from nurture.store.tables import enrollments, messages
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


# -- of which nothing is left ---------------------------------------------------------------------


@pytest.fixture
def lost(lite: Programme) -> Programme:
    """Plan a mail to Ada while sending is paused, and lose the release that it was planned by."""
    with lite.database.write() as connection:
        switches.halt(connection, switches.SENDING, reason="pause", until=None, now=lite.now)
    lite.bring(row(ADA))
    lite.tick()
    with lite.database.write() as connection:
        switches.resume(connection, switches.SENDING)
    files = dict(starter().files) | {"segments/new.yaml": "title: New\nwhen: stage == 'lead'\n"}
    lite.project = load_files(files, {})
    lite.now += timedelta(hours=1)
    apply(lite.runtime, lite.project, by="test", now=lite.now)

    def load(read: Mapping[str, str]) -> Project:
        if read == lite.project.files:
            return lite.project
        raise ValueError

    lite.runtime = replace(lite.runtime, load=load, _projects={}, _past={}, _lost={})
    lite.tick()
    return lite


def waiting(programme: Programme) -> Row[Any]:
    with programme.database.read() as connection:
        return connection.execute(select(messages)).one()


def test_a_mail_of_a_lost_release_is_tried_ever_more_rarely_and_ends(lost: Programme) -> None:
    with lost.database.write() as connection:
        connection.execute(messages.update().values(expires_at=None))
    assert waiting(lost).reason == "not rendered: ValueError"
    tried = 1
    for _ in range(6 * 24):
        lost.now += timedelta(hours=1)
        tried += lost.tick().deliver["claimed"]
    ended = waiting(lost)
    assert (tried, ended.state) == (8, "failed")
    assert ended.reason == "gave up after 8 tries: not rendered: ValueError"


def test_a_mail_of_a_lost_release_expires_like_any_other(lost: Programme) -> None:
    with lost.database.write() as connection:
        connection.execute(messages.update().values(expires_at=lost.now))
    lost.now += timedelta(hours=2)
    lost.tick()
    ended = waiting(lost)
    assert (ended.state, ended.reason) == (
        "expired",
        "too late to send; not rendered: ValueError",
    )


def test_what_stands_still_with_a_lost_release_is_seen(lost: Programme) -> None:
    with lost.database.write() as connection:
        connection.execute(enrollments.update().values(due_at=lost.now))
    lost.tick()
    with lost.database.read() as connection:
        story = tell(lost.runtime, connection, lost.lead(ADA), now=lost.now)
    told = {line.what for line in story.next if line.why.startswith("release 1 cannot be read")}
    assert told == {
        "The sequence 'welcome' stands still and is tried again then",
        "The mail 'guide-delivery' cannot be written and is tried again then",
    }
    needs = {need.name: need.count for need in health.look(lost.runtime, now=lost.now).needs}
    assert needs["mails_unrendered"] == needs["enrollments_set_aside"] == 1
    (held_mail,) = held.look(lost.runtime, Evidences(), limit=9, now=lost.now).mails
    assert held_mail.reason == "not rendered: ValueError"
    assert [(one.release_id, one.mails) for one in unreadable(lost.runtime)] == [(1, 1)]
