from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from types import MappingProxyType

import pytest
from hypothesis import given, strategies as st
from jinja2.exceptions import TemplateError
from jinja2.filters import do_title

from nurture.core.errors import RenderError
from nurture.render.environment import clean, compile_one
from nurture.render.filters import FILTERS, MAX_TEXT, ordered


class Word(StrEnum):
    COLD = "cold"


def render(source: str, **fields: object) -> str:
    return compile_one({"t.txt": source}, "t.txt").render(clean({"lead": fields}))


@pytest.mark.parametrize(
    ("source", "fields", "expected"),
    [
        pytest.param("{{ lead.x }}", {"x": None}, "", id="nothing is written as nothing"),
        pytest.param("{{ lead.x }}", {"x": True}, "yes", id="true reads as yes"),
        pytest.param("{{ lead.x }}", {"x": False}, "no", id="false reads as no"),
        pytest.param("{{ lead.x }}", {"x": 75.0}, "75", id="a whole number has no point"),
        pytest.param("{{ lead.x }}", {"x": 75.5}, "75.5", id="a broken number keeps its point"),
        pytest.param("{{ lead.x }}", {"x": date(2026, 3, 12)}, "12 March 2026", id="a date"),
        pytest.param("{{ lead.x }}", {"x": ["a", "b"]}, "a, b", id="a list reads as a list"),
        pytest.param("{{ lead.x }}", {"x": Word.COLD}, "cold", id="a word of ours is its text"),
        pytest.param("{{ lead.x|date }}", {"x": "2026-12-01"}, "1 December 2026", id="date: text"),
        pytest.param(
            "{{ lead.x|date }}",
            {"x": datetime(2026, 1, 31, 23, tzinfo=UTC)},
            "31 January 2026",
            id="date: of a moment, its day",
        ),
        pytest.param("{{ lead.x|date }}", {"x": ""}, "", id="date: unknown stays unknown"),
        pytest.param("{{ lead.x|default('you') }}", {"x": ""}, "you", id="default: unknown"),
        pytest.param("{{ lead.x|default('you') }}", {"x": []}, "you", id="default: nothing chosen"),
        pytest.param("{{ lead.x|default('you') }}", {"x": 0}, "0", id="default: zero is known"),
        pytest.param("{{ lead.x|default('y', true) }}", {"x": 0}, "y", id="default: any no"),
        pytest.param("{{ lead.x|upper|lower|title }}", {"x": "aN a"}, "An A", id="case"),
        pytest.param("{{ lead.x|capitalize }}", {"x": "ana"}, "Ana", id="capitalize"),
        pytest.param("{{ lead.x|trim }}", {"x": " a "}, "a", id="trim"),
        pytest.param("{{ lead.x|trim('-') }}", {"x": "-a-"}, "a", id="trim: of characters"),
        pytest.param("{{ lead.x|join(' and ') }}", {"x": ["a", "b"]}, "a and b", id="join"),
        pytest.param("{{ lead.x|join }}", {"x": ""}, "", id="join: nothing"),
        pytest.param("{{ lead.x|length }}", {"x": ["a", "b"]}, "2", id="length"),
        pytest.param("{{ lead.x|length }}", {"x": None}, "0", id="length: of nothing"),
        pytest.param("{{ lead.x|round }}", {"x": 2.6}, "3", id="round"),
        pytest.param("{{ lead.x|round(1, 'ceil') }}", {"x": 2.61}, "2.7", id="round: up"),
        pytest.param("{{ lead.x|round(0, 'floor') }}", {"x": 2.9}, "2", id="round: down"),
        pytest.param("{{ lead.x|round }}", {"x": ""}, "", id="round: unknown stays unknown"),
        pytest.param("{{ lead.x|truncate(9) }}", {"x": "one two three"}, "one...", id="truncate"),
        pytest.param(
            "{{ lead.x|truncate(9, true) }}", {"x": "one two three"}, "one tw...", id="cut"
        ),
        pytest.param("{{ lead.x|truncate(99) }}", {"x": "one"}, "one", id="truncate: short enough"),
        pytest.param("{{ lead.x|truncate(4) }}", {"x": "abcdefg"}, "a...", id="truncate: one word"),
        pytest.param("{{ lead.x|replace('a', 'bb') }}", {"x": "aca"}, "bbcbb", id="replace"),
        pytest.param("{{ lead.x|first }}", {"x": ["a", "b"]}, "a", id="first"),
        pytest.param("{{ lead.x|last }}", {"x": "ab"}, "b", id="last"),
        pytest.param("{{ lead.x|first }}{{ lead.x|last }}", {"x": ""}, "", id="first of nothing"),
        pytest.param("{{ lead.x|int }}", {"x": "12"}, "12", id="int"),
        pytest.param("{{ lead.x|int }}", {"x": ""}, "0", id="int: unknown counts as 0"),
        pytest.param(
            "{{ lead.x|urlencode }}", {"x": "a b/ü@"}, "a%20b%2F%C3%BC%40", id="urlencode"
        ),
        pytest.param("{{ lead.x|e }}{{ '<'|escape }}", {"x": "<"}, "&lt;&lt;", id="escape"),
        pytest.param("{{ -lead.x }}", {"x": 3}, "-3", id="minus"),
        pytest.param("{{ lead.x * 2 + 1 - 3 // 2 }}", {"x": 3}, "6", id="sums"),
        pytest.param("{{ lead.x / 4 }}", {"x": 3}, "0.75", id="a quotient"),
        pytest.param("{{ lead.x * 2 }}", {"x": ""}, "", id="a sum with something unknown"),
        pytest.param("{{ 1 if lead.x > 2 else 0 }}", {"x": 3}, "1", id="larger"),
        pytest.param("{{ 1 if lead.x > 2 else 0 }}", {"x": ""}, "0", id="unknown is not larger"),
        pytest.param("{{ 1 if lead.x <= 2 else 0 }}", {"x": ""}, "0", id="nor smaller"),
        pytest.param("{{ 1 if 2 >= lead.x else 0 }}", {"x": ""}, "0", id="on either side"),
        pytest.param("{{ 1 if lead.x > 2 else 0 }}", {"x": "3"}, "0", id="text is no number"),
        pytest.param("{{ 1 if lead.x < lead.y else 0 }}", {"x": "a", "y": "b"}, "1", id="texts"),
        pytest.param("{{ 1 if lead.x < 2 else 0 }}", {"x": ["a"]}, "0", id="a list has no size"),
        pytest.param("{{ 1 if 1 < lead.x < 3 else 0 }}", {"x": 2}, "1", id="between"),
        pytest.param("{{ 1 if 1 < lead.x < 3 else 0 }}", {"x": 4}, "0", id="not between"),
        pytest.param("{{ 1 if 1 < lead.x == 3 else 0 }}", {"x": 3}, "1", id="between and equal"),
        pytest.param("{{ 1 if lead.x == 3 else 0 }}", {"x": ""}, "0", id="unknown is no number"),
        pytest.param("{{ lead.x|truncate(end='', length=3) }}", {"x": "abcd"}, "abc", id="named"),
        pytest.param("{{ 'a' if lead.x }}", {"x": ""}, "", id="if without else"),
        pytest.param("{{ 1 if lead.x is defined else 0 }}", {"x": ""}, "1", id="defined"),
        pytest.param("{{ 1 if lead.y is undefined else 0 }}", {}, "1", id="undefined"),
        pytest.param("{{ lead.y|default('q') }}", {}, "q", id="default: undefined"),
        pytest.param("{{ 1 if lead.x is none else 0 }}", {"x": None}, "1", id="none"),
        pytest.param("{{ 1 if lead.x is odd else 0 }}", {"x": 3}, "1", id="odd"),
        pytest.param("{{ 1 if lead.x is even else 0 }}", {"x": ""}, "0", id="unknown is not even"),
        pytest.param("{{ lead.items }}", {"items": "a"}, "a", id="a field named like a method"),
    ],
)
def test_a_template_writes(source: str, fields: dict[str, object], expected: str) -> None:
    assert render(source, **fields) == expected


@pytest.mark.parametrize(
    ("source", "fields", "complaint"),
    [
        pytest.param("{{ lead.x }}", {"x": object()}, "a object cannot", id="an object"),
        pytest.param("{{ lead.x }}", {"x": [["a"]]}, "list of lists", id="a list of lists"),
        pytest.param("{{ lead.x|date }}", {"x": "soon"}, "date takes", id="no date"),
        pytest.param("{{ lead.x|round }}", {"x": "a"}, "round takes", id="rounding text"),
        pytest.param("{{ 1|round(99) }}", {}, "round takes", id="rounding to nonsense"),
        pytest.param("{{ 1|round(1, 'up') }}", {}, "round knows", id="an unknown method"),
        pytest.param("{{ lead.x|length }}", {"x": 7}, "takes a text or a list", id="length of 7"),
        pytest.param("{{ lead.x|join }}", {"x": "ab"}, "a loop goes over a list", id="join text"),
        pytest.param("{{ lead.x * 2 }}", {"x": "a"}, "takes two numbers", id="text times two"),
        pytest.param("{{ 1 / lead.x }}", {"x": 0}, "division by zero", id="by zero"),
        pytest.param("{{ lead.x * lead.x }}", {"x": 10**9}, "beyond all reason", id="too large"),
        pytest.param("{{ lead.y }}", {}, "'y' is undefined", id="a field that nobody passed"),
        pytest.param("{{ nobody.y }}", {}, "'nobody' is undefined", id="a name nobody passed"),
        pytest.param(
            "{% for i in lead.x %}{% endfor %}", {"x": ["a"] * 201}, "at most 200", id="a long list"
        ),
        pytest.param(
            "{{ lead.x|replace('a', lead.x) }}",
            {"x": "a" * 200},
            "grew beyond",
            id="a text that squares itself",
        ),
        pytest.param(
            "{{ lead.x|urlencode|urlencode|urlencode }}",
            {"x": "%" * 4_000},
            "grew beyond",
            id="a text that triples itself",
        ),
        pytest.param(
            "{{ [lead.x, lead.x]|join(lead.x) }}", {"x": "a" * 9_000}, "grew beyond", id="join"
        ),
    ],
)
def test_a_template_fails_with(source: str, fields: dict[str, object], complaint: str) -> None:
    with pytest.raises(RenderError, match=complaint):
        render(source, **fields)


def test_fields_may_come_in_any_mapping() -> None:
    template = compile_one({"t.txt": "{{ company.name }}"}, "t.txt")
    assert template.render(clean({"company": MappingProxyType({"name": "a"})})) == "a"


def test_a_value_longer_than_the_limit_never_reaches_a_template() -> None:
    with pytest.raises(RenderError, match="longer than"):
        clean({"lead": {"x": "a" * (MAX_TEXT + 1)}})


texts = st.text(max_size=60)
values = st.one_of(
    texts,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.lists(texts, max_size=4),
)


@given(name=st.sampled_from(sorted(FILTERS)), value=values)
def test_every_filter_answers_or_says_why_not(name: str, value: object) -> None:
    try:
        result = FILTERS[name](value)
    except (TemplateError, TypeError, OverflowError, ValueError):
        return
    assert len(str(result)) <= MAX_TEXT


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_filter_takes_the_unknown(name: str) -> None:
    brackets = "('a', 'b')" if name == "replace" else ""
    assert render(f"{{{{ lead.x|{name}{brackets} }}}}", x="") in {"", "0"}


@given(left=values, right=values, operator=st.sampled_from(["lt", "lteq", "gt", "gteq"]))
def test_a_comparison_by_size_never_fails(left: object, right: object, operator: str) -> None:
    assert ordered(left, operator, right) in (True, False)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("{{ lead.x|int }}", "0", id="a number without end"),
        pytest.param("{{ lead.y|int }}", "0", id="a number beyond reason"),
        pytest.param("{{ lead.y|int(5) }}", "5", id="with something in its place"),
        pytest.param("{{ 'yes' if lead.x in lead.list }}", "yes", id="in a list"),
        pytest.param("{{ 'yes' if lead.x not in lead.unknown }}", "yes", id="not in the unknown"),
        pytest.param("{{ 'yes' if 5 in lead.unknown else 'no' }}", "no", id="in the unknown"),
        pytest.param("{{ 'yes' if 'e4' in lead.x }}", "yes", id="in a text"),
        pytest.param("{{ 'yes' if lead.x == lead.same }}", "yes", id="equal"),
        pytest.param("{{ 'yes' if lead.x != lead.y }}", "yes", id="not equal"),
    ],
)
def test_a_hostile_value_is_worked_with(source: str, expected: str) -> None:
    values = {"x": "1e400", "y": "9" * 4_000, "list": ["1e400"], "same": "1e400", "unknown": ""}
    assert render(source, **values) == expected


@pytest.mark.parametrize(
    "source", ["{{ 1 if lead.x in lead.gone }}", "{{ 1 if lead.x == lead.gone }}"]
)
def test_what_is_undefined_cannot_be_compared_with(source: str) -> None:
    with pytest.raises(RenderError, match="'gone' is undefined"):
        render(source, x="a")


@given(st.text(st.one_of(st.characters(), st.sampled_from("aB -({[<'ßǆﬃ")), max_size=8))
def test_a_title_is_that_of_jinja(text: str) -> None:
    assert FILTERS["title"](text) == do_title(text)
