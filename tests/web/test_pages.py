"""What holds for every page: headers, no script, nothing foreign, small, and reading is reading."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest

from nurture.core.token import Purpose
from tests.web.test_operator import write
from tests.web.world import World, small_project

PUBLIC_POLICY = {
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self' data:",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


class Page(HTMLParser):
    """Collects what a page loads, where it leads, and how its inputs are labelled."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, *tags: str) -> Iterator[dict[str, str | None]]:
        return (attrs for tag, attrs in self.tags if tag in tags)


@pytest.fixture
def paths(page_world: World, tmp_path: Path) -> dict[str, str]:
    lead_id = page_world.add_lead()
    mail = page_world.add_mail(lead_id, form="everything")
    write(tmp_path / "outbox", mail)
    token = {purpose: page_world.token(purpose, mail) for purpose in Purpose}
    return {
        "form": f"/f/{token[Purpose.FORM]}",
        "form thanks": f"/f/{token[Purpose.FORM]}/thanks",
        "landing": "/l/guide",
        "landing thanks": "/l/guide/thanks",
        "unsubscribe": f"/u/{token[Purpose.UNSUBSCRIBE]}",
        "preferences": f"/p/{token[Purpose.PREFERENCES]}",
        "view": f"/v/{token[Purpose.VIEW]}",
        "bad link": "/f/x",
        "nothing": "/nothing",
        "start": "/",
        "outbox": "/outbox",
        "letter": f"/outbox/{mail}",
        "letter frame": f"/outbox/{mail}/html",
        "leads": "/leads",
        "lead": f"/leads/{page_world.lead(lead_id).uid}",
        "handoffs": "/handoffs",
        "health": "/healthz",
        "openapi": "/openapi.json",
        "icon": "/favicon.ico",
        "no such file": "/static/nothing.css",
    }


@pytest.fixture
def browser(page_world: World, tmp_path: Path) -> Iterator[httpx.Client]:
    with page_world.serving(outbox_dir=tmp_path / "outbox") as browser:
        yield browser


PUBLIC = ("form", "form thanks", "landing", "landing thanks", "unsubscribe", "preferences",
          "bad link", "nothing")  # fmt: skip


def test_every_answer_carries_the_security_headers(
    browser: httpx.Client, paths: dict[str, str]
) -> None:
    for name, path in paths.items():
        headers = browser.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", name
        assert headers["referrer-policy"] == "no-referrer", name
        assert "default-src 'none'" in headers["content-security-policy"], name
        assert "script-src" not in headers["content-security-policy"], name
        assert headers["cross-origin-opener-policy"] == "same-origin", name
        assert "set-cookie" not in headers, name
        assert "strict-transport-security" not in headers, name
        assert headers["cache-control"], name


def test_public_pages_have_the_strict_policy(browser: httpx.Client, paths: dict[str, str]) -> None:
    for name in PUBLIC:
        policy = browser.get(paths[name]).headers["content-security-policy"]
        assert set(policy.split("; ")) == PUBLIC_POLICY, name


def test_an_error_of_ours_is_a_page_with_headers_too(page_world: World) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    page_world.clock = broken  # type: ignore[assignment]
    with page_world.serving() as browser:
        answer = browser.get("/f/x")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "bug" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_behind_https_browsers_are_told_to_stay_there(page_world: World) -> None:
    page_world.project = small_project("https://mail.plant.example")
    with page_world.serving() as browser:
        answer = browser.get("/l/guide")
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_a_database_that_is_away_means_come_back_later(page_world: World) -> None:
    path = Path(str(page_world.database.engine.url.database))
    with page_world.serving() as browser:
        page_world.database.engine.dispose()
        path.rename(path.with_suffix(".away"))
        path.mkdir()
        for page in ("/l/guide", "/healthz"):
            answer = browser.get(page)
            assert answer.status_code == 503, page
        assert browser.get("/l/guide").headers["retry-after"] == "60"
        assert browser.post("/hooks/sales/x", content=b"").status_code == 503


def test_no_page_has_a_script_a_style_or_anything_from_elsewhere(
    browser: httpx.Client, paths: dict[str, str]
) -> None:
    for name, path in paths.items():
        answer = browser.get(path)
        if "html" not in answer.headers.get("content-type", "") or name in ("view", "letter frame"):
            continue
        page = Page(answer.text)
        assert not list(page.named("script", "style", "object", "embed", "base")), name
        for tag, attrs in page.tags:
            assert "style" not in attrs, name
            assert not any(key.startswith("on") for key in attrs), (name, tag)
            loaded = attrs.get("src") or (attrs.get("href") if tag == "link" else None)
            assert loaded is None or loaded.startswith(("/", "data:")), (name, loaded)


def test_a_page_is_readable_by_everybody(browser: httpx.Client, paths: dict[str, str]) -> None:
    for name, path in paths.items():
        answer = browser.get(path)
        if "html" not in answer.headers.get("content-type", "") or name in ("view", "letter frame"):
            continue
        page = Page(answer.text)
        tags = [tag for tag, _ in page.tags]
        assert tags.count("h1") == 1, name
        assert tags.count("main") == 1, name
        assert next(page.named("html"))["lang"] == "en", name
        ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
        assert len(ids) == len(set(ids)), name
        labels = {attrs.get("for") for attrs in page.named("label")}
        for attrs in page.named("input", "select", "textarea"):
            in_row = attrs.get("type") in ("radio", "checkbox", "hidden")
            assert in_row or attrs.get("name") == "website_url" or attrs.get("id") in labels, name
        for attrs in page.named("fieldset", "input", "select", "textarea"):
            for described in (attrs.get("aria-describedby") or "").split():
                assert described in ids, (name, described)


def test_public_pages_stay_small(browser: httpx.Client, paths: dict[str, str]) -> None:
    style = resources.files("nurture.web").joinpath("static", "public.css").read_bytes()
    assert len(style) <= 8_000
    for name in PUBLIC:
        page = browser.get(paths[name])
        loaded = [a["href"] for a in Page(page.text).named("link") if a["rel"] == "stylesheet"]
        assert len(loaded) == 1, name
        assert len(page.content) + len(style) <= 25_000, name


def test_the_style_sheet_may_be_kept_for_ever(browser: httpx.Client) -> None:
    found = re.search(r'href="(/static/[^"]+)"', browser.get("/l/guide").text)
    assert found
    answer = browser.get(found[1])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]


def test_reading_changes_nothing(
    browser: httpx.Client, paths: dict[str, str], page_world: World
) -> None:
    before = page_world.content()
    for name, path in paths.items():
        seen = browser.get(path)
        head = browser.head(path)
        assert head.status_code == seen.status_code, name
        assert head.content == b"", name
    assert page_world.content() == before
    assert page_world.rung == []


def test_other_methods_change_nothing(
    browser: httpx.Client, paths: dict[str, str], page_world: World
) -> None:
    before = page_world.content()
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
        for name, path in paths.items():
            assert browser.request(method, path).status_code in (400, 404, 405), (name, method)
    assert page_world.content() == before


def test_the_host_of_a_request_is_in_no_answer(
    browser: httpx.Client, paths: dict[str, str]
) -> None:
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil"}
    for name, path in paths.items():
        for asked in (path, f"{path}/", f"/{path}"):
            answer = browser.get(asked, headers=headers)
            assert "evil" not in answer.text, name
            assert "evil" not in str(answer.headers), name


def test_the_api_is_described(browser: httpx.Client) -> None:
    described: dict[str, Any] = browser.get("/openapi.json").json()
    operations = {
        f"{method.upper()} {path}"
        for path, methods in described["paths"].items()
        for method in methods
    }
    assert operations == {
        "GET /c/{token}",
        "GET /f/{token}",
        "POST /f/{token}",
        "GET /f/{token}/thanks",
        "GET /healthz",
        "GET /l/{form}",
        "POST /l/{form}",
        "GET /l/{form}/thanks",
        "GET /p/{token}",
        "GET /s/{token}",
        "POST /s/{token}",
        "POST /p/{token}",
        "GET /u/{token}",
        "POST /u/{token}",
        "GET /v/{token}",
        "POST /hooks/sales/{endpoint}",
        "POST /hooks/sendgrid",
        "POST /hooks/inbound",
        "POST /hooks/signals",
    }


def test_the_web_process_never_imports_prefect() -> None:
    code = "import sys, nurture.web.app; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
