from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from nurture.core.message import Address, OutgoingMessage
from nurture.transports.sendgrid_payload import RESERVED_HEADERS, broken_limit, encode, payload
from tests.transports.letters import letter

VENDOR = Path(__file__).parents[1] / "contracts" / "vendor"

GOLDEN = {
    "personalizations": [
        {
            "to": [{"email": "ana@example.com", "name": "Ana Müller"}],
            "headers": {
                "List-Unsubscribe": "<https://n.example/u/t>, <mailto:leave@n.example>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            "custom_args": {
                "nurture_message": "00000000000000000000000000000007",
                "nurture_attempt": "0000000000000000000000000000007a",
            },
        }
    ],
    "from": {"email": "ingrid@mail.havelock-air.example", "name": "Ingrid"},
    "subject": "Your leak guide",
    "content": [
        {"type": "text/plain", "value": "Grüße\n.\n..a\n"},
        {"type": "text/html", "value": "<p>Grüße</p>\n.\n..a\n"},
    ],
    "tracking_settings": {
        "click_tracking": {"enable": False, "enable_text": False},
        "open_tracking": {"enable": False},
        "subscription_tracking": {"enable": False},
    },
    "reply_to": {"email": "ingrid@havelock-air.example"},
    "categories": ["guide", "guide-delivery"],
}


@pytest.fixture(scope="module")
def schema() -> Any:
    """Return a validator for the request body of SendGrid's own description."""
    jsonschema = pytest.importorskip("jsonschema")
    document = json.loads((VENDOR / "sendgrid_mail_v3.json").read_bytes())
    assert "/v3/mail/send" in document["paths"]
    body = document["components"]["requestBodies"]["PostMailSend"]
    wanted = body["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator
    return validator(
        {**wanted, "components": document["components"]}, format_checker=validator.FORMAT_CHECKER
    )


def test_the_request_is_what_it_always_was() -> None:
    assert payload(letter(7)) == GOLDEN
    assert json.loads(encode(payload(letter(7)))) == GOLDEN


def test_sendgrids_own_description_agrees(schema: Any) -> None:
    for message in (
        letter(7),
        letter(reply_to=None, headers=()),
        replace(letter(), categories=()),
        letter(recipient=Address(name="", email="a@b.example")),
    ):
        for sandbox in (True, False):
            schema.validate(payload(message, sandbox=sandbox))


def test_the_description_would_object_to_a_wrong_request(schema: Any) -> None:
    wrong = {key: value for key, value in GOLDEN.items() if key != "from"}
    assert not schema.is_valid(wrong)
    assert not schema.is_valid({**GOLDEN, "categories": [str(n) for n in range(11)]})


def test_in_the_sandbox_nothing_is_sent() -> None:
    assert payload(letter(), sandbox=True)["mail_settings"] == {"sandbox_mode": {"enable": True}}


def test_what_is_not_there_is_left_out() -> None:
    body: Any = payload(replace(letter(reply_to=None, headers=()), categories=()))
    assert not {"reply_to", "categories", "mail_settings"} & set(body)
    assert "headers" not in body["personalizations"][0]


def test_a_category_that_is_given_twice_is_sent_once() -> None:
    assert payload(replace(letter(), categories=("a", "a")))["categories"] == ["a"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Müller, Ana; Dr.", {"name": "Müller Ana Dr."}), (" ,; ", {}), ("", {})],
)
def test_a_recipients_name_holds_no_separators(name: str, shown: dict[str, str]) -> None:
    body: Any = payload(letter(recipient=Address(name=name, email="a@b.example")))
    assert body["personalizations"][0]["to"] == [{"email": "a@b.example", **shown}]


def test_a_usual_message_is_within_every_limit() -> None:
    assert broken_limit(letter()) == ""


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        (letter(recipient=Address(name="", email="müller@b.example")), "only ASCII addresses"),
        (letter(recipient=Address(name="", email="a@büro.example")), "only ASCII addresses"),
        (letter(sender=Address(name="", email="ü@b.example")), "only ASCII addresses"),
        (letter(reply_to="ü@b.example"), "only ASCII addresses"),
        (letter(recipient=Address(name="", email="a" * 321)), "more than 320"),
        (letter(subject=" "), "the subject is empty"),
        (letter(text=" \n"), "a part is empty"),
        (letter(html=""), "a part is empty"),
        *((letter(headers=((name.title(), "a"),)), "is reserved") for name in RESERVED_HEADERS),
        (letter(headers=(("X Test", "a"),)), "is not plain ASCII"),
        (letter(headers=(("X-Test", "ü"),)), "is not plain ASCII"),
        (letter(headers=(("X-Test", "a\r\nb"),)), "is not plain ASCII"),
        (letter(headers=(("X-Test", ""),)), "is not plain ASCII"),
        (letter(headers=(("X-Test", "a"), ("x-test", "b"))), "given twice"),
        (replace(letter(), categories=tuple("abcdefghijk")), "more than 10 categories"),
        (replace(letter(), categories=("ü",)), "not ASCII of 1 to 255"),
        (replace(letter(), categories=("",)), "not ASCII of 1 to 255"),
        (replace(letter(), categories=("a" * 256,)), "not ASCII of 1 to 255"),
        (replace(letter(), attempt_uid="a" * 10_000), "custom arguments"),
    ],
)
def test_what_sendgrid_would_refuse_is_refused_here(
    message: OutgoingMessage, complaint: str
) -> None:
    assert complaint in broken_limit(message)


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=50)


@given(subject=texts, text=texts, html=texts, name=texts)
def test_any_text_survives_the_way_there(subject: str, text: str, html: str, name: str) -> None:
    message = letter(
        subject=subject, text=text, html=html, recipient=Address(name=name, email="a@b.example")
    )
    read = json.loads(encode(payload(message)))
    assert (read["subject"], [part["value"] for part in read["content"]]) == (subject, [text, html])
