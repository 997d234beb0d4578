from __future__ import annotations

from dataclasses import replace

import pytest

from nurture.core.errors import RenderError
from nurture.core.message import RenderedMail
from nurture.core.project import Template
from nurture.render.mail import MAX_SUBJECT, compile_mail, render_mail
from tests.render.mails import (
    ENVELOPE,
    MAIL,
    PARTIALS,
    VALUES,
    link_url,
    mail_of,
    page,
)


def render(template: Template = MAIL, **values: object) -> RenderedMail:
    compiled = compile_mail(template, PARTIALS)
    return render_mail(compiled, {**VALUES, **values}, envelope=ENVELOPE, link_url=link_url)


def test_a_mail_carries_what_its_envelope_says() -> None:
    mail = render()
    assert (mail.sender, mail.recipient) == (ENVELOPE.sender, ENVELOPE.recipient)
    assert (mail.reply_to, mail.headers) == (ENVELOPE.reply_to, ())
    assert mail.subject == "Your leak guide, Ana"


def test_the_compiled_mail_keeps_its_name_and_version() -> None:
    compiled = compile_mail(MAIL, PARTIALS)
    assert (compiled.name, compiled.version) == ("guide-delivery", "version-1")


def test_styles_are_inlined_and_kept_for_small_screens() -> None:
    html = render().html
    assert '<td class="small"><p style="' in html
    assert "@media (max-width: 600px)" in html


def test_links_are_redirected_in_order_of_appearance_and_acting_ones_are_not() -> None:
    mail = render()
    assert mail.links == (
        "https://www.havelock-air.example/guide?a=1&b=2",
        "https://www.havelock-air.example/cases",
        "https://www.havelock-air.example/book?email=ana%40example.com",
        "https://www.havelock-air.example",
    )
    for number in range(4):
        assert f'href="https://n.example/c/{number}?t=1&amp;u=2"' in mail.html
        assert f": {link_url(number)}" in mail.text
    assert 'href="https://n.example/u/t?x=1&amp;y=2"' in mail.html
    assert 'href="mailto:ingrid@mail.havelock-air.example"' in mail.html
    assert 'src="https://www.havelock-air.example/s.png"' in mail.html


def test_a_link_that_comes_twice_has_one_number() -> None:
    body = '<p><a href="https://a.example/">1</a><a href="https://a.example/ ">2</a></p>'
    mail = render(mail_of(page(body)))
    assert mail.links == ("https://a.example/",)
    assert mail.html.count('href="https://n.example/c/0?t=1&amp;u=2"') == 2


@pytest.mark.parametrize(
    "body",
    [
        '<!--[if mso]><a href="https://a.example/">x</a><![endif]-->',
        '<style>/* <a href="https://a.example/"> */</style>',
        '<img src="https://a.example/"><link href="https://a.example/">',
        '<a href="#top">x</a><a href="tel:+49">x</a><a name="x">x</a>',
    ],
)
def test_what_is_no_link_is_left_alone(body: str) -> None:
    assert render(mail_of(page(body))).links == ()


def test_the_preheader_comes_first_and_is_hidden() -> None:
    html = render().html
    body = html.partition("<body")[2].partition(">")[2]
    assert body.startswith('<div style="display:none;')
    assert "Ten minutes to read, Ana" in body
    assert "Ten minutes" not in render().text


@pytest.mark.parametrize(
    ("html", "begins"),
    [
        pytest.param("<p>a</p>", "<body><div ", id="no body: at the top"),
        pytest.param(
            "{% include '_top.html' %}<p>a</p></body>",
            '<body class="x > y"><div ',
            id="in a partial",
        ),
        pytest.param(
            "<body title='{{ lead.first_name }}'>a</body>",
            '<body title="Ana"><div ',
            id="a value in it",
        ),
    ],
)
def test_the_preheader_finds_its_place(html: str, begins: str) -> None:
    template = replace(mail_of(html), preheader="{% if true %}Soon{% endif %}")
    compiled = compile_mail(template, {"_top.html": '{% set a = 1 %}<body class="x > y">'})
    mail = render_mail(compiled, VALUES, envelope=ENVELOPE, link_url=link_url)
    assert begins in mail.html
    assert mail.html.count("Soon") == 1


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("Ana\r\nBcc: x@y.example", "Hi Ana Bcc: x@y.example"),
        ("Ana\u2028\x85\x00\tB", "Hi Ana B"),
        ("", "Hi"),
        ("<Ana>", "Hi <Ana>"),
        ("a" * 400, "Hi " + "a" * (MAX_SUBJECT - 6) + "..."),
    ],
)
def test_a_subject_is_one_line_of_text(name: str, subject: str) -> None:
    template = mail_of(page("x"), subject="Hi {{ lead.first_name }}")
    assert render(template, lead={"first_name": name}).subject == subject


def test_a_mail_without_a_subject_is_an_error() -> None:
    template = mail_of(page("x"), subject="{{ lead.first_name }}")
    with pytest.raises(RenderError, match="guide-delivery: the subject is empty"):
        render(template, lead={"first_name": " \n"})


def test_a_written_text_part_wins_and_shares_the_redirects() -> None:
    text = (
        "Hello {{ lead.first_name }},\n\nread https://a.example/guide?a=1&b=2.\n"
        "(https://a.example/guide?a=1&b=2), {{ account.name }}\n{{ unsubscribe_url }}\n"
    )
    html = page('<a href="https://a.example/guide?a=1&amp;b=2">x</a>')
    mail = render(mail_of(html, text=text), account={"name": "https://evil.example/"})
    assert mail.text == (
        "Hello Ana,\n\nread https://n.example/c/0?t=1&u=2.\n"
        "(https://n.example/c/0?t=1&u=2), https://evil.example/\n"
        "https://n.example/u/t?x=1&y=2\n"
    )
    assert mail.links == ("https://a.example/guide?a=1&b=2",)


def test_an_error_names_the_template_and_line() -> None:
    template = mail_of("<p>\n{{ lead.interests|date }}</p>")
    with pytest.raises(RenderError, match=r"guide-delivery\.html:2: "):
        render(template, lead={"interests": 7 * [["a"]]})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"subject": "{{ x() }}"}, r"guide-delivery subject\.txt:1: a call"),
        ({"preheader": "{{ x() }}"}, "guide-delivery preheader:1: a call"),
        ({"html": "{{ x() }}"}, r"guide-delivery\.html:1: a call"),
        ({"text": "{{ x() }}"}, r"guide-delivery\.txt:1: a call"),
        ({"html": "{% include 'nobody' %}"}, "there is no template 'nobody'"),
    ],
)
def test_a_mail_beyond_the_grammar_does_not_compile(change: dict[str, str], complaint: str) -> None:
    with pytest.raises(RenderError, match=complaint):
        compile_mail(replace(MAIL, **change), PARTIALS)  # type: ignore[arg-type] # texts only


@pytest.mark.parametrize(
    "html",
    [
        pytest.param("<b><i>" * 20_000, id="one inside the other"),
        pytest.param(
            "{% for i in [1, 2, 3, 4, 5] %}" + "<b>" * 50 + "{% endfor %}", id="by a loop"
        ),
        pytest.param("<div><!-- </div> -->" * 300, id="closed in a comment"),
        pytest.param("<div title='</div>'>" * 300, id="closed in a value"),
        pytest.param("<div><marquee></div></marquee>" * 300, id="closed out of order"),
        pytest.param("<html><body>" + "<div>" * 300 + "</div>" * 300, id="closed much later"),
    ],
)
def test_tags_nested_beyond_reason_are_an_error_and_not_a_crash(html: str) -> None:
    with pytest.raises(RenderError, match="more than 200 tags that are not closed"):
        render(mail_of(html))


def test_many_tags_that_are_closed_are_no_nesting() -> None:
    assert "a<br>" in render(mail_of("<div><p>a<br></p></div>" * 300)).html


@pytest.mark.parametrize("end", ["</p>", ""])
def test_a_style_that_cannot_be_inlined_is_an_error_of_the_template(end: str) -> None:
    # At once where the mail folds, and with the first mail where it does not.
    with pytest.raises(RenderError, match=r"guide-delivery\.html: its CSS cannot be inlined"):
        render(mail_of(page(f"<p style='p{{'>a{end}")))


def test_no_stylesheet_is_fetched_or_read() -> None:
    links = '<link rel="stylesheet" href="/etc/passwd"><link rel="stylesheet" href="x.css">'
    html = render(
        mail_of(page(f"{links}<style>@import url(http://127.0.0.1:1/a)</style><p>a</p>"))
    ).html
    assert "<link" not in html
    assert '<p style="color: red;">a</p>' in html
