"""No template runs for long: what filters and comparisons do is counted, not timed."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from nurture.core.errors import RenderError
from nurture.render.environment import clean, compile_one, lint
from tests.render.mails import ALLOWED

HUNDRED = f"[{', '.join(['1'] * 100)}]"
LONG = ("ab c" * 4_000)[:15_000]
WIDE = "\U00010400" * 16_000
SAME = "".join(["\U00010400"] * 16_000)


def looped(body: str) -> str:
    """Return the body in a loop of ten thousand rounds."""
    inner = f"{{% for j in {HUNDRED} %}}{body}{{% endfor %}}"
    return f"{{% for i in {HUNDRED} %}}{inner}{{% endfor %}}"


def rendered(source: str, **fields: object) -> str:
    """Render a template for a lead with the fields."""
    return compile_one({"m.html": source}, "m.html").render(clean({"lead": fields}))


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param("{% if b|title|length < 3 %}x{% endif %}", {}, id="a constant"),
        pytest.param("{% if lead.x|title %}{% endif %}", {"x": LONG}, id="a lead's value"),
        pytest.param("{% if lead.x|int %}{% endif %}", {"x": "9" * 4_300}, id="a long number"),
        pytest.param("{% if b|trim(b) %}{% endif %}", {}, id="a long text to cut off"),
        pytest.param("{% if b|replace(lead.x, '') %}{% endif %}", {"x": "bc" * 49}, id="replace"),
        pytest.param("{% if lead.x in lead.y %}{% endif %}", {"x": "b", "y": WIDE}, id="in a text"),
        pytest.param(
            "{% if lead.x == lead.y %}{% endif %}", {"x": [WIDE] * 200, "y": [SAME] * 200}, id="=="
        ),
        pytest.param(
            "{% if lead.x <= lead.y %}{% endif %}", {"x": [WIDE] * 200, "y": [SAME] * 200}, id="<="
        ),
        pytest.param("{% if lead.x in lead.y %}{% endif %}", {"x": WIDE, "y": [SAME] * 9}, id="in"),
        pytest.param("{% set c = '2026-03-12'|date or ''|date %}" * 6, {}, id="many dates"),
    ],
)
def test_a_loop_over_long_texts_ends_soon(body: str, fields: dict[str, object]) -> None:
    began = time.process_time()
    with pytest.raises(RenderError, match=r"m\.html:1: (this takes too long|trim takes)"):
        rendered(f"{{% set b = '{LONG}' %}}{looped(body)}", **fields)
    assert time.process_time() - began < 1


def test_work_is_counted_anew_for_every_mail() -> None:
    template = compile_one({"m.txt": "{{ lead.x|title|upper|lower }}"}, "m.txt")
    values = clean({"lead": {"x": LONG}})
    first = template.render(values)
    assert all(template.render(values) == first for _ in range(50))


def test_a_loop_over_short_texts_may_do_much() -> None:
    body = "{% if j|round == lead.x|int %}{{ lead.x|upper|e }}{% endif %}"
    assert rendered(looped(body), x="1") == "1" * 10_000


def test_a_loop_fills_no_memory_with_the_template_s_own_text() -> None:
    tracemalloc.start()
    with pytest.raises(RenderError, match="longer than"):
        rendered(looped("x" * 100_000))
    assert tracemalloc.get_traced_memory()[1] < 64 * 1024 * 1024
    tracemalloc.stop()


def test_a_text_inside_an_expression_is_not_endless() -> None:
    flaw = lint(f"<p>a</p>\n{{% set b = '{'x' * 16_385}' %}}", "m.html", ALLOWED)[0]
    assert (flaw.line, flaw.message) == (2, "a text of more than 16384 characters")


def test_a_short_list_written_out_may_hold_more_in_its_loop() -> None:
    body = "{% for j in [1, 2, 3] %}" + "{{ j }}" * 5_000 + "{% endfor %}"
    assert len(rendered(f"{{% for i in [1, 2] %}}{body}{{% endfor %}}")) == 30_000


def test_what_decides_which_items_a_loop_takes_is_counted_too() -> None:
    test = " or ".join(["j > 1"] * 10)
    source = f"{{% for i in lead.x %}}{{% for j in lead.x if {test} %}}{{% endfor %}}{{% endfor %}}"
    with pytest.raises(RenderError, match="its loops could run for too long"):
        rendered(source, x=[1] * 200)
