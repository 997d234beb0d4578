"""Person or machine: what each published signal does to the verdict, and no order does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from nurture.core.humanity import (
    AGENTS,
    OPENED,
    PREFERENCES,
    UNSUBSCRIBE,
    Agent,
    Trace,
    agent_of,
    chances,
    is_person,
    network_of,
)

DELIVERED = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
CLICK = Trace(
    id=1,
    link="0",
    at=DELIVERED + timedelta(hours=1),
    head=False,
    agent=Agent.BROWSER,
    network="a",
    said=None,
)


def after(seconds: float, link: str = "0", *, id: int = 2, **more: object) -> Trace:  # noqa: A002 (the field's name)
    """Return another request, so many seconds after the click."""
    at = CLICK.at + timedelta(seconds=seconds)
    return replace(CLICK, id=id, at=at, link=link, **more)  # type: ignore[arg-type]


def chance(*traces: Trace, delivered_at: datetime | None = DELIVERED) -> int:
    """Return how likely a person made the first of the requests."""
    return chances(traces, delivered_at)[traces[0].id]


def test_a_click_without_any_signal_is_a_persons() -> None:
    assert chance(CLICK) == 800


@pytest.mark.parametrize(
    ("traces", "person"),
    [
        pytest.param([replace(CLICK, said=True)], False, id="the provider says so"),
        pytest.param([replace(CLICK, head=True)], False, id="HEAD"),
        pytest.param([CLICK, after(30, head=True)], False, id="HEAD by the same caller"),
        pytest.param([CLICK, after(30, head=True, network="b")], True, id="HEAD by somebody else"),
        pytest.param([CLICK, after(3, "1")], False, id="two links within three seconds"),
        pytest.param([CLICK, after(-3, "1")], False, id="the second of them"),
        pytest.param([CLICK, after(3.1, "1")], True, id="two links, slowly"),
        pytest.param([CLICK, after(1)], True, id="a double click"),
        pytest.param([CLICK, after(1, OPENED)], True, id="a picture is no link"),
        pytest.param([CLICK, after(1, "1", network="b")], False, id="a burst from two addresses"),
        pytest.param(
            [CLICK, after(20, UNSUBSCRIBE), after(40, PREFERENCES, id=3)],
            False,
            id="all links, one after the other",
        ),
        pytest.param(
            [CLICK, after(20, UNSUBSCRIBE), after(80, PREFERENCES, id=3)], True, id="within minutes"
        ),
        pytest.param(
            [CLICK, after(20, "1"), after(40, "2", id=3)], True, id="three links of interest"
        ),
        pytest.param([CLICK, after(20, UNSUBSCRIBE)], True, id="read, and left"),
        pytest.param([replace(CLICK, crowd=2)], True, id="colleagues behind one address"),
        pytest.param([replace(CLICK, crowd=5)], False, id="one network for many recipients"),
        pytest.param([replace(CLICK, agent=Agent.BARE)], False, id="a browser without an engine"),
        pytest.param([replace(CLICK, agent=Agent.NONE)], False, id="no name at all"),
    ],
)
def test_what_a_signal_decides(traces: list[Trace], person: bool) -> None:
    assert is_person(chance(*traces)) is person


@pytest.mark.parametrize(
    ("seconds", "person"), [(-5, False), (0, False), (9.99, False), (10, True)]
)
def test_what_is_quicker_than_a_person_is_a_machine(seconds: float, person: bool) -> None:
    click = replace(CLICK, at=DELIVERED + timedelta(seconds=seconds))
    assert is_person(chance(click)) is person
    assert is_person(chance(click, delivered_at=None)), "of whose delivery nothing is known"


def test_every_kind_of_program_has_a_weight() -> None:
    assert set(AGENTS) == set(Agent)
    people = [agent for agent in Agent if is_person(chance(replace(CLICK, agent=agent)))]
    assert people == [Agent.BROWSER]


SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome"


@pytest.mark.parametrize(
    ("name", "agent"),
    [
        (f"{CHROME}/141.0.0.0 Safari/537.36", Agent.BROWSER),
        (f"{CHROME}/140.0.0.0 Safari/537.36 Edg/140.0.0.0", Agent.BROWSER),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Agent.BROWSER),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) {SAFARI}",
            Agent.BROWSER,
        ),
        ("Mozilla/5.0", Agent.BARE),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64)", Agent.BARE),
        ("", Agent.NONE),
        (" \t", Agent.NONE),
        (f"{CHROME}/120 (SafeLinks)", Agent.SAFELINKS),
        ("BarracudaCentral-Scanner/1.0", Agent.BARRACUDA),
        ("Proofpoint URLDefense", Agent.PROOFPOINT),
        ("Mimecast-TTP/2", Agent.MIMECAST),
        ("FireEye-Analyzer", Agent.GATEWAY),
        (
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via GoogleImageProxy)",
            Agent.IMAGE_PROXY,
        ),
        ("Mozilla/5.0 (compatible; LinkGuard)", Agent.PREVIEW),
        (f"{CHROME.replace('Chrome', 'HeadlessChrome')}/141.0", Agent.CRAWLER),
        ("curl/8.5.0", Agent.LIBRARY),
        ("python-requests/2.34", Agent.LIBRARY),
        ("Ruby", Agent.LIBRARY),
        (f"{CHROME}/141.0.0.0 Ruby Edition", Agent.BROWSER),
        ("WhatsApp/2.24.20 A", Agent.PREVIEW),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6) {SAFARI} WhatsApp/2.24", Agent.BROWSER),
        ("Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36", Agent.BROWSER),
        ("Mozilla/5.0 AppleWebKit/537.36 (compatible; Somebot/2.1)", Agent.CRAWLER),
    ],
)
def test_programs_are_told_apart_by_their_names(name: str, agent: Agent) -> None:
    assert agent_of(name) is agent


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        *((each, "") for each in ("127.0.0.1", "::1", "10.1.2.3", "192.168.0.9", "fe80::1", "")),
        *((each, "") for each in ("testclient", "1.2.3", "fd00::1", "::ffff:127.0.0.1")),
    ],
)
def test_where_all_look_alike_an_address_says_nothing(address: str, network: str) -> None:
    assert network_of(address) == network


def test_the_order_in_which_they_came_decides_nothing() -> None:
    roll = Random(7)
    traces = [
        after(
            roll.randrange(200),
            roll.choice(["0", "1", "2", OPENED, UNSUBSCRIBE]),
            id=number,
            head=roll.random() < 0.1,
            network=roll.choice("ab"),
        )
        for number in range(60)
    ]
    wanted = chances(traces, DELIVERED)
    for _ in range(20):
        roll.shuffle(traces)
        assert chances(traces, DELIVERED) == wanted


def test_thousands_of_requests_for_one_mail_are_judged_in_a_moment() -> None:
    many = [after(number / 1000, str(number % 7), id=number) for number in range(20_000)]
    assert not any(map(is_person, chances(many, DELIVERED).values()))
