"""What is known beforehand of a template's work is never less than what is counted."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings, strategies as st

from nurture.core.errors import RenderError
from nurture.render.effort import ORDINARY, Effort, ordinary
from nurture.render.environment import clean, compile_flat, flatten
from nurture.render.filters import FILTERS, MAX_NUMBER, MAX_TEXT
from nurture.render.sandbox import TEXT
from nurture.render.work import ITEM, MAX_WORK, Working, size

# One letter of each of these becomes two, three or twelve characters in some filter.
GROWING = "ß\u0390\u0130\ufb03<\"'&\U00010400"
LONGEST = [
    *(letter * ORDINARY for letter in GROWING),
    " ".join(["a"] * (ORDINARY // 2)),
    "2026-03-12",
    [""] * (ORDINARY // ITEM),
    ["\U00010400" * (ORDINARY - ITEM)],
    ["<" * 40] * (ORDINARY // (ITEM + 40)),
    [MAX_NUMBER, -0.1 * 3, True, None],
    MAX_NUMBER,
    -MAX_NUMBER,
    1.0e15,
    -1.2345678901234567e-300,
]
VALUES = st.one_of(st.sampled_from(LONGEST), st.sampled_from(["", "a", 7, None, True]))

NAMES = ["lead.a", "lead.b", "lead.c", "i", "j", "x", "loop.index"]
FILTERED = [
    *(f"|{name}" for name in sorted(FILTERS) if name not in {"replace", "truncate"}),
    *("|replace('a', 'bb')", "|replace(lead.a, lead.b)", "|truncate(9)", "|truncate(1, true)"),
    *("|join(lead.b)", "|join(', ')", "|default(lead.c)", "|round(2)", "|trim(lead.c)"),
]
ATOMS = st.sampled_from([*NAMES, "7", "'<text>'", "1e300", "12345678901234567890", "true"])
TERMS = st.builds(
    lambda atom, filters: atom + "".join(filters),
    ATOMS,
    st.lists(st.sampled_from(FILTERED), max_size=3),
)
EXPRESSIONS = st.one_of(
    TERMS,
    st.builds(
        lambda a, op, b: f"(({a}) {op} ({b}))",
        TERMS,
        st.sampled_from(["==", "<", ">=", "in", "+", "*", "-", "or", "and"]),
        TERMS,
    ),
    st.builds(lambda a, b, c: f"({a} if {b} else {c})", TERMS, TERMS, TERMS),
)


def _statements(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, max_size=3).map("".join)
    over = st.sampled_from(["lead.a", "lead.b", "x", "[1, lead.a, lead.b]", "[lead.c, lead.c]"])
    test = st.sampled_from(["", " if i|upper", " if lead.a == lead.b"])
    return st.one_of(
        st.builds(
            lambda e, a, b: f"{{% if {e} %}}{a}{{% else %}}{b}{{% endif %}}",
            EXPRESSIONS,
            body,
            body,
        ),
        st.builds(
            lambda name, over, test, a: f"{{% for {name} in {over}{test} %}}{a}{{% endfor %}}",
            st.sampled_from(["i", "j"]),
            over,
            test,
            body,
        ),
        st.builds(lambda e: f"{{% set x = {e} %}}", EXPRESSIONS),
    )


SHOWN = EXPRESSIONS.map(lambda e: f"{{{{ {e} }}}}")
SOURCES = st.lists(st.recursive(SHOWN, _statements, max_leaves=6), max_size=4).map("".join)


@settings(max_examples=150)
@given(body=SOURCES, a=VALUES, b=VALUES, c=VALUES)
def test_no_rendering_of_ordinary_values_does_more_than_was_foreseen(
    body: str, a: object, b: object, c: object
) -> None:
    values = clean({"lead": {"a": a, "b": b, "c": c}, "i": "", "j": "", "x": a})
    assert ordinary(values)
    try:
        flat = flatten({"m.txt": body}, "m.txt")
    except RenderError:
        return  # what does not compile does no work
    effort = Effort()
    effort.add(flat.body)
    working, written = Working(values), 0
    with suppress(Exception):  # a template can raise whatever Python can
        for piece in compile_flat(flat, TEXT).template.root_render_func(working):  # type: ignore[arg-type]
            written += len(piece)
    assert working.work <= effort.work
    assert written <= effort.written


LETTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
GROW = [a for a in LETTERS if len(f"{a.lower()}{a.upper()}{a.title()}") > len("aAA")]


@pytest.mark.parametrize("name", ["capitalize", "e", "lower", "title", "upper", "urlencode"])
def test_no_letter_grows_by_more_than_is_allowed_for(name: str) -> None:
    effort = Effort()
    effort.add(flatten({"m.txt": f"{{{{ lead.a|{name} }}}}"}, "m.txt").body)
    letters = [*GROW, *GROWING, *LETTERS[::997]]
    written = {letter: str(FILTERS[name](f"{letter}a{letter}")) for letter in letters}
    growth = max(len(text) - 1 for text in written.values()) / 2
    # What is shown counts for six times its length, for it may be escaped.
    assert growth * ORDINARY <= effort.written / 6


def test_ordinary_values_are_short_plain_and_of_few_kinds() -> None:
    kinds = ["a" * ORDINARY, "a\nb\xa0\u200b", "", 7, 0.5, True, None, [], ["a", 1, None], {}]
    assert all(ordinary({"lead": {"x": kind}}) and ordinary({"x": kind}) for kind in kinds)
    assert all(size(kind) <= ORDINARY for kind in kinds)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("a" * (ORDINARY + 1), id="a long text"),
        pytest.param("a\x00", id="a control character"),
        pytest.param("a\r\nb", id="a line end of Windows"),
        pytest.param(["a" * (ORDINARY - ITEM + 1)], id="a long text in a list"),
        pytest.param([""] * (ORDINARY // ITEM + 1), id="a long list"),
        pytest.param(["a\x7f"], id="a control character in a list"),
        pytest.param([["a"]], id="a list in a list"),
        pytest.param(("a",), id="a tuple"),
        pytest.param(MAX_NUMBER + 1, id="a large number"),
        pytest.param([-MAX_NUMBER - 1], id="a large number in a list"),
        pytest.param(float("nan"), id="no number"),
        pytest.param(float("inf"), id="endless"),
        pytest.param(type("Text", (str,), {})("a"), id="a text of another kind"),
        pytest.param(object(), id="an object"),
    ],
)
def test_what_is_out_of_the_ordinary_is_told(value: object) -> None:
    assert not ordinary({"lead": {"x": value}})


def test_a_text_that_fills_up_is_taken_for_as_long_as_a_value_may_be() -> None:
    effort = Effort()
    effort.add(flatten({"m.txt": "{{ lead.a|replace('a', lead.b)|title }}"}, "m.txt").body)
    assert effort.work > MAX_TEXT


def test_loops_in_loops_over_what_is_dear_are_too_much() -> None:
    effort = Effort()
    loops = "{% for i in lead.a %}{% for j in lead.b %}{{ j|urlencode }}{% endfor %}{% endfor %}"
    effort.add(flatten({"m.txt": loops * 2}, "m.txt").body)
    assert effort.work > MAX_WORK
