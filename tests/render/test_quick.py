"""What is written at once is what is written part by part, to the byte, and fails as that does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from nurture.core.errors import RenderError
from nurture.core.message import RenderedMail
from nurture.render.effort import ORDINARY
from nurture.render.environment import MAX_OUTPUT, compile_one
from nurture.render.links import Links
from nurture.render.mail import MailTemplate, compile_mail, render_mail
from nurture.render.quick import Parts, quick
from nurture.render.work import Names
from tests.render.mails import ENVELOPE, MAIL, PARTIALS, VALUES, link_url, mail_of, page
from tests.render.test_fold import HOSTILE

TEXT = """Hello {{ lead.first_name or "there" }} at {{ account.name }},
{% for item in lead.interests %}{{ loop.index }}. {{ item|title }} https://a.eu/{{ item|urlencode }}
{% endfor %}{% if account.compressor_kw >= 75 %}{{ account.name }}{% else %}-{% endif %}
{% set name = account.name|upper %}{{ name }} {{ account.name|upper }} <{{ unsubscribe_url }}>
https://www.havelock-air.example/book?email={{ lead.email|urlencode }}"""
WRITTEN = compile_mail(replace(MAIL, text=TEXT), PARTIALS)
DERIVED = compile_mail(MAIL, PARTIALS)


def slow(template: MailTemplate) -> MailTemplate:
    assert template.folded is not None
    return replace(template, folded=replace(template.folded, quick=None))


def told(template: MailTemplate, values: dict[str, object]) -> RenderedMail | str:
    """Return the mail, or what is wrong with it."""
    try:
        return render_mail(template, values, envelope=ENVELOPE, link_url=link_url)
    except RenderError as error:
        return str(error)


def parts(template: MailTemplate, values: dict[str, object]) -> Parts | None:
    assert template.folded is not None
    assert template.folded.quick is not None
    direct = {str(VALUES["unsubscribe_url"])}
    return template.folded.quick.write(Names({**values, "_links": Links(link_url, direct)}))


def with_lead(**fields: object) -> dict[str, object]:
    return {**VALUES, "lead": {"x": "", "y": "", "z": "", **fields}}


VALUE = st.one_of(
    HOSTILE,
    st.just(""),
    st.lists(HOSTILE, max_size=3),
    st.integers(-(10**16), 10**16),
    st.floats(),
    st.none(),
    st.booleans(),
    st.sampled_from(["a" * ORDINARY, "<" * (ORDINARY + 1), [""] * 30, "2026-03-12", [["a"]]]),
)


@given(first_name=VALUE, email=VALUE, company=VALUE, interests=VALUE, power=VALUE)
def test_any_lead_gets_the_same_mail_or_error(
    first_name: object, email: object, company: object, interests: object, power: object
) -> None:
    lead = {"first_name": first_name, "email": email, "interests": interests}
    values = {**VALUES, "lead": lead, "account": {"name": company, "compressor_kw": power}}
    for template in (WRITTEN, DERIVED):
        assert told(template, values) == told(slow(template), values)


@pytest.mark.parametrize("template", [WRITTEN, DERIVED], ids=["written text", "derived text"])
def test_an_ordinary_lead_is_written_at_once(template: MailTemplate) -> None:
    assert parts(template, VALUES) is not None


BODIES = {
    "shown twice": "<p>{{ lead.x }}{{ lead.x }}</p>"
    "{% for i in lead.z %}{{ lead.x|title }}{% endfor %}",
    "an error in a branch": "{% if lead.y %}<p>{{ lead.x|date }}{{ lead.x|date }}</p>{% endif %}",
    "an error": "<p>{{ lead.x|date }} {{ lead.x|date }}</p>",
    "a sum of texts": "{% if lead.y %}<p>{{ (lead.x + 1)|int }}{{ (lead.x + 1)|int }}</p>"
    "{% endif %}",
    "set in between": "<p>{{ lead.x|upper }}{% set a = lead.x|upper %}"
    "{{ a|lower }}{{ a|lower }}</p>",
    "set in a branch": "{% set a = '' %}{% if lead.x %}{% set a = lead.x|upper %}{% endif %}"
    "<p>{{ a|lower }}{{ a|lower }}</p>",
    "set in a loop": "{% set a = lead.x %}{% for i in lead.z %}{% set a = a|e|upper %}"
    "{% if a in i %}<p>{{ a|title }}{{ a|title }}{{ i|title }}</p>{% endif %}{% endfor %}"
    "<p>{{ a|title }}</p>",
    "a loop in a loop": "{% for i in lead.z %}{% for j in lead.z %}<p>{{ loop.index }}"
    "{{ i|upper }}{{ j|upper }}{{ loop.last }}</p>{% endfor %}<p>{{ loop.index }}</p>{% endfor %}",
    "only some items": "{% for i in lead.z if i|upper == lead.x|upper %}<p>{{ i }}</p>"
    "{% else %}<p>{{ lead.x|upper }}</p>{% endfor %}",
    "a loop over a text": "{% if lead.y %}{% for i in lead.x %}<p>{{ i }}</p>{% endfor %}"
    "{% endif %}",
    "what is not there": "<p>{{ lead.nobody|default('-') }}{% if lead.nobody is defined %}!"
    "{% endif %}{% if nobody is defined %}!{% endif %}</p>",
    "shown though not there": "<p>{{ lead.nobody }}</p>",
    "a name that is not there": "<p>{{ nobody.name }}</p>",
    "links": "<p><a href='{{ view_url }}'>{{ lead.x }}</a>"
    "<a href='https://a.eu/{{ lead.x|urlencode }}'>b</a>"
    "<a href='https://a.eu/{{ lead.x|urlencode }}&amp;a'>c</a><a href='{{ form_url }}'>d</a></p>",
    "known and unknown": "<p title='{{ lead.x }}'>{{ lead.x and lead.y|length }}"
    "{{ not lead.x }}</p>",
}
TEXTS = ["", "{{ lead.x }}{{ lead.x }} https://a.eu/{{ lead.x|urlencode }}, {{ lead.x|upper }}"]
SAMPLES = ["", "ab", "<b>&\"' \xa0", "https://a.eu/ab", "2026-03-12", 7, None, True, ["a", "AB"]]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("text", TEXTS, ids=["derived text", "written text"])
def test_every_turn_of_a_template_gives_the_same_mail_or_error(body: str, text: str) -> None:
    template = compile_mail(mail_of(page(body), text=text, subject="Hi {{ lead.y|upper }}"), {})
    if template.folded is None:
        return  # a value that is markup, for instance
    other = slow(template)
    for x in SAMPLES:
        for y in ("", "yes", ["z"]):
            for z in ("", ["a", "", "ab<"], x):
                values = with_lead(x=x, y=y, z=z)
                assert told(template, values) == told(other, values)


LOOPED = "{% for i in lead.z %}{{ i|urlencode }}{{ lead.x|urlencode }}{% endfor %}"


@pytest.mark.parametrize(
    ("body", "is_quick"),
    [
        pytest.param(f"<p>{LOOPED}</p>", True, id="a loop"),
        pytest.param(f"<p>{LOOPED * 20}</p>", False, id="many loops"),
        pytest.param(f"<p>{{% for j in lead.z %}}{LOOPED}{{% endfor %}}</p>", False, id="nested"),
        pytest.param(f"<p>{'{{ lead.x|title|upper|lower }}' * 30}</p>", True, id="many filters"),
        pytest.param("<p>" + "x" * 30_000 + LOOPED + "</p>", True, id="a long text"),
        pytest.param(
            "{% for j in lead.z %}{% for i in lead.z %}<p>" + "x" * 30_000 + "</p>"
            "{% endfor %}{% endfor %}",
            False,
            id="a long text in loops",
        ),
    ],
)
def test_what_could_do_too_much_is_counted(body: str, is_quick: bool) -> None:
    template = compile_mail(mail_of(page(body), subject="Hi"), {})
    assert template.folded is not None
    assert (template.folded.quick is not None) is is_quick


def test_values_out_of_the_ordinary_are_counted() -> None:
    template = compile_mail(mail_of(page(f"<p>{LOOPED}</p>")), {})
    values = with_lead(x="\U00010400" * 1_000, z=["\U00010400" * 1_000] * 200)
    assert "this takes too long" in str(told(template, values))


def test_a_mail_that_is_too_long_is_refused_as_ever() -> None:
    body = "<p>{% for i in lead.z %}" + "x" * (MAX_OUTPUT // 3) + "{% endfor %}</p>"
    template = compile_mail(mail_of(page(body)), {})
    values = with_lead(z=["a"] * 3)
    assert parts(template, values) is None
    assert told(template, values) == f"guide-delivery.html: longer than {MAX_OUTPUT} characters"


@settings(max_examples=50)
@given(name=HOSTILE)
def test_what_fails_halfway_leaves_no_link_behind(name: str) -> None:
    body = "<p><a href='https://a.eu/'>a</a>{{ lead.x|default(lead.nobody|default('')) }}</p>"
    template = compile_mail(mail_of(page(body)), {})
    values = {**VALUES, "lead": {"x": name}}
    mail = told(template, values)
    assert isinstance(mail, RenderedMail)
    assert mail.links == ("https://a.eu/",)
    assert mail == told(slow(template), values)


@pytest.mark.parametrize(
    "other", ["<p>{{ lead.x }}!</p>", "<p>{{ lead.x|upper }}</p>", "<p>{{ lead.x|date }}</p>"]
)
def test_what_the_samples_find_different_is_not_taken(other: str) -> None:
    template, differs = (
        compile_mail(mail_of(page(body)), {}) for body in ("<p>{{ lead.x }}</p>", other)
    )
    assert template.folded is not None
    assert differs.folded is not None
    parts = [*template.folded.trees(), []]
    for html, is_taken in ((template.folded.html, True), (differs.folded.html, False)):
        one_by_one = [html, template.folded.text, compile_one({"s.txt": ""}, "s.txt")]
        made = quick("m", parts, one_by_one, [("lead", "x")])
        assert (made is not None) is is_taken
