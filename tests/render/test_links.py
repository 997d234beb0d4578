"""Links get their numbers and redirects, wherever their URLs stand."""

from __future__ import annotations

import re
from itertools import count

from hypothesis import given, strategies as st

from nurture.render.links import Links, route_text

DIRECT = frozenset({"https://n.eu/u/1", ""})
HREFS = [
    *("https://a.eu/", " https://a.eu/ ", "HTTP://a.eu/", "https://n.eu/u/1", " https://n.eu/u/1"),
    *(
        "",
        "#top",
        "mailto:a@b.eu",
        "http:/a.eu",
        "https://a.eu/x",
        "\u0130ttp://a.eu",
        "http\u017f://a",
    ),
]
PARTS = [
    *("http", "https", "HTTPS", "hTtP", "://", ":", "/", "a.eu/", "n.eu/u/1", "x", ".", ",", ")"),
    *("'", " ", "\n", "<", ">", '"', "\xa0", "\u0130", "\u017f", "\u212a", "é", "https://a.eu/"),
]


def redirect(number: int) -> str:
    return f"https://n.eu/c/{number}"


@given(st.lists(st.sampled_from(HREFS), max_size=12))
def test_links_are_numbered_in_order_and_each_url_once(hrefs: list[str]) -> None:
    links = Links(redirect, DIRECT)
    numbers = count()
    met: dict[str, str] = {}
    for href in hrefs:
        url = href.strip()
        if url in DIRECT or not re.match("https?://", url, re.IGNORECASE | re.ASCII):
            assert links(href) == href
            continue
        if url not in met:
            met[url] = redirect(next(numbers))
        assert links(href) == met[url]
    assert links.targets == tuple(met)
    assert all(links.known(href) == met.get(href, href) for href in HREFS)


def simply_routed(text: str, links: Links) -> str:
    """Point the URLs of a text at their redirects, looking at one letter after the other."""
    found = re.compile(r"[hH][tT][tT][pP][sS]?://[^\s<>\"]+")
    routed, at = "", 0
    while at < len(text):
        url = found.match(text, at)
        if url is None:
            routed, at = routed + text[at], at + 1
            continue
        known = url[0].rstrip(".,;:!?)'")
        routed, at = routed + links.known(known) + url[0][len(known) :], url.end()
    return routed


@given(st.lists(st.sampled_from(PARTS), max_size=30).map("".join))
def test_urls_of_a_text_are_found_wherever_they_stand(text: str) -> None:
    links = Links(redirect, DIRECT)
    for href in ("https://a.eu/", "http://a.eu/", "HTTPS://a.eu/x", "https://x", "https://a.eu/'x"):
        links(href)
    assert route_text(text, links) == simply_routed(text, links)
