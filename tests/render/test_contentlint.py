"""A6: a mail is no program, whoever wrote it."""

from __future__ import annotations

import pytest

from nurture.render.environment import lint
from tests.render.mails import ALLOWED


def flaws(source: str) -> list[tuple[int, str]]:
    return [(flaw.line, flaw.message) for flaw in lint(source, "mail.html", ALLOWED)]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("<script>alert(1)</script>", "<script> in a mail"),
        ("<iframe src='https://a.example/'></iframe>", "<iframe> in a mail"),
        ("<form action='https://a.example/'></form>", "<form> in a mail"),
        ("<BASE href='https://a.example/'>", "<base> in a mail"),
        ("<p onclick='x()'>x</p>", "onclick= in a mail"),
        ("<img src='https://a.example/a.png' OnError=alert(1)>", "onerror= in a mail"),
        ("<p srcdoc='x'>x</p>", "srcdoc= in a mail"),
        ("<meta http-equiv='Refresh' content='0'>", "a mail that leads elsewhere by itself"),
        ("<a href='javascript:alert(1)'>x</a>", "href= leads to javascript:"),
        ("<a href=' java&#115;cript:alert(1)'>x</a>", "href= leads to javascript:"),
        ("<a href='java\tscript:alert(1)'>x</a>", "href= leads to javascript:"),
        ("<a href=vbscript:x>x</a>", "href= leads to vbscript:"),
        ("<a href='data:text/html,x'>x</a>", "href= leads to data:"),
        ("<img src='data:image/svg+xml,x'>", "src= leads to data:"),
        ("<a href='file:///etc/passwd'>x</a>", "href= leads to file:"),
        ("<a href='jar:https://a.example/{{ lead.email|urlencode }}'>x</a>", "leads to jar:"),
    ],
)
def test_no_program_is_mailed(source: str, message: str) -> None:
    found = flaws(f"<p>a\n</p>\n{{% if lead.email %}}\n{source}{{% endif %}}")
    assert any(line == 4 and message in said for line, said in found), found


@pytest.mark.parametrize(
    "source",
    [
        "<a href='https://a.example/'>x</a><a href='mailto:a@b.example'>x</a>",
        "<a href='tel:+49'>x</a><a href='sms:+49'>x</a>",
        "<a href='#top'>x</a><a href='{{ unsubscribe_url }}'>x</a><a name='x'>x</a>",
        "<img src='https://a.example/a.png' alt='javascript: a primer'>",
        "<img src='data:image/png;base64,AAAA' alt='x'><p title='onclick='>once</p>",
        "<meta http-equiv='Content-Type' content='text/html'><p on='y'>javascript:</p>",
        "<!-- <script> --><p>{{ lead.first_name }}: 1 < 2</p>",
    ],
)
def test_what_only_looks_like_one_is_mailed(source: str) -> None:
    assert flaws(source) == []
