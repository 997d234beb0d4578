"""A mail written in MJML is rendered like any other, and folded like any other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given

from nurture.project.mjml import compile_mjml
from nurture.render.environment import lint
from nurture.render.mail import MailTemplate, compile_mail, render_mail
from tests.render.mails import ALLOWED, ENVELOPE, MAIL, PARTIALS, VALUES, link_url
from tests.render.test_fold import HOSTILE, both

PAGE = compile_mjml((Path(__file__).parent / "guide.mjml").read_text(encoding="utf-8")).html
IN_MJML: MailTemplate = compile_mail(replace(MAIL, html=PAGE), PARTIALS, allowed=ALLOWED)


def test_the_page_breaks_no_rule_of_mails() -> None:
    assert lint(PAGE, "guide.html", ALLOWED) == []


@given(first_name=HOSTILE, email=HOSTILE, company=HOSTILE)
def test_folded_it_gives_the_same_bytes_for_any_lead(
    first_name: str, email: str, company: str
) -> None:
    lead = {"first_name": first_name, "email": email, "interests": [company, email]}
    for power in ("", 74, 75.5):
        values = {**VALUES, "lead": lead, "account": {"name": company, "compressor_kw": power}}
        one, other = both(IN_MJML, values)
        assert one == other


def test_text_links_and_the_layout_for_phones_come_through() -> None:
    mail = render_mail(IN_MJML, VALUES, envelope=ENVELOPE, link_url=link_url)
    assert mail.text.split("\n\n")[:5] == [
        "Your leak guide, Ana",
        "Air is the most expensive energy in your plant at Friesland Dairy.",
        "1. 1: savings\n2. 2: noise",
        "A tenth of it leaks.",
        "Book a walk-through: https://n.example/c/0?t=1&u=2",
    ]
    assert mail.links == (
        "https://www.havelock-air.example/book?email=ana%40example.com",
        "https://www.havelock-air.example/cases?a=1&b=2",
        "https://www.havelock-air.example",
    )
    assert "@media only screen and (min-width:480px)" in mail.html
    assert "@media (max-width: 480px)" in mail.html
    assert 'alt="A &quot;sensor&quot; for Friesland Dairy"' in mail.html


def test_the_preheader_stands_first_in_it() -> None:
    mail = render_mail(IN_MJML, VALUES, envelope=ENVELOPE, link_url=link_url)
    body = mail.html.partition("<body")[2].partition(">")[2]
    assert body.startswith("<div style=")
    assert "Ten minutes to read, Ana" in body[:300]
