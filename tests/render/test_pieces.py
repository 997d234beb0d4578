"""A mail cut where values stand: the cut adds up, and the shared part is the same for everybody."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from nurture.core.message import Pieces, RenderedMail
from nurture.core.project import Template
from nurture.render.mail import compile_mail, render_mail
from nurture.render.pieces import Cutter, cutter
from tests.render.mails import ENVELOPE, MAIL, PARTIALS, VALUES, page

BODY = (
    "<p>Hello {{ lead.first_name|default('there', true) }},</p>"
    "{% if account.name %}<p>At {{ account.name }} air leaks.</p>{% endif %}"
    '<p><a href="https://www.havelock-air.example/guide?a=1&amp;b=2">The guide</a>, <a'
    ' href="https://www.havelock-air.example/book?for={{ lead.email|urlencode }}">a talk</a>.</p>'
    '<table><tbody>{% include "_footer.html" %}</tbody></table>'
)
SIMPLE = replace(MAIL, html=page(BODY), preheader="For {{ lead.first_name }}")
WRITTEN = (
    "Hello {{ lead.first_name }}!\n{% if account.name %}At {{ account.name }}.{% endif %}\n"
    "https://www.havelock-air.example/guide?a=1&b=2\nLeave: {{ unsubscribe_url }}\n"
)
HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *("<", ">", '"', "&", "\n", "\x00", "\x10", "\x11", "\x1c", "é", "  ", "\xa0"),
                *("[%", "%]", "%name%", "-->", "{{ 7 }}", "https://evil.example/", "</p>"),
            ]
        ),
        st.text(max_size=5),
    ),
    max_size=5,
).map("".join)


def made(template: Template) -> Cutter:
    found = cutter(compile_mail(template, PARTIALS))
    assert found is not None
    return found


def link_url(uid: str, number: int) -> str:
    return f"https://n.example/c/{uid}/{number}?x=1&y=2"


def one(
    cuts: Cutter, uid: str, first_name: str, email: str, company: str
) -> tuple[RenderedMail, Pieces | None]:
    values = {
        **VALUES,
        "lead": {"first_name": first_name, "email": email},
        "account": {"name": company},
        "unsubscribe_url": f"https://n.example/u/{uid}?x=1&y=2",
    }
    mail = render_mail(
        cuts.template, values, envelope=ENVELOPE, link_url=lambda n: link_url(uid, n)
    )
    return mail, cuts.cut(mail, values, link_url=lambda n: link_url(uid, n))


DERIVED, OWN = made(SIMPLE), made(replace(SIMPLE, text=WRITTEN))


@given(name=HOSTILE, email=HOSTILE, company=HOSTILE)
def test_a_cut_adds_up_for_any_lead_and_values_are_all_that_differs(
    name: str, email: str, company: str
) -> None:
    for cuts in (DERIVED, OWN):
        mail, pieces = one(cuts, "u1", f"A{name}", f"a{email}", f"C{company}")
        _, plain = one(cuts, "u2", "Ada", "ada@b.example", "Berg")
        assert plain is not None
        if pieces is None:
            # White space runs together with what stands around it: such a mail goes alone.
            given = (name, email, company)
            assert any(not e.isprintable() or " ".join(e.split()) != e for e in given)
            continue
        assert ("".join(pieces.html), "".join(pieces.text)) == (mail.html, mail.text)
        assert (pieces.html[::2], pieces.text[::2]) == (plain.html[::2], plain.text[::2])


def test_links_of_a_message_are_values() -> None:
    for cuts in (DERIVED, OWN):
        _, pieces = one(cuts, "u1", "Ada", "ada@b.example", "Berg")
        assert pieces is not None
        assert not any("u1" in shared for shared in (*pieces.html[::2], *pieces.text[::2]))
        assert any("u1" in value for value in pieces.text[1::2])


def test_another_branch_is_another_shared_part() -> None:
    _, known = one(DERIVED, "u1", "Ada", "ada@b.example", "Berg")
    _, unknown = one(DERIVED, "u2", "Ada", "ada@b.example", "")
    assert known is not None
    assert unknown is not None
    assert known.html[::2] != unknown.html[::2]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("{% for x in lead.interests %}<p>{{ x }}</p>{% endfor %}", id="a loop"),
        pytest.param("<p>{% set x = lead.email %}{{ x }}</p>", id="a variable"),
        pytest.param("<p>Not closed {{ lead.email }}", id="what cannot be folded"),
    ],
)
def test_what_could_depend_on_a_lead_unseen_is_not_cut(body: str) -> None:
    assert cutter(compile_mail(replace(SIMPLE, html=page(body)), PARTIALS)) is None


def test_a_line_under_a_heading_as_long_as_a_name_keeps_a_mail_alone() -> None:
    cuts = made(replace(SIMPLE, html=page("<h1>Hello {{ lead.first_name }}</h1>")))
    assert one(cuts, "u1", "Ada", "ada@b.example", "")[1] is None
