"""What the doctor says of a mail of ours that has arrived somewhere."""

from __future__ import annotations

from collections.abc import Sequence

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, strategies as st

from nurture.core.errors import MisuseError
from nurture.engine.deliverability import Grade
from nurture.engine.received_copy import MOST_READ, judge_received

MAIL = """From: "Ingrid, not x@other.example" <ingrid@mail.havelock-air.example>
To: Ada <ada@freemail.example>
Subject: Your leak guide
Date: Tue, 01 Sep 2026 08:00:00 +0000
List-Unsubscribe: <https://n.havelock-air.example/u/a-token>,
 <mailto:ingrid@havelock-air.example?subject=unsubscribe>
List-Unsubscribe-Post: List-Unsubscribe=One-Click

Hello
""".replace("\n", "\r\n")
COVERED = ("from", "to", "subject", "date", "list-unsubscribe", "list-unsubscribe-post")
SIGNED = "d=mail.havelock-air.example"
SAYS = (
    "Authentication-Results: mx.freemail.example;\r\n"
    " dkim=pass header.i=@mail.havelock-air.example header.s=s1;\r\n"
    " dkim=fail (key (gone; long ago)) header.d=relay.example;\r\n"
    " spf=pass (it designates 192.0.2.1) smtp.mailfrom=b@em.havelock-air.example;\r\n"
    " dmarc=pass (p=NONE dis=NONE) header.from=mail.havelock-air.example\r\n"
)


def signature(covers: Sequence[str] = COVERED, domain: str = SIGNED) -> str:
    """Return a signature as it stands in a header, its names folded over lines."""
    names = ":\r\n ".join(covers)
    return f"DKIM-Signature: v=1; a=rsa-sha256; {domain}; s=s1;\r\n h={names}; bh=x; b=y\r\n"


def told(mail: str | bytes) -> dict[str, list[tuple[Grade, str]]]:
    """Return what is said of the mail, by name."""
    raw = mail.encode() if isinstance(mail, str) else mail
    found: dict[str, list[tuple[Grade, str]]] = {}
    for one in judge_received(raw):
        assert one.remedy or one.grade is Grade.OK, "nothing is said about what to do"
        found.setdefault(one.name, []).append((one.grade, one.what))
    return found


def test_a_mail_that_dkimpy_signed_is_as_it_should_be() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signed = dkim.sign(
        MAIL.encode(),
        selector=b"s1",
        domain=b"mail.havelock-air.example",
        privkey=key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        include_headers=[name.encode() for name in COVERED],
    )
    found = told(SAYS.encode() + signed + MAIL.encode())
    read = found.pop("received")
    assert [(grade, "no signature was tried" in what) for grade, what in read] == [
        (Grade.NOTE, True)
    ]
    assert {grade for said in found.values() for grade, _ in said} == {Grade.OK}
    assert found == {
        "from": [(Grade.OK, "the mail is from mail.havelock-air.example")],
        "one-click": [(Grade.OK, "one https address and the promise of one click have arrived")],
        "signature": [
            (Grade.OK, "it is signed for mail.havelock-air.example, the domain of From"),
            (Grade.OK, "h= covers both headers for one click"),
            (Grade.OK, "h= covers From, Subject, Date, To"),
        ],
        "dkim": [(Grade.OK, "mx.freemail.example says pass")],
        "spf": [(Grade.OK, "mx.freemail.example says pass")],
        "dmarc": [(Grade.OK, "mx.freemail.example says pass")],
    }


@pytest.mark.parametrize(
    ("signatures", "says"),
    [
        ("", "the mail has no DKIM signature"),
        (signature(domain="d=sendgrid.example"), "it is signed for sendgrid.example, which is no"),
        (signature(domain="x"), "it is signed for nobody"),
        (signature(COVERED[:5]), "h= does not cover List-Unsubscribe-Post, as"),
        (signature(COVERED[:4]), "h= does not cover List-Unsubscribe and List-Unsubscribe-Post"),
        (signature(COVERED[1:]), "h= does not cover From: "),
        # Two that do half of it are no one that does all of it.
        (
            signature((*COVERED[:4], COVERED[4])) + signature((*COVERED[:4], COVERED[5])),
            "h= does not cover List-Unsubscribe",
        ),
    ],
)
def test_what_is_wrong_with_a_signature_is_a_problem(signatures: str, says: str) -> None:
    problems = [what for grade, what in told(signatures + MAIL)["signature"] if grade != "ok"]
    assert len(problems) == 1
    assert problems[0].startswith(says)


def test_a_second_signature_that_is_ours_is_the_one_that_counts() -> None:
    others = signature(("from",), "d=sendgrid.example") + signature(("from",))
    ours = signature(domain="d=Havelock-Air.example.")
    found = told(others + ours + MAIL)["signature"]
    assert found[0] == (Grade.OK, "it is signed for havelock-air.example, a relative of From")
    assert {grade for grade, _ in found} == {Grade.OK}


def test_what_readers_go_by_and_is_not_signed_is_noted() -> None:
    found = told(signature(("from", "date", *COVERED[4:])) + MAIL)["signature"]
    assert found[-1] == (
        Grade.NOTE,
        "h= does not cover Subject, To: these can be changed unseen",
    )


def test_a_header_that_is_there_twice_has_to_be_signed_twice() -> None:
    twice = MAIL.replace("Subject:", "Subject: Another\r\nSubject:")
    assert told(signature() + twice)["signature"][-1][0] is Grade.NOTE
    assert told(signature((*COVERED, "subject")) + twice)["signature"][-1][0] is Grade.OK


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("<https://", "<http://", "List-Unsubscribe names 0 https addresses"),
        (",\r\n <mailto:", ",\r\n <https://b.example/>, <mailto:", "names 2 https addresses"),
        ("List-Unsubscribe: ", "X-Was: ", "List-Unsubscribe names 0 https addresses"),
        ("=One-Click", "=One-click-or-two", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"),
        ("To: ", "List-Unsubscribe: <https://t.example/>\r\nTo: ", "has 2 List-Unsubscribe and 1"),
    ],
)
def test_one_click_has_to_arrive_as_it_left(old: str, new: str, says: str) -> None:
    ((grade, what),) = told(MAIL.replace(old, new, 1))["one-click"]
    assert grade is Grade.PROBLEM
    assert says in what


@pytest.mark.parametrize(
    ("results", "grades"),
    [
        ("a.example; dkim=none; spf=softfail; dmarc=fail", ["problem"] * 3),
        ("a.example; spf=pass smtp.helo=x", ["note", "ok", "note"]),
        ("a.example; dkim=temperror; spf=none; dmarc=pass", ["note", "problem", "ok"]),
        # Another's signature passes: that is not about us.
        ("a.example; dkim=pass header.d=relay.example; spf=pass; dmarc=pass", ["note", "ok", "ok"]),
    ],
)
def test_what_the_receiver_found_is_told_as_its_word(results: str, grades: list[str]) -> None:
    found = told(f"Authentication-Results: {results}\r\n{MAIL}")
    assert [found[method][0][0] for method in ("dkim", "spf", "dmarc")] == grades
    assert all(found[method][0][1].startswith("a.example says ") for method in ("dkim", "spf"))


def test_only_the_topmost_receiver_is_asked() -> None:
    first = "Authentication-Results: mx.a.example; dkim=fail\r\n"
    more = "Authentication-Results: mx.a.example; dmarc=fail\r\n"
    forged = "Authentication-Results: mx.b.example; dkim=pass; spf=pass; dmarc=pass\r\n"
    found = told(first + more + forged + forged.replace(".b.", ".a.") + MAIL)
    assert [found[each][0][0] for each in ("dkim", "spf", "dmarc")] == [
        "problem",
        "note",
        "problem",
    ]


def test_a_receiver_that_does_not_name_itself_is_heard() -> None:
    # So do Microsoft's mailboxes.
    says = "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=a.example; dkim=pass; dmarc=pass"
    found = told(f"Authentication-Results: {says}\r\n{MAIL}")
    assert [found[each][0][1] for each in ("dkim", "spf", "dmarc")] == [
        "the receiver says pass"
    ] * 3


def test_a_copy_that_says_nothing_of_its_receiver_is_noted() -> None:
    ((grade, what),) = told(MAIL)["results"]
    assert (grade, what.startswith("no receiver says")) == (Grade.NOTE, True)


@pytest.mark.parametrize(
    "sender",
    [
        "a@b.example, c@d.example",
        "<a@b.example> <c@d.example>",
        "a@b.example\r\nFrom: c@d.example",
        "nobody",
        "a@b\x1b[31m.example",
        "(" * 5000 + "a@",
        "",
    ],
)
def test_nothing_can_be_aligned_with_a_sender_that_is_not_one(sender: str) -> None:
    found = told(f"From: {sender}\r\n{SAYS}\r\n\r\nhello")
    assert [(grade, len(found)) for grade, _ in found["from"]] == [(Grade.PROBLEM, 2)]


@pytest.mark.parametrize("content", [b"", b"hello", b"\xd0\xcf\x11\xe0" * 99])
def test_what_is_no_mail_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(MisuseError, match="save its source as"):
        told(content)


def test_no_more_is_read_than_headers_are_long() -> None:
    assert told(MAIL.encode() + b"x" * 2 * MOST_READ)
    with pytest.raises(MisuseError, match="do not end within"):
        told(b"From: a@b.example\r\nX: " + b"x" * MOST_READ)


NAMES = st.sampled_from(
    [
        "From",
        "DKIM-Signature",
        "Authentication-Results",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
    ]
)
PIECES = st.sampled_from(
    [
        *'<>()@;:=,"\\\r\n \x00\x1b',
        "d=",
        "h=",
        "dkim=",
        "header.d=",
        "a.example",
        "\udcff",
        "é",
        "xn--",
    ]
)


@given(st.lists(st.tuples(NAMES, st.lists(PIECES, max_size=12).map("".join)), max_size=6))
def test_no_mail_makes_it_fail_and_none_is_repeated(headers: list[tuple[str, str]]) -> None:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    raw = f"{lines}From: secret@b.example\r\n\r\n".encode("utf-8", "surrogateescape")
    try:
        said = " ".join(each.what + each.remedy for each in judge_received(raw))
    except MisuseError as error:
        said = str(error)
    assert "secret" not in said
    assert said.isprintable()
