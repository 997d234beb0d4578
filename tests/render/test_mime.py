"""The assembled bytes, read back by the standard library's parser."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import format_datetime

import pytest
from hypothesis import given, strategies as st

from nurture.core.errors import RenderError
from nurture.core.message import Address, OutgoingMessage, RenderedMail
from nurture.render.mime import MAX_LINE, checked_address, to_bytes

MAIL = RenderedMail(
    sender=Address(name="Ingrid from Havelock Air", email="ingrid@mail.havelock-air.example"),
    recipient=Address(name="Ana", email="ana@example.com"),
    reply_to="ingrid@havelock-air.example",
    subject="Your leak guide",
    html="<p>Grüße</p>\n",
    text="Grüße\n",
    headers=(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),),
)
MESSAGE = OutgoingMessage(
    uid="0123456789abcdef0123456789abcdef",
    attempt_uid="a1",
    mail=MAIL,
    planned_at=datetime(2026, 3, 5, 9, 7, 2, tzinfo=timezone(timedelta(hours=2))),
)


def assembled(**changes: object) -> bytes:
    return to_bytes(replace(MESSAGE, mail=replace(MAIL, **changes)))  # type: ignore[arg-type]


def parsed(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def bodies(message: EmailMessage) -> list[str]:
    parts = [message.get_body((kind,)) for kind in ("plain", "html")]
    return [part.get_content().replace("\r\n", "\n") for part in parts if part is not None]


def defects(message: EmailMessage) -> list[object]:
    found: list[object] = []
    for part in message.walk():
        found += part.defects
        found += [defect for value in part.values() for defect in value.defects]
    return found


def test_a_message_says_everything_once() -> None:
    message = parsed(to_bytes(MESSAGE))
    assert dict(message.items()) == {
        "From": "Ingrid from Havelock Air <ingrid@mail.havelock-air.example>",
        "To": "Ana <ana@example.com>",
        "Reply-To": "ingrid@havelock-air.example",
        "Subject": "Your leak guide",
        "Date": "Thu, 05 Mar 2026 07:07:02 +0000",
        "Message-ID": "<0123456789abcdef0123456789abcdef@mail.havelock-air.example>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="=_0123456789abcdef0123456789abcdef"',
    }
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert bodies(message) == ["Grüße\n", "<p>Grüße</p>\n"]


def test_without_an_address_to_answer_to_there_is_no_such_header() -> None:
    assert "Reply-To" not in parsed(assembled(reply_to=None))


def test_the_same_message_gives_the_same_bytes() -> None:
    assert to_bytes(MESSAGE) == to_bytes(replace(MESSAGE, attempt_uid="a2"))


printable = st.characters(
    codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\u2028\u2029"
)
lines = st.text(printable, max_size=200)
# A parser reads every kind of blank at the ends of a name as part of the syntax around it.
names = lines.map(lambda name: " ".join(name[:40].split())).filter(lambda n: len(n.encode()) < 45)
locals_ = st.text("abcXYZ019!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=20)
domains = st.lists(st.text("abcXYZ019", min_size=1, max_size=20), min_size=1, max_size=4)
addresses = st.builds(lambda local, labels: f"{local}@{'.'.join(labels)}", locals_, domains)
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=300)
header_values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=90)


@given(
    sender=st.builds(lambda n, e: Address(name=n, email=e), names, addresses),
    recipient=st.builds(lambda n, e: Address(name=n, email=e), names, addresses),
    subject=lines,
    text=texts,
    html=texts,
    unsubscribe=st.lists(header_values, min_size=1, max_size=6).map(" ".join),
)
def test_a_parser_reads_back_what_was_meant(
    sender: Address, recipient: Address, subject: str, text: str, html: str, unsubscribe: str
) -> None:
    unsubscribe = unsubscribe.replace("=?", "= ?")
    content = assembled(
        sender=sender,
        recipient=recipient,
        subject=subject,
        text=text,
        html=html,
        headers=(("X-Test", unsubscribe), ("X-Next", "here")),
    )
    message = parsed(content)
    assert defects(message) == []
    assert message["Subject"] == subject
    for header, meant in (("From", sender), ("To", recipient)):
        [address] = message[header].addresses
        assert (address.display_name, address.addr_spec) == (meant.name, meant.email)
    plain = [part.replace("\r\n", "\n").replace("\r", "\n") for part in (text, html)]
    assert bodies(message) == plain
    assert message["X-Test"] == unsubscribe
    assert message["X-Next"] == "here"
    for line in content.split(b"\r\n"):
        assert b"\n" not in line
        assert b"\r" not in line
        assert len(line) <= MAX_LINE


def test_line_ends_of_any_kind_arrive_as_one_kind() -> None:
    assert bodies(parsed(assembled(text="a\rb\r\nc\n"))) == ["a\nb\nc\n", MAIL.html]


@given(lines)
def test_lines_stay_within_what_mail_recommends(subject: str) -> None:
    words = " ".join(subject.split())
    if any(len(word) > 60 for word in words.split()) and words.isascii():
        return
    assert all(len(line) <= 78 for line in assembled(subject=words).split(b"\r\n"))


@pytest.mark.parametrize(
    "name",
    ['Ana "the" O\\Hara', "Müller, Ana", "a" * 45, "Ana (x) <y>", "=?utf-8?q?x?=", "Ä" * 22, ""],
)
def test_names_of_any_kind_survive(name: str) -> None:
    [address] = parsed(assembled(recipient=Address(name=name, email="a@b.example")))["To"].addresses
    assert (address.display_name, address.addr_spec) == (name, "a@b.example")


@pytest.mark.parametrize("name", ["a" * 90, "Ä" * 60, "Für alle, die es genau wissen wollen " * 3])
def test_a_long_name_is_folded_between_encoded_words(name: str) -> None:
    # The newer parser of older Pythons puts blanks between the words of a name, so the older one.
    header = email.message_from_bytes(assembled(recipient=Address(name=name, email="a@b.example")))
    assert str(make_header(decode_header(header["To"]))) == f"{name} <a@b.example>"


@pytest.mark.parametrize(
    "address",
    [
        *("", "a", "@b.example", "a@", "a@b@c.example", "a@b.example,c@d.example", "a b@c.example"),
        *("a@b.example\n", "a@b.example\r\nBcc: x@y.example", "\na@b.example", "a@b.example\x00"),
        *("<a@b.example>", "Ana <a@b.example>", "a@b.example>", "a;b@c.example", "a@b.example;"),
        *(".a@b.example", "a.@b.example", "a..b@c.example", "a@.b.example", "a@b..example"),
        *("a@-b.example", "a@b-.example", "a@[127.0.0.1]", '"a b"@c.example', "a(b)@c.example"),
        *(
            "a@büro.example",
            "a" * 65 + "@b.example",
            "a@" + "b." * 130 + "example",
            "a\\@b.example",
        ),
        *(
            "a@b.example ",
            " a@b.example",
            "a\u2028@b.example",
            "a\u00a0@b.example",
            "a:b@c.example",
        ),
    ],
)
def test_what_is_not_exactly_one_address_is_refused(address: str) -> None:
    with pytest.raises(RenderError, match="not exactly one address"):
        checked_address(address)
    for place in (
        {"recipient": Address(name="", email=address)},
        {"sender": Address(name="", email=address)},
        {"reply_to": address or "-"},
    ):
        with pytest.raises(RenderError):
            assembled(**place)


def test_an_address_beyond_ascii_is_one_address_for_servers_that_take_it() -> None:
    content = assembled(recipient=Address(name="", email="müller@b.example"))
    assert "To: müller@b.example\r\n".encode() in content


@pytest.mark.parametrize(
    "bad", ["\r", "\n", "\x00", "\x1b", "\x7f", "\r\nBcc: x@y.example", "\ud800"]
)
def test_control_characters_are_refused_wherever_they_stand(bad: str) -> None:
    for changes in (
        {"subject": f"a{bad}b"},
        {"recipient": Address(name=f"a{bad}b", email="a@b.example")},
        {"sender": Address(name=f"a{bad}b", email="a@b.example")},
        {"headers": (("X-Test", f"a{bad}b"),)},
        {"headers": ((f"X{bad}Test", "a"),)},
    ):
        with pytest.raises(RenderError):
            assembled(**changes)


@pytest.mark.parametrize(
    "name",
    [
        *("From", "to", "CC", "Bcc", "Subject", "Date", "Message-ID", "Content-Type", "Reply-To"),
        *("", "X Test", "X:Test", "Ü", "X" * 77),
    ],
)
def test_a_header_that_is_the_assemblers_own_or_none_is_refused(name: str) -> None:
    with pytest.raises(RenderError, match="is not a header"):
        assembled(headers=((name, "a"),))


def test_a_header_that_cannot_be_folded_is_refused() -> None:
    with pytest.raises(RenderError, match="cannot be folded"):
        assembled(headers=(("X-Test", "a" * 1_000),))


def test_a_header_beyond_ascii_is_encoded() -> None:
    assert parsed(assembled(headers=(("X-Test", "für " * 40),)))["X-Test"] == "für " * 40


@pytest.mark.parametrize("uid", ["", "a b", "a@b", "a\r\n", "ä", "a" * 61])
def test_a_uid_that_cannot_be_in_a_message_id_is_refused(uid: str) -> None:
    with pytest.raises(RenderError, match="Message-ID"):
        to_bytes(replace(MESSAGE, uid=uid))


def test_a_date_without_a_zone_is_refused() -> None:
    with pytest.raises(RenderError, match="time zone"):
        to_bytes(replace(MESSAGE, planned_at=datetime(2026, 3, 5)))  # noqa: DTZ001 (the mistake)


@pytest.mark.parametrize("part", ["text", "html"])
def test_half_a_character_in_a_part_is_refused(part: str) -> None:
    with pytest.raises(RenderError, match="half a character"):
        assembled(**{part: "\ud800"})


def test_days_and_months_are_english() -> None:
    for month in range(1, 13):
        at = datetime(2026, month, 10, tzinfo=UTC)
        date = parsed(to_bytes(replace(MESSAGE, planned_at=at)))["Date"]
        assert date.datetime == at
        assert date == format_datetime(at)
