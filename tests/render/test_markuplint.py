"""O2: no value of a lead becomes markup, a script, a style or a destination."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from nurture.render.environment import clean, compile_one, lint
from tests.render.mails import ALLOWED

NAME = "{{ lead.first_name }}"


def flaws(source: str) -> list[str]:
    """Return what is wrong with the places of values; a script is wrong for another reason."""
    found = [flaw.message for flaw in lint(source, "mail.html", ALLOWED)]
    return [message for message in found if not message.startswith("<script> in a mail")]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(f"<p>{NAME}</p>", id="in text"),
        pytest.param(f"<title>{NAME}</title><textarea>{NAME}</textarea>", id="in a title"),
        pytest.param(f"<img alt=\"{NAME}\" title='{NAME}'>", id="in quotes"),
        pytest.param(f'<p class="a {NAME}">x</p>', id="as part of a class"),
        pytest.param('<a href="{{ unsubscribe_url }}">x</a>', id="a URL of ours as a link"),
        pytest.param('<a href="{{ company.website }}/a?b=1">x</a>', id="our site and a path"),
        pytest.param(
            '<a href="{{ company.website }}/a?e={{ lead.email|urlencode }}">x</a>',
            id="our site and an encoded value",
        ),
        pytest.param('<a href="mailto:{{ sender.email }}">x</a>', id="our address"),
        pytest.param(
            '<a href="https://a.example/?e={{ lead.email|urlencode }}&f=1">x</a>',
            id="an encoded value behind a fixed host",
        ),
        pytest.param(
            '<a href="{% if lead.first_name %}https://a.example/?q={% else %}'
            'https://b.example/?q={% endif %}{{ lead.email|urlencode }}">x</a>',
            id="one of two fixed hosts",
        ),
        pytest.param('<a href="{{ "https://a.example/" }}">x</a>', id="a constant"),
        pytest.param(
            '<p {% if lead.first_name %}class="a"{% endif %}>x</p>', id="an attribute or none"
        ),
        pytest.param(
            "<ul>{% for i in lead.interests %}<li>{{ i }}</li>{% else %}<li>none</li>{% endfor %}"
            "</ul>",
            id="a loop of whole tags",
        ),
        pytest.param(
            "<!-- {{ company.name }} --><!-->{{ lead.email }}", id="our name in a comment"
        ),
        pytest.param("<!-- > a -- b --!>{{ lead.email }}", id="behind an odd comment"),
        pytest.param("a < b {{ lead.email }} <3", id="behind a sign that opens no tag"),
        pytest.param("</ x>{{ lead.email }}</{% if lead.email %}{% endif %}>", id="a bogus end"),
        pytest.param("<![if !mso]>{{ lead.email }}<![endif]>", id="a declaration for Outlook"),
        pytest.param("<script><!-- a --></script>{{ lead.email }}", id="behind an old script"),
        pytest.param("<script>a</scriptx></script >{{ lead.email }}", id="behind a script"),
        pytest.param("<p a/b =c d= 'e'>{{ lead.email }}", id="behind oddly spaced attributes"),
        pytest.param(
            "<script>{% if lead.email %}a{% else %}b{% endif %}</script>", id="a branch in a script"
        ),
        pytest.param("<p a  = b>{{ lead.email }}<br/>", id="behind an unquoted attribute"),
        pytest.param("<p a=>{{ lead.email }}<p a>{{ lead.email }}", id="behind an empty attribute"),
        pytest.param('{% block a %}<p>{% include "x" %}</p>{% endblock %}', id="a block of tags"),
        pytest.param("<meta content='{{ company.name }}'>", id="our name as meta content"),
    ],
)
def test_a_value_may_stand(source: str) -> None:
    assert flaws(source) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (f"<a href={NAME}>", "href= without quotes"),
        ("<a href={{ unsubscribe_url }}>", "href= without quotes"),
        (f"<p title=a{NAME}>", "title= without quotes"),
        (f'<a href="{NAME}">x</a>', "could choose where href= leads"),
        (f'<a href="https://{NAME}/">x</a>', "could choose where href= leads"),
        (f'<a href="https://a.example{NAME}">x</a>', "could choose where href= leads"),
        (f'<a href="https://a.example/{NAME}">x</a>', "could choose where href= leads"),
        ('<a href="{{ lead.email|urlencode }}">x</a>', "could choose where href= leads"),
        (
            '<a href="https://a.example{{ lead.email|urlencode }}">x</a>',
            "could choose where href= leads",
        ),
        ('<a href="{{ company.website }}{{ lead.email|urlencode }}">x</a>', "could choose"),
        ('<a href="x{{ unsubscribe_url }}">x</a>', "could choose where href= leads"),
        ('<a href="javascript:{{ company.name }}">x</a>', "could choose where href= leads"),
        (
            '<a href="https://{% if lead.email %}a.example/?q={% endif %}{{ lead.email|e }}">x</a>',
            "could choose where href= leads",
        ),
        (
            '{% set u = lead.first_name %}<a href="{{ u }}">x</a>',
            "could choose where href= leads",
        ),
        (f'<img src="{NAME}">', "could choose where src= leads"),
        (f'<form action="{NAME}">', "could choose where action= leads"),
        (f'<p style="color: {NAME}">', "a value inside style="),
        ('<p style="color: {{ company.name }}">', "a value inside style="),
        (f'<p onclick="{NAME}">', "a value inside onclick="),
        (f'<iframe srcdoc="{NAME}"></iframe>', "a value inside srcdoc="),
        (f'<meta content="{NAME}">', "a lead's value inside content="),
        (f"<script>{NAME}</script>", "a value inside <script>"),
        (f"<SCRIPT>'</script' {NAME}</SCRIPT>", "a value inside <script>"),
        (f"<script><!--<script></script>{NAME}</script>", "a value inside <script>"),
        (f"<style>{NAME}</style>", "a value inside <style>"),
        (f"<!-- {NAME} -->", "a lead's value inside a comment"),
        (f"<!-- a --{NAME} -->", "a lead's value inside a comment"),
        (f"<{NAME}>", "in the middle of a tag"),
        (f"</{NAME}>", "in the middle of a tag"),
        (f"<p {NAME}>", "in the middle of a tag"),
        (f"<p a{NAME}>", "in the middle of a tag"),
        (f"<p a {NAME}>", "in the middle of a tag"),
        (f"<p{NAME}>", "in the middle of a tag"),
        (f"<!doctype {NAME}>", "in the middle of a tag"),
        ("<p {% if lead.email %}title='{% endif %}x'>", "tears a tag apart"),
        ("{% if lead.email %}<p{% endif %}>", "tears a tag apart"),
        ("{% for i in lead.interests %}<p {% endfor %}>", "tears a tag apart"),
        ("{% if lead.email %}<!--{% endif %}", "tears a tag apart"),
        ("<p title='{% block a %}{% endblock %}'>", "a block or include inside a tag"),
        ("<p title='{% include 'a' %}'>", "a block or include inside a tag"),
        ("{% block a %}<p {% endblock %}>", "tears a tag apart"),
        ("<p title='", "the file ends inside a tag"),
        ("<!-- ", "the file ends inside a tag"),
    ],
)
def test_a_value_must_not_stand(source: str, message: str) -> None:
    assert any(message in flaw for flaw in flaws(source)), flaws(source)


TEMPLATES = [
    "<html><head><title>{{ lead.x }}</title></head><body><p>{{ lead.x }}</p></body></html>",
    "<p class=\"a {{ lead.x }}\" title='{{ lead.x }}'>{{ lead.x|upper }}{{ lead.x|title }}</p>",
    '<p><a href="https://a.example/?q={{ lead.x|urlencode }}">{{ lead.x|truncate(9) }}</a></p>',
    "<ul>{% for i in [lead.x, lead.x] %}<li>{{ i }}</li>{% endfor %}</ul>",
    "<!-- a --><textarea>{{ lead.x }}</textarea><b>{{ lead.x|replace('a', '<') }}</b>",
    "<p>{{ lead.x|e }}{{ lead.x|e|replace('&', '<') }}</p>",
    "<p>{{ lead.x|e|truncate(5) }}{{ lead.x|e|last }}lt;{{ lead.x|e|upper }}</p>",
]
HOSTILE = st.lists(
    st.sampled_from(
        [
            *("<", ">", '"', "'", "&", "/", "=", " ", "\n", "`", "-->", "<!--", "]]>", "\x00"),
            *("<script>alert(1)</script>", "javascript:", "</textarea>", "</title>", "<b>", "a"),
            *("&lt;", "&#60;", "&", ";", "onerror=x", "</p>", "<td>", "{{ 7*7 }}", "{% if %}"),
        ]
    ),
    max_size=8,
).map("".join)


def shape(node: LexborNode | None) -> list[object]:
    """Return the tags and the names of their attributes, without any text."""
    tags: list[object] = []
    while node is not None:
        if not (node.is_text_node or node.is_comment_node):
            tags.append((node.tag, sorted(node.attributes), shape(node.child)))
        node = node.next
    return tags


@given(source=st.sampled_from(TEMPLATES), value=HOSTILE)
def test_a_hostile_value_never_changes_the_tree(source: str, value: str) -> None:
    template = compile_one({"t.html": source}, "t.html")
    trees = [
        shape(LexborHTMLParser(template.render(clean({"lead": {"x": x}}))).root)
        for x in ("aaaaaaaa", value)
    ]
    assert trees[0] == trees[1]
