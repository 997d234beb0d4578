"""The folded way gives the same bytes as the plain one, or is not taken."""

from __future__ import annotations

from dataclasses import replace
from itertools import count, product

import pytest
from hypothesis import given, settings, strategies as st
from jinja2 import nodes

from nurture.core.errors import RenderError
from nurture.core.message import RenderedMail
from nurture.render.environment import flatten
from nurture.render.fold import fold
from nurture.render.mail import INLINER, MailTemplate, compile_mail, render_mail
from nurture.render.skeleton import Skeleton, Unfoldable
from tests.render.mails import (
    ENVELOPE,
    MAIL,
    PARTIALS,
    VALUES,
    link_url,
    mail_of,
    page,
)


def both(template: MailTemplate, values: dict[str, object]) -> tuple[RenderedMail, RenderedMail]:
    """Return the mail as it is folded and as it is not; how quickly it is written is all one."""
    assert template.folded is not None
    counted = replace(template, folded=replace(template.folded, quick=None))
    plain = replace(template, folded=None)
    quick, one, other = (
        render_mail(each, values, envelope=ENVELOPE, link_url=link_url)
        for each in (template, counted, plain)
    )
    assert quick == one
    return one, other


FOLDED = compile_mail(MAIL, PARTIALS)

HOSTILE = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *("<", ">", '"', "'", "&", "/", "=", " ", "\n", "\r", "\t", "`", "\x00", "\x01"),
                *("-->", "<!--", "]]>", "</td>", "</p>", "<td>", "<b>", "</body>", "<a href=x>"),
                *("&amp", "&amp;", "&#60;", "&nbsp;", "\xa0", "\u2028", "\ufeff", "\u200b", "é"),
                *("{{ 7 }}", "{% if %}", "{#", "https://evil.example/", "nq", "v0z", "  "),
            ]
        ),
        st.text(max_size=5),
    ),
    max_size=6,
).map("".join)


@given(
    first_name=HOSTILE,
    email=HOSTILE,
    company=HOSTILE,
    interests=st.one_of(st.just(""), st.lists(HOSTILE, max_size=3)),
    power=st.one_of(
        st.just(""), st.integers(-5, 500), st.floats(0, 200).map(lambda x: round(x, 1))
    ),
)
def test_a_believable_mail_is_the_same_both_ways_for_any_lead(
    first_name: str, email: str, company: str, interests: object, power: object
) -> None:
    lead = {"first_name": first_name, "email": email, "interests": interests}
    values = {**VALUES, "lead": lead, "account": {"name": company, "compressor_kw": power}}
    one, other = both(FOLDED, values)
    assert one == other


CASES = [
    ("<p>{{ lead.x }}</p>", True),
    ("<p>a{{ lead.x }}b {{ lead.x }}{{ lead.y }}</p>", True),
    ("<p title=\"{{ lead.x }}\" align='{{ lead.y }}'>x</p>", True),
    ('<img src="https://a.example/" alt="{{ lead.x }}" class="b"><br/>', True),
    ('<a href="https://a.example/?a=1&amp;q={{ lead.x|urlencode }}">{{ lead.y }}</a>', True),
    ('<a class="b" href="{{ view_url }}">{{ lead.y }}</a>', True),
    ('<a title="{{ lead.x }}" href="https://a.example/">x</a>', True),
    ('<a href="mailto:a@b.example?subject={{ lead.x|urlencode }}">{{ lead.y }}</a>', True),
    ('<a href=" https://a.example/ ">x</a><a href="HTTPS://a.example/&quot;&nbsp;">y</a>', True),
    ("{% if lead.x %}<p>{{ lead.y }}</p>{% else %}<p>no</p>{% endif %}", True),
    ("<p>{% if lead.x %}a{% elif lead.y %}b{% endif %}c</p>", True),
    ("<ul>{% for i in lead.z %}<li>{{ i }}</li>{% else %}<li>none</li>{% endfor %}</ul>", True),
    ("<ol>{% for i in lead.z if i %}<li>{{ loop.index }}{{ i }}</li>{% endfor %}</ol>", True),
    ("<h1>{{ lead.x }}</h1><h2>{{ lead.y }}</h2>", True),
    ("{% set a = lead.x %}<p>{{ a }}{% set b = lead.y %}{{ b }}</p>", True),
    (
        "{% if lead.x %}{% set b = 'x' %}{% else %}{% set b = lead.y %}{% endif %}<p>{{ b }}</p>",
        True,
    ),
    ("<table><tr><td>{{ lead.x }}</td></tr></table>", True),
    ("<table><tbody>{% if lead.x %}<tr><td>a</td></tr>{% endif %}</tbody></table>", True),
    (
        "<p>{% for i in lead.z %}<a href='https://a.eu/{{ i|urlencode }}'>x</a>{% endfor %}</p>",
        True,
    ),
    (
        "<div>{% if lead.x %}<a href='https://a.example/'>a</a>{% endif %}<a href='https://b.example/'>b</a></div>",
        True,
    ),
    ("<p>x</p>{% include '_p.html' %}", True),
    ("<div><!--[if mso]><a href='https://a.example/'><![endif]--></div><p>{{ lead.x }}</p>", True),
    (
        "<p>&amp;{{ lead.x }}&lt;{{ lead.y }} &copy; &lt;!--{% if lead.x %}--&gt;{% endif %}</p>",
        True,
    ),
    ("<div style='display:none'>{% set b = lead.x %}{{ lead.y }}</div><p>{{ b }}</p>", True),
    # Where the two ways could part, folding must not be taken.
    ("<p>&am{{ lead.x }}</p>", False),
    ("<p>&{% if lead.x %}lt{% endif %};</p>", False),
    ("<p>{{ lead.x|e }}</p>", False),
    ("<p class='{{ lead.x }}'>a</p>", False),
    ("<p id='{{ lead.x }}'>a</p>", False),
    ("<p {% if lead.x %}title='a'{% endif %}>a</p>", False),
    (
        "<a href='{% if lead.x %}https://a.example/{% else %}https://b.example/{% endif %}'>a</a>",
        False,
    ),
    ("<!-- {{ company.name }} --><p>a</p>", False),
    ("{% if lead.x %}<div>{% endif %}<p>a</p>{% if lead.x %}</div>{% endif %}", False),
    ("<p>a{% if lead.x %}</p><p>{% endif %}b</p>", False),
    ("<p>a<p>b", False),
    ("<p>{% if lead.x %}<div>a</div>{% endif %}</p>", False),
    ("<b>a<p>b</b>{{ lead.x }}</p>", False),
    ("<table>{{ lead.x }}<tr><td>a</td></tr></table>", False),
    ("<table>{% if lead.x %}<tr><td>a</td></tr>{% endif %}</table>", False),
    ("<table><tr>{% if lead.x %}<div>a</div>{% endif %}</tr></table>", False),
    ("<table><tr><td>a</td></tr>{% if lead.x %}<tfoot></tfoot>{% endif %}</table>", False),
    ("<table><tr><td>a</td></tr>{% if lead.x %}<tr><td>b</td></tr>{% endif %}</table>", True),
    ("<div><tbody title='{{ lead.x }}'></tbody></div>", False),
    ("<a href='https://a.example/'>a<a href='https://b.example/'>{{ lead.x }}</a></a>", False),
    ("<ul><li>{{ lead.x }}<li>b</li></li></ul>", False),
    ("<pre>{{ lead.x }}</pre>", False),
    ("<textarea>{{ lead.x }}</textarea>", False),
    ("<select><option>{{ lead.x }}</option></select>", False),
    ("<svg><p>{{ lead.x }}</p></svg>", False),
    ("{% if lead.x %}<style>p { color: blue }</style>{% endif %}<p>a</p>", False),
    ("<p title='b' title='{{ lead.x }}'>a</p>", False),
    ("<br></br><p>{{ lead.x }}</p>", False),
    ("</p><p>{{ lead.x }}</p>", False),
    ("<p>{{ lead.x }}</p></div>", False),
    ("<p>{{ lead.x }}</p><div>", False),
    ("<p>{{ lead.x|date }}</p><p>{{ lead.x * 1 }}</p>{{ lead.x|join|date }}{{ 1/0 }}", False),
]
SAMPLES = ["", "a", "<b>&\"' \xa0\n --> <!-- </p>", "https://evil.example/", "2026-03-12"]


@pytest.mark.parametrize(("body", "folds"), CASES)
def test_folding_is_taken_where_it_is_sound(body: str, folds: bool) -> None:
    template = compile_mail(mail_of(page(body)), {"_p.html": "<p>{{ lead.y }}</p>"})
    assert (template.folded is not None) is folds
    if not folds:
        return
    for x, y, z in product(SAMPLES, SAMPLES, ["", ["a", "", "<i>"]]):
        one, other = both(template, {**VALUES, "lead": {"x": x, "y": y, "z": z}})
        assert one == other


@pytest.mark.parametrize(
    ("style", "folds"),
    [
        ("p, .a b > i { color: red } * { margin: 0 } #x { top: 0 }", True),
        ("a:hover { color: red } a:visited, a:active { color: blue }", True),
        ("@media (min-width: 3px) { p { top: 0 } } p { font-family: \"A\", 'B' }", True),
        ("/* p + p { } */ p { color: red }", True),
        ("@import url(http://127.0.0.1:1/x); p { color: red }", True),
        ("p + p { color: red }", False),
        ("p ~ p { color: red }", False),
        ("p:first-child { color: red }", False),
        ("p:not(.a) { color: red }", False),
        ("a[href] { color: red }", False),
        ('p { content: "}" } b + b { color: red }', False),
        (r"p\:a { color: red }", False),
    ],
)
def test_selectors_that_look_at_neighbors_are_not_folded(style: str, folds: bool) -> None:
    body = "{% if lead.x %}<p>a</p>{% endif %}<p class='a'><b><i>{{ lead.x }}</i></b></p>"
    template = compile_mail(mail_of(page(body, style=style)), {})
    assert (template.folded is not None) is folds


@pytest.mark.parametrize(
    "html",
    [
        pytest.param("<p>{{ lead.x }}</p>", id="no document"),
        pytest.param(
            "{% if lead.x %}<html>{% endif %}<body></body></html>", id="a branch around it"
        ),
        pytest.param("<html><body>{{ lead.x }}</body></html>", id="no head"),
        pytest.param("<html><head></head><body>{{ lead.x }}</body>", id="no end"),
        pytest.param(page("<div>" * 201 + "{{ lead.x }}" + "</div>" * 201), id="nested too deeply"),
    ],
)
def test_half_a_document_is_not_folded(html: str) -> None:
    assert compile_mail(mail_of(html), {}).folded is None


def test_what_the_proof_finds_different_is_not_folded() -> None:
    calls = count()

    def fickle(document: str) -> str:
        return INLINER.inline(document).replace("</p>", f"{next(calls)}</p>")

    flat = flatten({"m.html": page("<p>{{ lead.x }}</p>")}, "m.html")
    assert fold(flat, INLINER.inline) is not None
    assert fold(flat, fickle) is None


def test_a_statement_nobody_has_thought_of_is_not_folded() -> None:
    with pytest.raises(Unfoldable, match="Continue"):
        Skeleton([nodes.Continue()])


def test_a_written_text_part_does_not_hinder_folding() -> None:
    template = compile_mail(mail_of(page("<p>{{ lead.x }}</p>"), text="Hi {{ lead.x }}"), {})
    one, other = both(template, {**VALUES, "lead": {"x": "<b>"}})
    assert one == other
    assert one.text == "Hi <b>\n"


INLINE = ["a", " ", "{{ lead.x }}", "{{ lead.y }}", "&amp;", "&", "<br>", "\n", "<!-- c -->"]


def tags(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    part = st.lists(inner, max_size=3).map("".join)
    element = st.sampled_from(
        ["p", "div", "b", "i", "ul", "li", "h1", "span", "td", "table", "tr", "tbody", "a", "ol"]
    )
    whole = st.builds(lambda tag, body: f"<{tag}>{body}</{tag}>", element, part)
    torn = st.builds(lambda tag, body: f"<{tag}>{body}", element, part)
    link = st.builds(
        lambda to, body: f'<a href="{to}">{body}</a>',
        st.sampled_from(["https://a.example/", "{{ view_url }}", "mailto:x@y.example", "#"]),
        part,
    )
    branch = st.builds(
        lambda name, a, b: f"{{% if lead.{name} %}}{a}{{% else %}}{b}{{% endif %}}",
        st.sampled_from(["x", "y"]),
        part,
        part,
    )
    loop = st.builds(lambda a: f"{{% for i in lead.z %}}{a}{{{{ i }}}}{{% endfor %}}", part)
    layout = st.builds(lambda a: f"<table><tbody><tr><td>{a}</td></tr></tbody></table>", part)
    return st.one_of(whole, whole, link, branch, branch, loop, layout, torn)


BODIES = st.lists(st.recursive(st.sampled_from(INLINE), tags, max_leaves=10), max_size=5).map(
    "".join
)


@settings(max_examples=300)
@given(
    body=BODIES,
    x=st.sampled_from(SAMPLES),
    y=st.sampled_from(SAMPLES),
    z=st.sampled_from(["", ["a"], ["<b>", "", "c "]]),
)
def test_any_mail_that_folds_is_the_same_both_ways(body: str, x: str, y: str, z: object) -> None:
    style = "p { color: red } .b, td > p, b i { margin: 0 } ul li { top: 0 }"
    try:
        template = compile_mail(mail_of(page(body, style=style)), {})
    except RenderError:
        return
    if template.folded is not None:
        one, other = both(template, {**VALUES, "lead": {"x": x, "y": y, "z": z}})
        assert one == other
