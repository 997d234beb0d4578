"""F2: nothing that a template may say gets out of it, or grows."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings, strategies as st
from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError

from nurture.core.errors import RenderError
from nurture.render.environment import (
    MAX_OUTPUT,
    Flat,
    clean,
    compile_flat,
    compile_one,
    compile_project_templates,
    included_names,
    lint,
    referenced_names,
)
from nurture.render.filters import FILTERS
from nurture.render.sandbox import HTML
from tests.render.mails import ALLOWED, FOOTER, HTML as MAIL

PAYLOADS = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ lead.__class__ }}",
    "{{ lead.first_name.__class__ }}",
    "{{ lead.first_name.upper() }}",
    "{{ lead['first_name'] }}",
    "{{ lead.first_name[0] }}",
    "{{ lead.first_name[::-1] }}",
    "{{ lead.first_name|attr('__class__') }}",
    "{{ lead|attr('items') }}",
    "{{ lead.items() }}",
    "{{ lead }}",
    "{{ lead.registry.dispose() }}",
    "{{ lead.metadata.clear() }}",
    "{{ lead.token }}",
    "{{ self }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ config }}",
    "{{ request.application.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ lipsum() }}",
    "{{ range(100000000)|list }}",
    "{{ dict(a=1) }}",
    "{{ {'a': 1} }}",
    "{{ 'a' * 300000000 }}",
    "{{ 300000000 * 'a' }}",
    "{{ [1] * 300000000 }}",
    "{{ 'a' + 'b' }}",
    "{{ 'a' ~ 'b' }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ '%300000000d' % 1 }}",
    "{{ 'a'|center(300000000) }}",
    "{{ 'a'|ljust(300000000) }}",
    "{{ '%s'|format(1) }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ 'a'.format_map(lead) }}",
    "{{ 'x'|indent(300000000) }}",
    "{{ lead|tojson }}",
    "{{ lead|xmlattr }}",
    "{{ lead|dictsort }}",
    "{{ lead|pprint }}",
    "{{ lead.interests|map(attribute='__class__')|list }}",
    "{{ lead.interests|map('attr', '__class__') }}",
    "{{ lead.interests|groupby('__class__') }}",
    "{{ lead.interests|sum(attribute='x', start='') }}",
    "{{ lead.first_name|safe }}",
    "{{ lead.first_name|batch(2) }}",
    "{{ lead.first_name|wordwrap(1) }}",
    "{{ lead.first_name|urlize }}",
    "{{ lead.first_name|striptags }}",
    "{{ lead.first_name|random }}",
    "{{ lead.first_name|_items }}",
    "{{ lead.first_name|_ordered('lt', 1) }}",
    "{{ _links }}",
    "{{ lead._x }}",
    "{{ lead.first_name is callable }}",
    "{{ lead.first_name is sameas(lead) }}",
    "{{ lead.interests|join(*lead.interests) }}",
    "{{ lead.first_name|truncate(**lead) }}",
    "{% for x in range(10) %}{% endfor %}",
    "{% for x in lead.first_name|upper %}{% endfor %}",
    "{% for x in lead %}{% endfor %}",
    "{% for a, b in lead.interests %}{% endfor %}",
    "{% for x in lead.interests recursive %}{{ loop(x) }}{% endfor %}",
    "{% for x in lead.interests %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in lead.interests %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in lead.interests %}{{ x.y }}{% endfor %}",
    "{% for a in [1] %}{% for b in [1] %}{% for c in [1] %}{% endfor %}{% endfor %}{% endfor %}",
    "{% set lead = 1 %}",
    "{% set _x = 1 %}",
    "{% set loop = 1 %}",
    "{% set a, b = 1, 2 %}",
    "{% set ns.x = 1 %}",
    "{% set x = [1, 2] %}{% set y = [x, x] %}",
    "{% set x %}{{ lead.first_name }}{% endset %}",
    "{% set x = cycler %}",
    "{% macro m() %}{% endmacro %}",
    "{% call lead.x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% import 'x' as x %}",
    "{% from 'x' import y %}",
    "{% with a = 1 %}{% endwith %}",
    "{% autoescape false %}{{ lead.first_name }}{% endautoescape %}",
    "{% include lead.first_name %}",
    "{% include ['a', 'b'] %}",
    "{% include 'x' ignore missing %}",
    "{% include 'x' without context %}",
    "{% extends lead.first_name %}",
    "{% if lead.first_name %}{% extends 'x' %}{% endif %}",
    "{% block a required %}{% endblock %}",
    "{% block a %}{{ super() }}{% endblock %}",
    "{{ self.a() }}",
    "{% if lead.first_name %}{% set x = 1 %}{% endif %}{{ x }}",
    "{{ " + "(" * 300 + "1" + ")" * 300 + "|upper" * 300 + " }}",
    "{{ lead.first_name" + "|upper" * 60 + " }}",
    "{% if 1 %}" * 60 + "{% endif %}" * 60,
    "{{ 1" + "0" * 5_000 + " }}",
    "{{ x",
    "{% if %}",
    "{% unknown %}",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_is_refused_by_the_linter_and_by_the_compiler(payload: str) -> None:
    assert lint(payload, "t.txt", ALLOWED), "the linter let it pass"
    with pytest.raises(RenderError):
        compile_one({"t.txt": payload}, "t.txt", allowed=ALLOWED)


@pytest.mark.parametrize(
    ("source", "line", "message", "remedy"),
    [
        ("a\n{{ lead.frist_name }}", 2, "unknown name 'lead.frist_name'", "lead.first_name?"),
        ("{{ nonsense }}", 1, "unknown name 'nonsense'", "declare the field"),
        ("\n\n{{ lead.first_name|uper }}", 3, "unknown filter 'uper'", "there are"),
        ("{{ lead.first_name is nice }}", 1, "unknown test 'nice'", "there are defined"),
        ("{{ lead.first_name|replace('a') }}", 1, "missing a required argument", "brackets"),
        ("{% for i in lead.interests %}{{ loop.depth }}{% endfor %}", 1, "loop.depth", "there are"),
        ("{% include '_x.html' %}", 1, "there is no template '_x.html'", "correct the name"),
        ("{% extends 'a' %}\ntext", 1, "text outside the blocks", "move it"),
        ("{% extends 'a' %}{% extends 'a' %}", 1, "a second extends", "extend one"),
        ("a\x07b", 1, "a control character", "delete it"),
        ("x" * 200_000, 1, "longer than", "partials"),
        ("{% if x %}\n{% endfor %}", 2, "Encountered unknown tag 'endfor'", "syntax"),
    ],
)
def test_the_linter_says_where_and_what_to_do(
    source: str, line: int, message: str, remedy: str
) -> None:
    found = lint(source, "t.txt", ALLOWED, partials=["_footer.html", "a"])
    assert any(
        flaw.line == line and message in flaw.message and remedy in flaw.remedy for flaw in found
    ), found


@pytest.mark.parametrize("source", [MAIL, FOOTER])
def test_a_believable_mail_has_no_flaws(source: str) -> None:
    assert lint(source, "mail.html", ALLOWED, partials=["_footer.html"]) == []


def test_names_that_a_template_asks_for_are_those_it_does_not_set_itself() -> None:
    source = (
        "{% set a = lead.x %}{{ a }}{% for i in account.y %}{{ i }}{{ loop.index }}{% endfor %}"
        "{% if z_url %}{% set b = 1 %}{% else %}{% set b = 2 %}{% endif %}{{ b }}"
    )
    assert referenced_names(source) == {("lead", "x"), ("account", "y"), ("z_url",)}


def test_names_that_a_template_includes() -> None:
    source = "{% extends 'base.html' %}{% block a %}{% include '_b.html' %}{% endblock %}"
    assert included_names(source) == {"base.html", "_b.html"}


def render(sources: dict[str, str], **values: object) -> str:
    return compile_project_templates(sources).render("t.html", values)


def test_blocks_are_filled_from_below_however_many_templates_there_are() -> None:
    sources = {
        "base.html": "({% block a %}A{% endblock %}|{% block b %}B{% block c %}C{% endblock %}"
        "{% endblock %}|{% if true %}{% block d %}D{% endblock %}{% endif %})",
        "middle.html": "{% extends 'base.html' %}{% block b %}b{% block c %}?{% endblock %}"
        "{% endblock %}",
        "t.html": "{% extends 'middle.html' %} {% set q = 1 %}{% block c %}{{ q }}{% endblock %}"
        "{% block d %}{% include '_p.html' %}{% endblock %}",
        "_p.html": "{% block a %}own{% endblock %}",
    }
    assert render(sources) == "(A|b1|own)"
    assert compile_project_templates(sources).render("base.html", {}) == "(A|BC|D)"


def test_what_a_partial_sets_stays_in_the_partial() -> None:
    sources = {
        "t.html": "{% set x = 1 %}{% include '_p.html' %}{{ x }}",
        "_p.html": "{% set x = 2 %}{{ x }}",
    }
    assert render(sources) == "21"


def test_partials_are_included_in_every_branch_and_loop() -> None:
    sources = {
        "t.html": "{% for i in [1, 2] %}{% include '_p.html' %}{% else %}{% endfor %}"
        "{% if false %}{% elif true %}{% include '_p.html' %}{% else %}{% endif %}",
        "_p.html": "p",
    }
    assert render(sources) == "ppp"


@pytest.mark.parametrize(
    ("sources", "complaint"),
    [
        ({"t.html": "{% include 't.html' %}"}, "by itself"),
        (
            {
                "t.html": "{% include '_a' %}",
                "_a": "{% include '_b' %}",
                "_b": "{% include '_a' %}",
            },
            "by itself",
        ),
        ({"t.html": "{% include '_a' %}"}, "there is no template '_a'"),
        ({"t.html": "{% include '../../etc/passwd' %}"}, "there is no template"),
        (
            {
                "t.html": "{% include '_0' %}",
                **{f"_{i}": f"{{% include '_{i + 1}' %}}" for i in range(20)},
            },
            "too deeply",
        ),
        (
            {
                "t.html": "{% include '_0' %}",
                **{f"_{i}": f"{{% include '_{i + 1}' %}}" * 60 for i in range(6)},
                "_6": "x" * 1_000,
            },
            "too much text",
        ),
        (
            {
                "t.html": "{% for i in lead.x %}{% for j in lead.x %}"
                + "{{ i }}" * 50
                + "{% endfor %}{% endfor %}"
            },
            "run for too long",
        ),
        ({"t.html": "x" * 200_000}, "longer than"),
    ],
)
def test_partials_that_cannot_end_are_refused(sources: dict[str, str], complaint: str) -> None:
    with pytest.raises(RenderError, match=complaint):
        render(sources)


def test_an_error_names_the_file_and_line_it_comes_from() -> None:
    sources = {"t.html": "\n\n{% include '_p.html' %}", "_p.html": "\n{{ lead.x|date }}"}
    with pytest.raises(RenderError, match=r"^_p\.html:2: date takes"):
        render(sources, lead={"x": "soon"})


def test_a_template_that_nobody_wrote_is_an_error() -> None:
    with pytest.raises(RenderError, match="there is no template 'x'"):
        compile_project_templates({}).render("x", {})


def test_output_is_counted_while_it_comes() -> None:
    inner = "{% for j in lead.x %}{{ j }}{% endfor %}"
    source = f"{{% for i in lead.x %}}{inner}{{% endfor %}}"
    with pytest.raises(RenderError, match="longer than"):
        render({"t.html": source}, lead={"x": ["a" * 100] * 200})


def test_behind_the_grammar_there_is_a_second_wall() -> None:
    with pytest.raises(SecurityError):
        HTML.call(print)
    with pytest.raises(SecurityError):
        HTML.getitem({"a": 1}, "a")
    for value in ("text", ["a"], print, {"a": 1}.items):
        assert isinstance(HTML.getattr(value, "__class__"), StrictUndefined)
    assert HTML.globals == {}


def test_what_python_cannot_compile_is_an_error_of_the_template() -> None:
    with pytest.raises(RenderError, match="m: cannot be compiled"):
        compile_flat(Flat(name="m", body=[nodes.Continue()], origins=["m"]), HTML)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("x" * 130_000 + "{% include '_p' %}" * 2, id="without a loop"),
        pytest.param("{% for i in lead.x %}{% include '_p' %}{% endfor %}", id="in a loop"),
    ],
)
def test_output_beyond_the_limit_is_refused(source: str) -> None:
    with pytest.raises(RenderError, match="longer than"):
        render({"t.html": source, "_p": "y" * 100_000}, lead={"x": ["a"] * 200})


def test_the_longest_loops_that_are_allowed_end_within_a_second() -> None:
    inner = "{% for j in lead.x %}{% if j %}{{ j }}{% endif %}{% endfor %}"
    template = compile_one({"t.txt": f"{{% for i in lead.x %}}{inner}{{% endfor %}}"}, "t.txt")
    began = time.process_time()
    template.render(clean({"lead": {"x": ["a"] * 200}}))
    assert time.process_time() - began < 1


def test_html_escapes_and_text_does_not() -> None:
    sources = {"a.html": "{{ lead.x }}", "a.txt": "{{ lead.x }}"}
    templates = compile_project_templates(sources)
    hostile = {"lead": {"x": "<b>&\"'"}}
    assert templates.render("a.html", hostile) == "&lt;b&gt;&amp;&#34;&#39;"
    assert templates.render("a.txt", hostile) == "<b>&\"'"


def test_no_value_can_claim_to_be_markup_already() -> None:
    from markupsafe import Markup  # noqa: PLC0415 (only here, to be refused)

    assert render({"t.html": "{{ lead.x }}"}, lead={"x": Markup("<b>")}) == "&lt;b&gt;"


def test_control_characters_and_halves_of_characters_become_blanks() -> None:
    text = render({"t.html": "a{{ lead.x }}{{ '\\u0007' }}"}, lead={"x": "b\r\nc\rd\x1b\ud800e"})
    assert text == "ab\nc\nd  e "


WORDS = st.sampled_from(
    [
        *("{{ ", " }}", "{% ", " %}", "lead", "account", ".", "first_name", "__class__", "|"),
        *("if ", "endif", "for ", "x ", "in ", "endfor", "set ", "= ", "[", "]", "(", ")", "'a'"),
        *("1", "*", "+", "~", "%", "**", "-", ",", " ", "include ", "'_p'", "else", "is ", "not "),
        *(f"{name} " for name in FILTERS),
        *("loop", "index", "self", "super", "range", "<a href=", '"', ">", "{{ lead.x }}"),
    ]
)


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=14).map("".join))
def test_any_mixture_is_refused_or_stays_within_its_limits(source: str) -> None:
    lint(source, "t.html", ALLOWED)
    try:
        template = compile_one({"t.html": source, "_p": "p"}, "t.html")
    except RenderError:
        return
    values = {"lead": {"first_name": "a", "x": ["b"]}, "account": {"first_name": ""}, "x": "c"}
    began = time.process_time()
    try:
        text = template.render(clean(values))
    except RenderError:
        return
    assert len(text) <= MAX_OUTPUT
    assert "object at" not in text
    assert "<class" not in text
    assert time.process_time() - began < 0.2
