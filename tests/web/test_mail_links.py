from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from nurture.core.event import EventKind
from nurture.core.message import DeliveryState, MessageState
from nurture.core.token import Purpose
from nurture.engine.erase import erase_leads
from nurture.store import messages, profiles
from tests.web.test_landing import happened
from tests.web.world import LINKS, World

LATER = timedelta(minutes=5)


def delivered(world: World) -> tuple[int, str]:
    """Return a lead and a mail that was accepted a while ago."""
    lead_id = world.add_lead()
    mail = world.add_mail(lead_id)
    world.clock.at += LATER
    return lead_id, mail


# -- click ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1])
def test_a_click_leads_where_the_mail_pointed_and_is_recorded(world: World, number: int) -> None:
    lead_id, mail = delivered(world)
    with world.serving() as browser:
        answer = browser.get(f"/c/{world.token(Purpose.CLICK, mail, number=number)}")
    assert (answer.status_code, answer.headers["location"]) == (302, LINKS[number])
    assert world.events(lead_id) == [("message.clicked", "hello", False)], "not judged yet"
    assert world.lead(lead_id).last_life_at is None
    clicked_at = world.clock()
    world.settle()
    assert world.events(lead_id) == [("message.clicked", "hello", True)]
    assert world.lead(lead_id).last_life_at == clicked_at


def test_clicks_within_a_minute_count_once(page_world: World) -> None:
    lead_id, mail = delivered(page_world)
    link = f"/c/{page_world.token(Purpose.CLICK, mail)}"
    with page_world.serving() as browser:
        for _ in range(3):
            browser.get(link)
        assert len(page_world.events(lead_id)) == 1
        page_world.clock.go(minutes=1)
        browser.get(link)
    assert len(page_world.events(lead_id)) == 2


def test_head_is_told_the_way_and_changes_nothing(world: World) -> None:
    _, mail = delivered(world)
    before = world.content()
    with world.serving() as browser:
        answer = browser.head(f"/c/{world.token(Purpose.CLICK, mail)}")
    assert (answer.status_code, answer.headers["location"]) == (302, LINKS[0])
    assert world.content() == before


@pytest.mark.parametrize("agent", ["", "curl/8.5.0", "Mozilla/5.0 (compatible; SafeLinks)"])
def test_a_scanner_is_led_on_and_counts_for_nothing(page_world: World, agent: str) -> None:
    lead_id, mail = delivered(page_world)
    with page_world.serving() as browser:
        link = f"/c/{page_world.token(Purpose.CLICK, mail)}"
        answer = browser.get(link, headers={"user-agent": agent})
        assert answer.headers["location"] == LINKS[0]
        browser.get(link)
    page_world.settle()
    humans = [human for _, _, human in page_world.events(lead_id)]
    assert sorted(humans) == [False, True], "the person's click stands beside the scanner's"


@pytest.mark.parametrize(("seconds", "human"), [(0, False), (9.99, False), (10, True)])
def test_what_is_quicker_than_a_person_is_a_machine(
    page_world: World, seconds: float, human: bool
) -> None:
    lead_id = page_world.add_lead()
    mail = page_world.add_mail(lead_id)
    page_world.clock.go(seconds=seconds)
    with page_world.serving() as browser:
        browser.get(f"/c/{page_world.token(Purpose.CLICK, mail)}")
    page_world.settle()
    assert page_world.events(lead_id) == [("message.clicked", "hello", human)]


def test_the_ten_seconds_begin_with_the_delivery_that_was_reported(page_world: World) -> None:
    lead_id, mail = delivered(page_world)
    with page_world.database.write() as connection:
        message = messages.by_uid(connection, mail)
        assert message is not None
        report = (message.id, DeliveryState.DELIVERED, page_world.clock())
        messages.raise_delivery(connection, [report])
    page_world.clock.go(seconds=5)
    with page_world.serving() as browser:
        browser.get(f"/c/{page_world.token(Purpose.CLICK, mail)}")
    page_world.settle()
    assert page_world.events(lead_id) == [("message.clicked", "hello", False)]


@pytest.mark.parametrize("number", [2, 99, -1])
def test_a_link_that_the_mail_does_not_have_leads_nowhere(page_world: World, number: int) -> None:
    _, mail = delivered(page_world)
    before = page_world.content()
    with page_world.serving() as browser:
        answer = browser.get(f"/c/{page_world.token(Purpose.CLICK, mail, number=number)}")
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert page_world.content() == before


def test_nothing_in_a_request_chooses_the_way(page_world: World) -> None:
    _, mail = delivered(page_world)
    link = f"/c/{page_world.token(Purpose.CLICK, mail)}"
    evil = "https://evil.example"
    with page_world.serving() as browser:
        for path in (
            f"{link}?url={evil}",
            f"{link}?next=//evil.example",
            f"{link}#{evil}",
            f"{link}/{evil}",
            f"{link}%2f..%2f{evil}",
            f"/{link}",
            f"{link}/",
        ):
            answer = browser.get(path, headers={"host": "evil.example", "x-forwarded-host": evil})
            assert "evil" not in answer.headers.get("location", ""), path
            assert "evil.example" not in answer.text


# -- unsubscribe ---------------------------------------------------------------------------------

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def multipart(fields: dict[str, str]) -> dict[str, tuple[None, str]]:
    return {name: (None, text) for name, text in fields.items()}


@pytest.mark.parametrize("encoding", ["urlencoded", "multipart"])
def test_one_click_stops_everything_before_it_answers(world: World, encoding: str) -> None:
    lead_id, mail = delivered(world)
    waiting = world.add_mail(lead_id, accepted=False)
    link = f"/u/{world.token(Purpose.UNSUBSCRIBE, mail)}"
    with world.serving() as browser:
        answer = (
            browser.post(link, data=ONE_CLICK)
            if encoding == "urlencoded"
            else browser.post(link, files=multipart(ONE_CLICK))
        )
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert "location" not in answer.headers
    lead = world.lead(lead_id)
    assert (lead.suppressed, lead.topics) == ("unsubscribed", frozenset())
    with world.database.read() as connection:
        message = messages.by_uid(connection, waiting)
    assert message is not None
    assert message.state is MessageState.SUPPRESSED
    assert world.events(lead_id) == [("message.unsubscribed", "hello", True)]


@pytest.mark.parametrize("encoding", ["urlencoded", "multipart"])
def test_the_button_stops_everything_and_says_so(world: World, encoding: str) -> None:
    lead_id, mail = delivered(world)
    link = f"/u/{world.token(Purpose.UNSUBSCRIBE, mail)}"
    with world.serving() as browser:
        page = browser.get(link).text
        assert page.count("<button") == 1
        fields = {"by": "button"}
        answer = (
            browser.post(link, data=fields)
            if encoding == "urlencoded"
            else browser.post(link, files=multipart(fields))
        )
        assert "You are unsubscribed" in answer.text
        preferences = answer.text.partition('href="/p/')[2].partition('"')[0]
        assert browser.get(f"/p/{preferences}").status_code == 200
    assert world.lead(lead_id).suppressed == "unsubscribed"


def test_unsubscribing_twice_is_as_good_as_once(world: World) -> None:
    _, mail = delivered(world)
    link = f"/u/{world.token(Purpose.UNSUBSCRIBE, mail)}"
    with world.serving() as browser:
        browser.post(link, data=ONE_CLICK)
        before = world.content()
        world.clock.go(days=1)
        assert browser.post(link, data=ONE_CLICK).status_code == 200
    assert world.content() == before


def test_looking_unsubscribes_nobody(world: World) -> None:
    _, mail = delivered(world)
    link = f"/u/{world.token(Purpose.UNSUBSCRIBE, mail)}"
    before = world.content()
    with world.serving() as browser:
        for method in ("GET", "HEAD"):
            assert browser.request(method, link).status_code == 200
        assert browser.put(link).status_code == 405
    assert world.content() == before


@pytest.mark.parametrize("body", [b"", b"\xff\x00%zz", b"a" * 60_000])
def test_whatever_the_body_says_a_well_signed_link_unsubscribes(
    page_world: World, body: bytes
) -> None:
    lead_id, mail = delivered(page_world)
    with page_world.serving() as browser:
        link = f"/u/{page_world.token(Purpose.UNSUBSCRIBE, mail)}"
        answer = browser.post(link, content=body, headers={"content-type": "multipart/form-data"})
    assert answer.status_code == 200
    assert page_world.lead(lead_id).suppressed == "unsubscribed"


def test_a_well_signed_link_to_nobody_is_answered_like_any_other(page_world: World) -> None:
    lead_id, mail = delivered(page_world)
    with page_world.database.write() as connection:
        erase_leads(
            page_world.runtime, connection, [lead_id], reason="asked", now=page_world.clock()
        )
    before = page_world.content()
    known = page_world.token(Purpose.UNSUBSCRIBE, mail)
    unknown = page_world.token(Purpose.UNSUBSCRIBE, "0" * 32)
    with page_world.serving() as browser:
        for token in (known, unknown):
            assert browser.get(f"/u/{token}").status_code == 200
            answer = browser.post(f"/u/{token}", data=ONE_CLICK)
            assert (answer.status_code, answer.content) == (200, b"")
    assert page_world.content() == before


def test_a_mail_from_before_a_key_was_changed_still_unsubscribes(page_world: World) -> None:
    lead_id, mail = delivered(page_world)
    token = page_world.token(Purpose.UNSUBSCRIBE, mail)
    page_world.clock.go(days=400)
    with page_world.serving() as browser:
        browser.post(f"/u/{token}", data=ONE_CLICK)
    assert page_world.lead(lead_id).suppressed == "unsubscribed"


# -- preferences ---------------------------------------------------------------------------------


def save(browser: httpx.Client, link: str, *topics: str) -> httpx.Response:
    return browser.post(link, data={"act": "save", "topic": list(topics)})


def test_single_topics_are_given_and_withdrawn(world: World) -> None:
    lead_id, mail = delivered(world)
    link = f"/p/{world.token(Purpose.PREFERENCES, mail)}"
    with world.serving() as browser:
        page = browser.get(link).text
        assert 'value="guides" checked' in page
        assert 'value="news" checked' not in page
        answer = save(browser, link, "news")
        assert answer.status_code == 303
        assert "Saved" in browser.get(answer.headers["location"]).text
    assert world.lead(lead_id).topics == {"news"}
    assert world.events(lead_id) == [
        ("consent.given", "news", True),
        ("consent.withdrawn", "guides", True),
    ]
    with world.database.read() as connection:
        news = next(c for c in profiles.consents_of(connection, lead_id) if c["topic"] == "news")
    assert (news["basis"], news["wording"]) == ("consent", "News from the workshop")
    assert world.rung == [(lead_id,)]


def test_saving_what_is_saved_changes_nothing(world: World) -> None:
    _, mail = delivered(world)
    before = world.content()
    with world.serving() as browser:
        save(browser, f"/p/{world.token(Purpose.PREFERENCES, mail)}", "guides", "nonsense")
    assert world.content() == before
    assert world.rung == []


def test_leaving_everything_can_be_taken_back_on_the_same_page(world: World) -> None:
    lead_id, mail = delivered(world)
    link = f"/p/{world.token(Purpose.PREFERENCES, mail)}"
    with world.serving() as browser:
        browser.post(link, data={"act": "leave"})
        assert world.lead(lead_id).suppressed == "unsubscribed"
        assert "You are unsubscribed" in browser.get(link).text
        world.clock.go(minutes=1)
        save(browser, link, "guides")
        assert (world.lead(lead_id).suppressed, world.lead(lead_id).topics) == ("", {"guides"})
        world.clock.go(minutes=1)
        browser.post(link, data={"act": "leave"})
    assert world.lead(lead_id).suppressed == "unsubscribed"


def test_ticking_nothing_takes_no_unsubscription_back(page_world: World) -> None:
    lead_id, mail = delivered(page_world)
    link = f"/p/{page_world.token(Purpose.PREFERENCES, mail)}"
    with page_world.serving() as browser:
        browser.post(link, data={"act": "leave"})
        save(browser, link)
    assert page_world.lead(lead_id).suppressed == "unsubscribed"


def test_a_complaint_is_not_taken_back_by_ticking(world: World) -> None:
    lead_id, mail = delivered(world)
    happened(world, lead_id, EventKind.MESSAGE_COMPLAINED)
    world.clock.go(minutes=1)
    link = f"/p/{world.token(Purpose.PREFERENCES, mail)}"
    with world.serving() as browser:
        page = browser.get(link).text
        assert "cannot start it again" in page
        assert "topic" not in page
        save(browser, link, "guides")
    assert world.lead(lead_id).suppressed == "complained"


def test_a_wish_to_be_forgotten_stops_mail_at_once(world: World) -> None:
    lead_id, mail = delivered(world)
    link = f"/p/{world.token(Purpose.PREFERENCES, mail)}"
    with world.serving() as browser:
        unsure = browser.post(link, data={"act": "forget"})
        assert unsure.status_code == 303
        assert world.events(lead_id) == []
        answer = browser.post(link, data={"act": "forget", "sure": "yes"})
        assert "forgetting you" in answer.text
    assert world.events(lead_id) == [("erasure.requested", "", True)]
    assert world.lead(lead_id).suppressed == "asked to be forgotten"
    assert world.rung == [(lead_id,)]


@pytest.mark.parametrize("fields", [{}, {"act": "erase"}, {"act": ["save", "leave"]}])
def test_an_act_that_is_none_changes_nothing(
    page_world: World, fields: dict[str, str | list[str]]
) -> None:
    _, mail = delivered(page_world)
    before = page_world.content()
    link = f"/p/{page_world.token(Purpose.PREFERENCES, mail)}"
    with page_world.serving() as browser:
        assert browser.post(link, data=fields).status_code == 400
    assert page_world.content() == before


# -- view ----------------------------------------------------------------------------------------


def test_the_web_version_is_the_mail_behind_a_wall(page_world: World) -> None:
    _, mail = delivered(page_world)
    with page_world.serving() as browser:
        page = browser.get(f"/v/{page_world.token(Purpose.VIEW, mail)}")
    assert page.status_code == 200
    assert "Hello Ada" in page.text
    policy = page.headers["content-security-policy"]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
