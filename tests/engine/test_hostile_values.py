"""Ten thousand hostile names, companies and subjects, each on its way from a lead to the wire."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Iterator
from dataclasses import replace
from email.header import decode_header, make_header
from email.message import Message as Parsed
from email.utils import getaddresses
from itertools import islice
from random import Random
from urllib.parse import quote

import pytest
from selectolax.lexbor import LexborHTMLParser

from nurture.core.errors import RenderError
from nurture.core.lead import Lead
from nurture.core.message import Message, MessageState, OutgoingMessage
from nurture.core.project import Project, Template
from nurture.engine.mailroom import Mailroom, addressed_to
from nurture.engine.samples import sample_lead
from nurture.engine.values import template_values
from nurture.render.environment import plain
from nurture.render.filters import MAX_TEXT
from nurture.render.mail import MAX_NAME, MAX_SUBJECT
from nurture.render.mime import to_bytes
from nurture.transports.sendgrid_payload import broken_limit, encode, payload
from tests.engine.programme import SECRETS, TUESDAY, starter

HOW_MANY = 10_000
Told = tuple[str, str, str]
NAME, COMPANY, SUBJECT = "Firstname", "Thecompany", "Thesubject"
"""What a benign lead has, where a hostile one has something else."""

HEADERS = [
    *("From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe"),
    *("List-Unsubscribe-Post", "List-ID", "Feedback-ID", "MIME-Version", "Content-Type"),
]

MAIL = Template(
    name="guide-delivery",
    version="hostile",
    subject="About {{ lead.job_title }}",
    preheader="For {{ lead.first_name }}",
    html=(
        "<html><head><title>{{ account.name }}</title><style>p { color: red }</style></head>"
        '<body><p title="{{ account.name }}">Hello {{ lead.first_name }} at {{ account.name }},'
        " about {{ lead.job_title }}.</p>"
        '<p><a href="https://www.havelock-air.example/?q={{ account.name|urlencode }}">Read</a>'
        ' <img src="https://www.havelock-air.example/a.png" alt="{{ lead.first_name }}"></p>'
        "<ol><li>{{ lead.first_name }}</li></ol>"
        '<p>{{ company.postal_address }} <a href="{{ unsubscribe_url }}">Stop</a></p></body></html>'
    ),
    text="",
    topic="guides",
    buyer_step="exploring",
)

PIECES = (
    # Headers, and what could end one.
    *("\r\nBcc: x@evil.example", "\nSubject: x", "\r\n\r\n<p>body", "\r\n.\r\n"),
    *("\r\nMAIL FROM:<>", "\n.\n", "\r", "\n", ".", "..", "\x00", "\x1b[2J", "\x7f", "\x85"),
    *("\x0b\x0c", "\u2028", "\u2029"),
    "\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x",
    # Addresses, and what could make a second one.
    *("<x@evil.example>", ", x@evil.example", "; x@evil.example", "x@evil.example", "Ana <", ">,"),
    *("Group: a@b.example, c@d.example;", "(comment)", "\\", '"', '\\"', "'", "@", ":", ",", ";"),
    # Encoded words, good and broken.
    *("=?utf-8?q?=0D=0ABcc:_x=40evil.example?=", "=?utf-8?b?DQpCY2M6IHhAZXZpbC5leGFtcGxl?="),
    *("=?utf-8?q?", "?=", "=?x?x?x?=", "=?iso-2022-jp?b?GyRC?=", "=0D=0A", "%0d%0aBcc:", "=?"),
    # Right to left, invisible, halves, combining, large.
    *("\u202egnp.exe", "\u2066", "\u200b", "\u200d", "\ufeff", "\ud800", "\udfff", "\ufffe", "é"),
    *("a\u0301\u0302\u0303\u0304", "Ä" * 30, "漢字", "😀", "👩\u200d👩\u200d👧"),
    *("ﷺ", "\U0001d54f", "\xa0", "ß", "İ"),
    # HTML, in text and in attributes.
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</p></td></body></html>"),
    *("<!--", "-->", "]]>", "<b>", "</title>", "&lt;", "&amp", "&#0;", "javascript:alert(1)", "<"),
    *('" onclick="x', "<a href=https://evil.example/>", "https://evil.example/", "' style='x", "&"),
    # Jinja2.
    *("{{ 7*7 }}", "{% if x %}", "{{ lead.email }}", "{# x #}", "{{''.__class__}}", "}}"),
    # What a spreadsheet, a shell or a database would make something of.
    *("=1+1", "$(id)", "`id`", "'; DROP TABLE leads; --", "%s%s%n", "${NURTURE_SECRET}", "-"),
    # Marks of our own text part, tokens of the fold, boundaries.
    *("\x01\x02\x03", "\x08\x0e", "--=_0123", "- ", "1. ", "----", "\t", "  ", " "),
)  # fmt: skip


def values(seed: int) -> Iterator[Told]:
    """Yield names, companies and subjects; one in a hundred is ten thousand bytes long."""
    random = Random(seed)

    def one() -> str:
        text = "".join(random.choices(PIECES, k=random.randint(1, 5)))
        if random.random() < 0.25:
            text += "".join(chr(random.randint(1, 0xFFFF)) for _ in range(random.randint(1, 8)))
        return (text * 10_000)[:10_000] if random.random() < 0.01 else text

    for _ in range(HOW_MANY):
        yield one(), one(), one()


def project() -> Project:
    base = starter()
    workspace = replace(base.workspace, public_url="https://nurture.havelock-air.example")
    return replace(
        base,
        workspace=workspace,
        templates={**base.templates, MAIL.name: MAIL},
        content_hash="hostile values",
    )


PROJECT = project()
MAILROOM = Mailroom(secrets=SECRETS)
SAMPLE = sample_lead(PROJECT, now=TUESDAY)


def lead(name: str, company: str, subject: str) -> Lead:
    profile = {**SAMPLE.profile, "first_name": name, "last_name": "", "job_title": subject}
    return replace(SAMPLE, profile=profile, account={**SAMPLE.account, "name": company})


def outgoing(person: Lead) -> OutgoingMessage:
    message = Message(
        id=1,
        uid="a" * 32,
        lead_id=1,
        enrollment_id=1,
        release_id=1,
        sequence="welcome",
        step="guide",
        template=MAIL.name,
        topic="guides",
        window="any-time",
        form="",
        slots=template_values(PROJECT, person, now=TUESDAY),
        state=MessageState.READY,
        tries=0,
        epoch=0,
        not_before=TUESDAY,
        expires_at=None,
        planned_at=TUESDAY,
    )
    return MAILROOM.outgoing(PROJECT, message, addressed_to(person))


BENIGN = outgoing(lead(NAME, COMPANY, SUBJECT))


def line(text: str, longest: int) -> str:
    """Return what a header shows of a value: one line, and not too much of it."""
    words = " ".join(plain(text).split())
    return words if len(words) <= longest else f"{words[: longest - 3]}..."


def words(text: str) -> str:
    return " ".join(text.split())


def filled(text: str, name: str, company: str, subject: str) -> str:
    """Put the hostile values where the benign ones stand, as plain text."""
    for token, value in ((NAME, name), (COMPANY, company), (SUBJECT, subject)):
        text = text.replace(token, plain(value))
    return words(text)


def body(parsed: Parsed, kind: str) -> str:
    for part in parsed.walk():
        if part.get_content_type() == kind:
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            return content.decode().replace("\r\n", "\n")
    raise AssertionError(kind)


def tree(html: str) -> tuple[list[tuple[str, tuple[str, ...]]], str]:
    """Return tags with the names of their attributes, and the text."""
    parser = LexborHTMLParser(html)
    root = parser.root
    assert root is not None
    tags = [
        (str(node.tag), tuple(sorted(node.attributes)))
        for node in root.traverse(include_text=False)
        if not node.is_comment_node
    ]
    assert parser.body is not None
    return tags, words(parser.body.text() or "")


BENIGN_TREE, BENIGN_WORDS = tree(BENIGN.mail.html)
MEANT = json.loads(encode(payload(BENIGN)))


def wrong_on_the_wire(content: bytes, sent: OutgoingMessage, told: Told) -> str:
    """Return what a mail server or reader would see that was not meant, or nothing."""
    name, company, subject = told
    parsed = email.message_from_bytes(content)
    if parsed.keys() != HEADERS:
        return f"headers {parsed.keys()}"
    if any(part.defects for part in parsed.walk()):
        return "defects"
    people = getaddresses([str(parsed["To"])])
    if [address for _, address in people] != [SAMPLE.email]:
        return f"recipients {people}"
    shown = line(f"About {plain(subject)}", MAX_SUBJECT)
    for written, meant in (
        (str(parsed["Subject"]).replace("\r\n", ""), shown),
        (people[0][0], sent.mail.recipient.name),
    ):
        decoded = str(make_header(decode_header(written)))
        if words(decoded) != words(meant):
            return f"{decoded!r} instead of {meant!r}"
    if sent.mail.recipient.name != line(name, MAX_NAME):
        return f"name {sent.mail.recipient.name!r}"
    if words(body(parsed, "text/plain")) != filled(BENIGN.mail.text, name, company, subject):
        return "text"
    tags, text = tree(body(parsed, "text/html"))
    if tags != BENIGN_TREE:
        return "tags"
    if text != filled(BENIGN_WORDS, name, company, subject):
        return "words of the HTML"
    if any(begin in content for begin in (b"\r\n.", b"\n\n", b"\r\r")) or b"\0" in content:
        return "a line that SMTP would read otherwise"
    return ""


def wrong_at_sendgrid(sent: OutgoingMessage, subject: str) -> str:
    """Return what SendGrid would be told that was not meant, or nothing."""
    told = json.loads(encode(payload(sent)))
    (person,) = told["personalizations"]
    (other,) = MEANT["personalizations"]
    if broken_limit(sent):
        return broken_limit(sent)
    if [to["email"] for to in person["to"]] != [SAMPLE.email] or person.keys() != other.keys():
        return "recipients"
    if person["headers"] != other["headers"] or person["custom_args"] != other["custom_args"]:
        return "headers"
    name = person["to"][0].get("name", "")
    if not plain(name) == name == words(name) or set(name) & set(",;"):
        return f"name {name!r}"
    if told["subject"] != line(f"About {plain(subject)}", MAX_SUBJECT):
        return "subject"
    same = MEANT.keys() - {"personalizations", "subject", "content"}
    return "" if all(told[key] == MEANT[key] for key in same) else "settings"


def mailed(*, each: int = 1) -> Iterator[tuple[Told, OutgoingMessage]]:
    """Yield what can be mailed; what cannot must have a reason for it."""
    for told in islice(values(seed=4), 0, None, each):
        try:
            yield told, outgoing(lead(*told))
        except RenderError as error:
            too_long = len(quote(plain(told[1]), safe="")) > MAX_TEXT
            if not (too_long and "grew beyond" in str(error)):
                raise


def test_hostile_values_stay_text_on_every_way_out() -> None:
    wrong = []
    count = 0
    for told, sent in mailed():
        count += 1
        content = to_bytes(sent)
        found = wrong_on_the_wire(content, sent, told) or wrong_at_sendgrid(sent, told[2])
        if found:
            wrong.append((found, told))
    assert wrong[:3] == []
    assert count > 0.99 * HOW_MANY


def test_the_newer_parser_of_the_standard_library_agrees() -> None:
    for told, sent in mailed(each=100):
        parsed = email.message_from_bytes(to_bytes(sent), policy=email.policy.default)
        assert parsed.keys() == HEADERS
        (person,) = parsed["To"].addresses
        assert person.addr_spec == SAMPLE.email
        assert words(parsed["Subject"]) == words(sent.mail.subject), told


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_value_that_is_beyond_reason_fails_that_mail_with_a_reason(at: int) -> None:
    told = [NAME, COMPANY, SUBJECT]
    told[at] = "x" * (MAX_TEXT + 1)
    with pytest.raises(RenderError, match=f"longer than {MAX_TEXT} characters"):
        outgoing(lead(*told))
