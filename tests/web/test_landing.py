from __future__ import annotations

import re
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import httpx
import pytest

from nurture.core.event import EventKind, NewEvent
from nurture.core.token import Purpose
from nurture.engine import intake, landing
from nurture.engine.erase import erase_leads
from nurture.engine.forms import Submitted
from nurture.store import leads, profiles
from tests.web.world import World, hidden

EMAIL = "eva@mill.example"


def fill_in(world: World, browser: httpx.Client, **said: Any) -> httpx.Response:
    """Open the page, take a breath, and send it."""
    shown = hidden(browser.get("/l/guide").text, "shown")
    world.clock.go(seconds=5)
    told = {"email": EMAIL, "consent": "yes", "shown": shown, "website_url": ""}
    return browser.post("/l/guide", data=told | said)


def found(world: World, email: str = EMAIL) -> int | None:
    with world.database.read() as connection:
        return leads.ids_by_match_key(connection, [email.casefold()]).get(email.casefold())


def happened(world: World, lead_id: int, kind: EventKind, key: str = "1") -> None:
    event = NewEvent(
        lead_id=lead_id, kind=kind, occurred_at=world.clock(), source="test", source_key=key
    )
    with world.database.write() as connection:
        intake.record(world.runtime, connection, [event], project=world.project, now=world.clock())


def test_a_stranger_becomes_a_lead_with_consent_in_the_words_that_were_shown(
    world: World,
) -> None:
    said = {"lead.first_name": "Eva", "account.name": "Mill Ltd."}
    with world.serving() as browser:
        posted = fill_in(world, browser, **said)
        thanks = browser.get(posted.headers["location"])
    assert posted.status_code == 303
    assert "Thank you so much" in thanks.text
    lead_id = found(world)
    assert lead_id is not None
    lead = world.lead(lead_id)
    assert (lead.email, lead.source, lead.topics) == (EMAIL, "guide", {"guides", "news"})
    assert world.facts(lead_id) == {
        "first_name": ("Eva", "form guide"),
        "name": ("Mill Ltd.", "form guide"),
    }
    with world.database.read() as connection:
        consents = profiles.consents_of(connection, lead_id)
    assert {
        (c["topic"], c["basis"], c["source"], c["wording"], c["given_at"]) for c in consents
    } == {
        (topic, "consent", "form guide", "Yes, send me the guide & news.", world.clock())
        for topic in ("guides", "news")
    }
    assert [kind for kind, _, _ in world.events(lead_id)] == [
        "lead.captured",
        "form.submitted",
        "consent.given",
        "consent.given",
    ]
    assert world.rung == [(lead_id,)]


def test_the_same_form_twice_in_a_day_counts_once(world: World) -> None:
    with world.serving() as browser:
        fill_in(world, browser)
        lead_id = found(world)
        assert lead_id is not None
        before = world.events(lead_id)
        fill_in(world, browser, email=" EVA@Mill.example ")
    assert world.events(lead_id) == before


def test_a_stranger_cannot_overwrite_what_is_known(world: World) -> None:
    lead_id = world.add_lead(EMAIL, known={"lead.first_name": "Eva"}, topics=())
    with world.serving() as browser:
        fill_in(world, browser, **{"lead.first_name": "Mallory", "account.name": "Mill"})
    assert world.facts(lead_id)["first_name"] == ("Eva", "import fair.csv")
    assert world.facts(lead_id)["name"] == ("Mill", "form guide")
    assert world.lead(lead_id).topics == {"guides", "news"}


def test_one_company_in_a_free_mailbox_is_not_its_neighbours(world: World) -> None:
    with world.serving() as browser:
        fill_in(world, browser, email="a@freemail.example")
        fill_in(world, browser, email="b@freemail.example")
    one, two = (found(world, f"{name}@freemail.example") for name in "ab")
    assert one is not None
    assert two is not None
    assert world.lead(one).account_id != world.lead(two).account_id


def test_a_new_yes_takes_an_unsubscription_back(world: World) -> None:
    lead_id = world.add_lead(EMAIL)
    happened(world, lead_id, EventKind.MESSAGE_UNSUBSCRIBED)
    assert world.lead(lead_id).suppressed == "unsubscribed"
    with world.serving() as browser:
        fill_in(world, browser)
    lead = world.lead(lead_id)
    assert (lead.suppressed, lead.topics) == ("", {"guides", "news"})
    assert world.rows()["suppressions"] == 0


@pytest.mark.parametrize(
    "graver",
    [
        EventKind.MESSAGE_COMPLAINED,
        EventKind.MESSAGE_BOUNCED,
        EventKind.MESSAGE_DROPPED,
        EventKind.ERASURE_REQUESTED,
    ],
)
@pytest.mark.parametrize("unsubscribed_before", [False, True])
def test_nothing_graver_than_an_unsubscription_is_taken_back(
    world: World, graver: EventKind, unsubscribed_before: bool
) -> None:
    lead_id = world.add_lead(EMAIL)
    if unsubscribed_before:
        happened(world, lead_id, EventKind.MESSAGE_UNSUBSCRIBED, "0")
    happened(world, lead_id, graver)
    with world.serving() as browser:
        normal = fill_in(world, browser, email="other@mill.example")
        before = world.content()
        answer = fill_in(world, browser)
    assert (answer.status_code, answer.headers["location"]) == (
        normal.status_code,
        normal.headers["location"],
    )
    assert world.content() == before


def test_an_erased_address_stays_away_and_nobody_can_tell(world: World) -> None:
    lead_id = world.add_lead(EMAIL)
    with world.database.write() as connection:
        erase_leads(world.runtime, connection, [lead_id], reason="asked", now=world.clock())
    before = world.content()
    with world.serving() as browser:
        answer = fill_in(world, browser)
    assert answer.status_code == 303
    assert world.content() == before
    assert world.rung == []


def test_an_unsubscribed_address_without_a_lead_may_come_back(world: World) -> None:
    with world.database.write() as connection:
        hashed = intake.address_hash(world.runtime, EMAIL)
        profiles.suppress(connection, {hashed: ("unsubscribed", "")}, now=world.clock())
    with world.serving() as browser:
        fill_in(world, browser)
    lead_id = found(world)
    assert lead_id is not None
    assert world.lead(lead_id).suppressed == ""


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"email": "eva.mill.example"}, "Enter an email address"),
        ({"email": "eva@mill.example,b@mill.example"}, "Enter an email address"),
        ({"email": "eva@mill.example\r\nBcc: x@y.example"}, "Enter an email address"),
        ({"email": [EMAIL, "x@y.example"]}, "Enter an email address"),
        ({"email": "noreply@mill.example"}, "Enter your own address"),
        ({"consent": ""}, "Tick the box"),
        ({"consent": "no"}, "Tick the box"),
        ({"lead.first_name": "x" * 201}, "longer than 200"),
        ({"shown": ""}, "open for a long time"),
        ({"shown": "zz.zz"}, "open for a long time"),
    ],
)
def test_what_cannot_be_used_comes_back_and_stores_nothing(
    page_world: World, said: dict[str, Any], word: str
) -> None:
    before = page_world.content()
    with page_world.serving() as browser:
        page = fill_in(page_world, browser, **said)
    assert page.status_code == 422
    assert word in page.text
    assert page_world.content() == before


def test_the_form_comes_back_as_it_was_filled_in(page_world: World) -> None:
    with page_world.serving() as browser:
        page = fill_in(page_world, browser, email="<eva>", **{"lead.first_name": "Eva"}).text
    assert 'value="&lt;eva&gt;"' in page
    assert 'value="Eva"' in page
    assert re.search(r'name="consent" value="yes" checked', page)


def test_consent_is_never_ticked_beforehand(page_world: World) -> None:
    with page_world.serving() as browser:
        assert "checked" not in browser.get("/l/guide").text


def test_a_machine_that_fills_in_the_trap_gets_thanks_and_nothing_else(page_world: World) -> None:
    before = page_world.content()
    with page_world.serving() as browser:
        answer = fill_in(page_world, browser, website_url="http://spam.example")
    assert answer.status_code == 303
    assert page_world.content() == before


@pytest.mark.parametrize(
    ("after", "taken"),
    [
        (timedelta(seconds=1), False),
        (timedelta(seconds=2), True),
        (timedelta(hours=24), True),
        (timedelta(hours=24, seconds=1), False),
    ],
)
def test_a_form_is_sent_neither_at_once_nor_a_day_later(
    page_world: World, after: timedelta, taken: bool
) -> None:
    opened = landing.open_landing(page_world.runtime, "guide")
    assert opened is not None
    shown = landing.stamp(page_world.runtime, "guide", now=page_world.clock())
    values = {"email": [EMAIL], "consent": ["yes"], "shown": [shown]}
    outcome = landing.submit_landing(
        page_world.runtime, opened, values, now=page_world.clock() + after
    )
    assert isinstance(outcome, Submitted) is taken


def test_the_time_of_another_form_does_not_count(page_world: World) -> None:
    opened = landing.open_landing(page_world.runtime, "guide")
    assert opened is not None
    shown = landing.stamp(page_world.runtime, "other", now=page_world.clock())
    values = {"email": [EMAIL], "consent": ["yes"], "shown": [shown]}
    later = page_world.clock() + timedelta(minutes=1)
    outcome = landing.submit_landing(page_world.runtime, opened, values, now=later)
    assert not isinstance(outcome, Submitted)


def test_one_caller_cannot_post_without_end(page_world: World) -> None:
    with page_world.serving(posts_per_minute=3) as browser:
        answers = [browser.post("/l/guide", data={}).status_code for _ in range(5)]
        assert browser.get("/l/guide").status_code == 200
    assert answers == [422, 422, 422, 429, 429]


def test_two_at_once_make_one_lead(world: World) -> None:
    opened = landing.open_landing(world.runtime, "guide")
    assert opened is not None
    shown = landing.stamp(world.runtime, "guide", now=world.clock())
    values = {"email": [EMAIL], "consent": ["yes"], "shown": [shown]}
    world.clock.go(minutes=1)
    start, outcomes = Barrier(4), []

    def submit() -> None:
        start.wait()
        outcomes.append(landing.submit_landing(world.runtime, opened, values, now=world.clock()))

    threads = [Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 4
    assert world.rows()["leads"] == 1
    lead_id = found(world)
    assert lead_id is not None
    assert [kind for kind, _, _ in world.events(lead_id)].count("form.submitted") == 1


@pytest.mark.parametrize("name", ["basics", "nothing", "..%2f", "%00"])
def test_only_landing_forms_are_public(page_world: World, name: str) -> None:
    with page_world.serving() as browser:
        assert browser.get(f"/l/{name}").status_code == 404
        assert browser.post(f"/l/{name}", data={"email": EMAIL}).status_code == 404


def test_a_lead_who_returns_can_leave_again_by_the_same_mail(world: World) -> None:
    lead_id = world.add_lead(EMAIL)
    out = f"/u/{world.token(Purpose.UNSUBSCRIBE, world.add_mail(lead_id))}"
    with world.serving() as browser:
        browser.post(out)
        assert world.lead(lead_id).suppressed == "unsubscribed"
        fill_in(world, browser)
        assert world.lead(lead_id).suppressed == ""
        world.clock.go(days=1)
        browser.post(out)
    assert world.lead(lead_id).suppressed == "unsubscribed"
    assert world.lead(lead_id).topics == frozenset()
