"""Charts draw amounts to scale, fit their width, and let no text become markup."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from nurture.reports import charts
from nurture.reports.charts import Bar, Column, Curve, Part, Range
from nurture.reports.svg import breadth, fit

HOSTILE = '</text><script>x</script>"\x00\u202e'
WIDTHS = [pytest.param(320.0, id="phone"), pytest.param(500.0, id="half"), pytest.param(1040.0)]


def _bar(label: str, amount: float, *parts: Part) -> Bar:
    return Bar(label=label, amount=amount, value=f"{amount:g}", note="10 %", parts=parts)


def _widths(svg: str, tone: str) -> list[float]:
    return [float(found) for found in re.findall(rf'width="([\d.]+)"[^>]*class="c-{tone}"', svg)]


def _all(label: str, width: float) -> list[str]:
    """Draw every kind of chart with the label in every place that takes one."""
    parts = (Part(name=label, amount=1, tone="one"), Part(name="rest", amount=2, tone="rest"))
    curve = Curve(
        name=label, note=label, tone="one", points=((1, 0.5), (3, 1.0)), quartiles=(1, 1, 3)
    )
    span = Range(label=label, low=1, middle=2, high=3, value="2 d", note=label[:12])
    column = Column(name=label, label=label, parts=parts)
    bar = Bar(label=label, amount=3, value="3", note="", parts=parts)
    return [
        charts.funnel([bar], width=width, sentence=label),
        charts.bars([bar], width=width, sentence=label, whole=label),
        charts.shares([bar], width=width, sentence=label),
        charts.weeks([column], width=width, sentence=label),
        charts.curves([curve], width=width, sentence=label, last_day=4),
        charts.ranges([span], width=width, sentence=label),
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_no_label_becomes_markup(width: float) -> None:
    for svg in _all(HOSTILE, width):
        tree = ET.fromstring(svg)  # noqa: S314 (our own text)
        assert {element.tag for element in tree.iter()} <= {
            *("svg", "g", "rect", "text", "title", "line", "path", "circle")
        }
        assert "\u202e" not in svg


@pytest.mark.parametrize("width", WIDTHS)
def test_a_bar_is_as_long_as_its_share_of_the_longest(width: float) -> None:
    svg = charts.bars([_bar("a", 100), _bar("b", 25)], width=width, sentence="Bars.")
    longest, other = _widths(svg, "accent")
    assert other == pytest.approx(longest / 4, abs=0.1)


def test_a_funnel_measures_every_step_against_the_first() -> None:
    svg = charts.funnel([_bar("a", 200), _bar("b", 50)], width=500, sentence="Funnel.")
    track, bars = _widths(svg, "track")[0], _widths(svg, "accent")
    assert bars == [track, pytest.approx(track / 4, abs=0.1)]


def test_little_stays_visible_and_nothing_is_not_drawn() -> None:
    svg = charts.bars([_bar("a", 100000), _bar("b", 1), _bar("c", 0)], width=500, sentence="Bars.")
    assert _widths(svg, "accent")[1:] == [2.0, 0.0]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_drawn_beyond_the_edge(width: float) -> None:
    for svg in _all("A very long label that can hardly have room anywhere, whatever", width):
        for x, across in re.findall(r'<rect x="([\d.-]+)" y="[\d.-]+" width="([\d.]+)"', svg):
            assert float(x) >= 0
            assert float(x) + float(across) <= width + 0.2


def test_every_mark_explains_itself() -> None:
    parts = (Part(name="clicked", amount=3, tone="mid"),)
    svg = charts.bars([_bar("Guide", 10, *parts)], width=500, sentence="Mails.")
    assert "<title>Guide: 10 10 %</title>" in svg
    assert "<title>Guide: 3 clicked</title>" in svg


def test_a_week_without_mails_leaves_a_gap() -> None:
    full = Column(name="a", label="a", parts=(Part(name="n", amount=5, tone="one"),))
    empty = Column(name="b", label="b", parts=(Part(name="n", amount=0, tone="one"),))
    svg = charts.weeks([full, empty, full], width=500, sentence="Weeks.")
    # One more is the legend's.
    assert len(_widths(svg, "one")) == 3
    assert svg.count('class="c-axis"') == 3 + len(charts.nice_ticks(5, whole=True))


def test_a_curve_ends_at_the_axis_however_long_it_goes_on() -> None:
    curve = Curve(
        name="c", note="", tone="one", points=((1, 0.5), (900, 1.0)), quartiles=(1, 1, 900)
    )
    svg = charts.curves([curve], width=500, sentence="Curve.", last_day=10)
    assert svg.count("<circle") == 2
    assert max(float(x) for x in re.findall(r"H([\d.]+)", svg)) <= 500


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        pytest.param(0, [0, 1], id="nothing"),
        pytest.param(1, [0, 1], id="one"),
        pytest.param(7, [0, 2, 4, 6, 8], id="a few"),
        pytest.param(481, [0, 200, 400, 600], id="hundreds"),
        pytest.param(1000, [0, 250, 500, 750, 1000], id="exactly"),
    ],
)
def test_ticks_are_round_and_whole(highest: float, ticks: list[float]) -> None:
    assert charts.nice_ticks(highest, whole=True) == ticks


def test_a_text_is_cut_only_where_there_is_no_room() -> None:
    assert fit("short", 100) == "short"
    cut = fit("a label that is much too long", 60)
    assert cut.endswith("…")
    assert breadth(cut) <= 60
    assert fit("中" * 30, 60).count("中") < 6
