"""What a mail shows for certain, and what it reads at all."""

from __future__ import annotations

import pytest

from nurture.project.bodies import Bodies

STOP = ("unsubscribe_url",)
PARTIALS = {
    "_footer.html": "<p>{{ unsubscribe_url }}</p>",
    "_layout.html": '{% block body %}{% endblock %}{% include "_footer.html" %}',
    "_open.html": "{% block footer %}{{ unsubscribe_url }}{% endblock %}",
    "_middle.html": '{% extends "_open.html" %}{% block other %}{% endblock %}',
    "_again.html": '{% include "_again.html" %}{{ unsubscribe_url }}',
}


def shown(source: str) -> bool:
    return STOP in Bodies({**PARTIALS, "mail.html": source}).shown("mail.html")


@pytest.mark.parametrize(
    "source",
    [
        "{{ unsubscribe_url }}",
        '<a href="{{ unsubscribe_url | e }}">stop</a>',
        '{% include "_footer.html" %}',
        '{% extends "_layout.html" %}{% block body %}Hello{% endblock %}',
        '{% extends "_open.html" %}',
        '{% extends "_middle.html" %}',
        '{% extends "_open.html" %}{% block footer %}{{ unsubscribe_url }}{% endblock %}',
        "{% if lead.x %}{{ unsubscribe_url }}{% else %}{{ unsubscribe_url }}{% endif %}",
        '{% if x %}{% include "_footer.html" %}{% else %}{{ unsubscribe_url }}{% endif %}',
        '{% include "_again.html" %}',
    ],
)
def test_every_reader_sees_it(source: str) -> None:
    assert shown(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "unsubscribe_url",
        "{# {{ unsubscribe_url }} #}",
        "{% raw %}{{ unsubscribe_url }}{% endraw %}",
        "{% if lead.x %}{{ unsubscribe_url }}{% endif %}",
        "{% if unsubscribe_url %}stop{% else %}go{% endif %}",
        "{% if x %}{{ unsubscribe_url }}{% elif y %}{% else %}{{ unsubscribe_url }}{% endif %}",
        "{% for x in lead.list %}{{ unsubscribe_url }}{% endfor %}",
        "{% set stop = unsubscribe_url %}",
        "{{ unsubscribe_url if lead.x }}",
        "{{ lead.x or unsubscribe_url }}",
        '{% extends "_open.html" %}{% block footer %}none{% endblock %}',
        '{% extends "_middle.html" %}{% block footer %}none{% endblock %}',
        '{% include "_gone.html" %}',
        "{% include lead.x %}",
        "{{ lead.unsubscribe_url }}",
    ],
)
def test_some_reader_does_not(source: str) -> None:
    assert not shown(source)


def test_what_is_read_is_found_in_every_corner() -> None:
    loop = "{% if form_url %}{% for x in [lead.y] %}{{ x }}{% endfor %}{% endif %}"
    source = loop + '{% include "_footer.html" %}'
    read = Bodies({**PARTIALS, "mail.html": source}).read("mail.html")
    assert {("form_url",), ("lead", "y"), STOP} <= read


def test_what_cannot_be_parsed_is_told_with_its_line() -> None:
    bodies = Bodies({"a.html": "one\n{% if %}", "b.html": "{{ 1" + "0" * 5000 + " }}"})
    assert bodies.unreadable["a.html"][0] == 2
    assert bodies.unreadable["b.html"][0] == 1
    assert not bodies.can_tell("a.html")
    assert bodies.shown("a.html") == frozenset()
    assert list(bodies.missing("a.html")) == []


def test_a_sentence_without_end_is_too_deep_to_be_read() -> None:
    bodies = Bodies({"a.html": f"{{{{ {' or '.join(['lead.role'] * 3000)} }}}}"})
    assert bodies.unreadable["a.html"] == (1, "nested too deeply, or a number beyond reason")
    assert bodies.read("a.html") == frozenset()


def test_nothing_is_said_about_a_mail_that_includes_what_is_not_there() -> None:
    bodies = Bodies({"a.html": '{% include "_b.html" %}', "_b.html": '\n{% include "_c.html" %}'})
    assert not bodies.can_tell("a.html")
    assert list(bodies.missing("_b.html")) == [(2, "_c.html")]


def test_parts_that_include_parts_over_and_over_are_looked_at_once() -> None:
    parts = {f"_{n}.html": f'{{% include "_{n + 1}.html" %}}' * 30 for n in range(9)}
    bodies = Bodies({**parts, "_9.html": "{{ unsubscribe_url }}", "a.html": parts["_0.html"]})
    assert bodies.shown("a.html") == {("unsubscribe_url",)}
