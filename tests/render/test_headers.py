from __future__ import annotations

import email
import email.policy
from dataclasses import replace

import pytest

from nurture.core.errors import RenderError
from nurture.render.headers import ListIdentity, list_headers, reply_headers
from nurture.render.mime import to_bytes
from tests.render.test_mime import MAIL, MESSAGE

GUIDE = ListIdentity(key="guide", title="From guide to conversation", domain="mail.a.example")
URL = "https://n.example/u/k.u.0123.0.0.AbC-_"
MAILTO = "mailto:leave@mail.a.example?subject=leave"


def headers(identity: ListIdentity = GUIDE, url: str = URL, mailto: str = MAILTO) -> dict[str, str]:
    return dict(
        list_headers(
            identity, one_click_url=url, mailto=mailto, feedback=("guide", "step 1", "v:1")
        )
    )


def test_bulk_mail_can_be_left_with_one_click() -> None:
    assert headers() == {
        "List-Unsubscribe": f"<{URL}>, <{MAILTO}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-ID": "From guide to conversation <guide.mail.a.example>",
        "Feedback-ID": "guide:step-1:v-1:mail.a.example",
    }


@pytest.mark.parametrize(
    ("url", "promised"),
    [
        ("http://n.example/u/t", False),
        ("http://127.0.0.1.evil.example/u/t", False),
        ("http://127.0.0.1:8321/u/t", True),
        ("http://localhost/u/t", True),
    ],
)
def test_without_https_one_click_is_promised_only_on_this_machine(
    url: str,
    promised: bool,
) -> None:
    assert ("List-Unsubscribe-Post" in headers(url=url)) is promised


def test_without_fields_there_is_no_feedback_id() -> None:
    found = dict(list_headers(GUIDE, one_click_url=URL, mailto=MAILTO))
    assert "Feedback-ID" not in found


@pytest.mark.parametrize(
    ("key", "title", "list_id"),
    [
        ("Guide / 2", "", "<guide-2.mail.a.example>"),
        ("guide", 'A "good" guide', '"A \\"good\\" guide" <guide.mail.a.example>'),
        ("guide", "a, b", '"a, b" <guide.mail.a.example>'),
        ("guide", "Für dich", "=?utf-8?b?RsO8ciBkaWNo?= <guide.mail.a.example>"),
    ],
)
def test_a_list_id_is_a_title_and_a_stable_name(key: str, title: str, list_id: str) -> None:
    assert headers(replace(GUIDE, key=key, title=title))["List-ID"] == list_id


def test_a_long_title_survives_the_assembler() -> None:
    identity = replace(GUIDE, title="Für alle, die es ganz genau wissen wollen " * 3)
    mail = replace(MAIL, headers=tuple(headers(identity).items()))
    content = to_bytes(replace(MESSAGE, mail=mail))
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert parsed["List-ID"] == f"{identity.title.strip()} <guide.mail.a.example>"


@pytest.mark.parametrize(
    ("url", "mailto", "complaint"),
    [
        ("https://n.example/a b", MAILTO, "one-click URL"),
        ("https://n.example/<a>", MAILTO, "one-click URL"),
        ("javascript:a", MAILTO, "one-click URL"),
        ("https://n.example/ü", MAILTO, "one-click URL"),
        (URL, "leave@mail.a.example", "unsubscribe address"),
        (URL, "mailto:a@b.example>, <mailto:x@y.example", "unsubscribe address"),
        (URL, "mailto:a@b.example\r\nBcc: x@y.example", "unsubscribe address"),
    ],
)
def test_addresses_that_would_break_the_header_are_refused(
    url: str, mailto: str, complaint: str
) -> None:
    with pytest.raises(RenderError, match=complaint):
        headers(url=url, mailto=mailto)


def test_a_key_without_letters_is_refused() -> None:
    with pytest.raises(RenderError, match="List-ID"):
        headers(replace(GUIDE, key="!?"))


def test_feedback_has_three_fields_at_most() -> None:
    with pytest.raises(RenderError, match="at most 3"):
        list_headers(GUIDE, one_click_url=URL, mailto=MAILTO, feedback=("a", "b", "c", "d"))


def test_an_answer_to_a_form_asks_machines_not_to_answer() -> None:
    assert reply_headers() == (
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
    )
