"""Whatever is sent, the answer is one of a few, never an error of ours, and nothing is stored."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from nurture.core.token import Purpose
from nurture.web.bodies import parse_fields
from nurture.web.limits import Limiter
from tests.web.world import NOW, World

FUZZ = settings(
    max_examples=80,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
URLENCODED = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True, repr=False)
class Target:
    """A site with everything that can be posted to."""

    world: World
    browser: httpx.Client
    posts: tuple[str, ...]


@pytest.fixture
def target(world: World) -> Iterator[Target]:
    mail = world.add_mail(world.add_lead(), form="everything")
    posts = (
        f"/f/{world.token(Purpose.FORM, mail)}",
        "/l/guide",
        f"/p/{world.token(Purpose.PREFERENCES, mail)}",
        "/hooks/sales/inside-sales",
        "/hooks/sendgrid",
        "/hooks/inbound",
        "/f/x",
        "/u/x",
        "/p/x",
        "/nothing",
    )
    with world.serving(posts_per_minute=10_000) as browser:
        yield Target(world, browser, posts)


@pytest.mark.parametrize("size", [64 * 1024 + 1, 3_000_000])
def test_a_body_over_the_limit_is_refused_before_it_is_parsed(target: Target, size: int) -> None:
    before = target.world.content()
    for path in target.posts[:4]:
        body = b"lead.note=" + b"a" * size
        assert target.browser.post(path, content=body, headers=URLENCODED).status_code == 413

        def unannounced() -> Iterator[bytes]:
            # No Content-Length: only counting can tell.
            for _ in range(size // 1000 + 1):
                yield b"a" * 1000

        try:
            status = target.browser.post(path, content=unannounced()).status_code
        except httpx.NetworkError:
            # The server may close while we are still sending.
            continue
        assert status == 413
    assert target.world.content() == before


@pytest.mark.parametrize("length", ["-1", "abc", "99999999999999999999", "1e3"])
def test_a_length_that_is_none_is_refused(page_world: World, length: str) -> None:
    with page_world.serving() as browser:
        host, port = str(browser.base_url.host), int(browser.base_url.port or 0)
        with socket.create_connection((host, port), timeout=5) as raw:
            head = f"POST /l/guide HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}"
            raw.sendall(f"{head}\r\n\r\n".encode())
            status = raw.recv(100).split(b" ")[1]
    assert status in (b"400", b"413")


MALFORMED = [
    ("application/x-www-form-urlencoded", b"\xff\xfe=\x00"),
    ("application/x-www-form-urlencoded", b"lead.note=%ff"),
    ("application/x-www-form-urlencoded", b"lead.note=%ed%a0%80"),
    ("application/x-www-form-urlencoded", b"&".join([b"a=b"] * 300)),
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=x", b"x"),
    ("multipart/form-data; boundary=x", b"--x\r\n\r\n\xff\r\n--x--\r\n"),
    (f"multipart/form-data; boundary={'x' * 3000}", b"x"),
    ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 3000 + b"\r\n"),
    ("application/json", b'{"lead.note": "x"}'),
    ("text/plain", b"lead.note=x"),
    ("\xff", b"x"),
]


def test_a_malformed_form_is_refused_and_stores_nothing(target: Target) -> None:
    before = target.world.content()
    for kind, body in MALFORMED:
        for path in target.posts[:3]:
            headers = [(b"content-type", kind.encode("latin-1"))]
            answer = target.browser.post(path, content=body, headers=headers)
            assert answer.status_code == 400, (path, kind)
    assert target.world.content() == before


def test_a_malformed_form_is_no_news_for_whoever_serves() -> None:
    script = (
        "from nurture.web.bodies import parse_fields\n"
        "try: parse_fields('multipart/form-data; boundary=x', b'y')\n"
        "except Exception as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("the multipart form cannot be read\n", "")


def test_a_file_is_no_answer(target: Target) -> None:
    before = target.world.content()
    upload = {"lead.note": ("note.txt", b"hello")}
    assert target.browser.post(target.posts[0], files=upload).status_code == 422
    assert target.world.content() == before


@FUZZ
@given(
    body=st.binary(max_size=300),
    kind=st.sampled_from(
        ["application/x-www-form-urlencoded", "multipart/form-data; boundary=0", "", "x"]
    ),
)
def test_no_body_is_an_error_of_ours(target: Target, body: bytes, kind: str) -> None:
    for path in target.posts:
        headers = {"content-type": kind} if kind else {}
        answer = target.browser.post(path, content=body, headers=headers)
        assert answer.status_code in (400, 401, 404, 422), path


NAMES = st.sampled_from(
    ["lead.note", "lead.first_name", "account.employees", "lead.revisit_on", "lead.role",
     "lead.tools", "lead.member", "account.country", "email", "consent", "shown", "act", "topic",
     "website_url", "by", "sure", "x"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["\x00", "\ufffe", "\u202e", "1\u00a0000", "NaN", "1e9", "-0", "٣", "{{ 7*7 }}"]
    ),
)


@FUZZ
@given(pairs=st.lists(st.tuples(NAMES, TEXTS), max_size=12))
def test_no_answer_is_an_error_of_ours(target: Target, pairs: list[tuple[str, str]]) -> None:
    body = urlencode(pairs, encoding="utf-8").encode()
    for path in target.posts[:3]:
        answer = target.browser.post(path, content=body, headers=URLENCODED)
        assert answer.status_code in (200, 303, 400, 422), path


@FUZZ
@given(path=st.text(st.characters(codec="utf-8"), max_size=40), query=st.binary(max_size=20))
def test_no_path_is_an_error_of_ours(target: Target, path: str, query: bytes) -> None:
    asked = "".join(f"%{byte:02x}" for byte in path.encode())
    asked_query = "".join(f"%{byte:02x}" for byte in query)
    for start in ("/", "/f/", "/c/", "/v/", "/l/", "/leads/", "/leads?q=", "/static/"):
        answer = target.browser.get(f"{start}{asked}?{asked_query}")
        assert answer.status_code < 500, start


@FUZZ
@given(
    st.dictionaries(st.text(max_size=20), st.lists(st.text(max_size=20), min_size=1), max_size=5)
)
def test_what_a_browser_encodes_is_read_back(fields: dict[str, list[str]]) -> None:
    pairs = [(name, text) for name, texts in fields.items() for text in texts]
    body = urlencode(pairs).encode()
    assert parse_fields("application/x-www-form-urlencoded; charset=utf-8", body) == fields


def test_the_table_of_callers_stays_small_and_forgets() -> None:
    seconds = [0.0]
    limiter = Limiter(2, most_keys=100, seconds=lambda: seconds[0])
    for number in range(10_000):
        limiter.allow(str(number))
    assert len(limiter) == 100
    assert [limiter.allow("me") for _ in range(3)] == [True, True, False]
    seconds[0] += 60
    assert limiter.allow("me")


def test_a_proxy_says_who_called_and_a_stranger_does_not(page_world: World) -> None:
    for behind, statuses in ((True, [422, 422, 422]), (False, [422, 429, 429])):
        with page_world.serving(posts_per_minute=1, behind_proxy=behind) as browser:
            seen = [
                browser.post("/l/guide", headers={"x-forwarded-for": f"1.1.1.1, 10.0.0.{n}"})
                for n in range(3)
            ]
        assert [answer.status_code for answer in seen] == statuses
    assert page_world.clock() == NOW
