"""The backtest as one page that can be passed on: no script, no other file, no network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from jinja2 import PackageLoader

from nurture.calibrate import wording
from nurture.calibrate.backtest import Backtest, Field
from nurture.calibrate.bins import LEAST_CASES
from nurture.calibrate.gain_chart import gain_chart
from nurture.calibrate.measure import Auc
from nurture.calibrate.show_care import care
from nurture.reports import charts
from nurture.reports.charts import Bar, Range
from nurture.reports.figures import FULL, HALF, Figure, Plot, Section, Table, plot
from nurture.reports.page import Tile, environment
from nurture.reports.wording import count, many, percent

MOST_CHARTS = 8
"""So many fields are drawn; the others are in the table."""
MOST_BARS = 14


def render(found: Backtest, *, yaml: str, is_diff: bool) -> str:
    """Return the page; `yaml` is the suggestion, or with `is_diff` what it would change."""
    made = environment(PackageLoader("nurture.calibrate", "template"))
    return made.get_template("backtest.html").render(
        found=found,
        verdict=wording.verdict(found),
        suspected=wording.suspected(found),
        how=wording.how(found),
        trained=count(found.trained.cases),
        tested=count(found.tested.cases),
        tiles=_tiles(found),
        sections=_sections(found),
        yaml=yaml,
        is_diff=is_diff,
    )


def _sections(found: Backtest) -> list[Section]:
    sections = [
        Section(id="sorting", title="Do the points sort?", figures=tuple(_sorting(found))),
        Section(id="saying", title="What says something", figures=tuple(_saying(found))),
        Section(id="points", title="Suggested points", figures=tuple(_points(found))),
        Section(id="care", title="What to be careful about", figures=tuple(care(found))),
    ]
    return [section for section in sections if section.figures]


def _tiles(found: Backtest) -> list[Tile]:
    average = percent(found.tested.rate)
    return [
        Tile(
            name="Sorts right (AUC)",
            value=f"{found.auc.value:.2f}",
            note=f"likely {wording.interval(found.auc)}; 0.50 is a coin",
        ),
        Tile(
            name="Wins in the best fifth",
            value=percent(found.share_of_wins_top_20),
            note=f"of all wins; {percent(0.2)} by chance",
        ),
        Tile(
            name="Best tenth",
            value=f"{found.lift_top_decile:.1f} times",
            note=f"as often a win as the average of {average}",
        ),
        Tile(
            name="Chances off by (Brier)",
            value=f"{found.brier:.3f}",
            note=f"{found.brier_of_average:.3f} by telling all the average",
        ),
        Tile(
            name="Learned from",
            value=count(found.trained.cases),
            note=f"cases, {percent(found.trained.rate)} won",
        ),
        Tile(
            name="Measured on",
            value=count(found.tested.cases),
            note=f"other cases, {average} won",
        ),
    ]


# -- sorting -------------------------------------------------------------------------------------


def _sorting(found: Backtest) -> list[Figure]:
    return [_gains(found), _tenths(found), _reliability(found), *_today(found)]


def _gains(found: Backtest) -> Figure:
    statement = (
        f"The best tenth holds {percent(found.gains[10])} of all wins, the best fifth "
        f"{percent(found.gains[20])}, the better half {percent(found.gains[50])}."
    )
    return Figure(
        id="gains",
        title="How many wins, if you work on the best first",
        statement=" ".join(said for said in (statement, wording.at_capacity(found)) if said),
        note="The dashed line is what chance would bring: 20 % of the wins for 20 % of the work. "
        "Cases with equal points share their wins.",
        table=Table(
            headings=("Best part of the cases", "Share of all wins"),
            numbers=(False, True),
            rows=tuple(
                (percent(part / 100), percent(found.gains[part])) for part in range(10, 101, 10)
            ),
        ),
        plots=(plot(partial(gain_chart, found.gains, sentence=statement)),),
    )


def _tenths(found: Backtest) -> Figure:
    names = ("Best", "2nd", "3rd", *(f"{number}th" for number in range(4, 10)), "Last")
    rows = [
        Bar(
            label=f"{name} tenth",
            amount=part.rate,
            value=percent(part.rate),
            note=f"{part.won:.0f} of {count(part.cases)}",
        )
        for name, part in zip(names, found.tenths, strict=True)
    ]
    statement = (
        f"In the best tenth {percent(found.tenths[0].rate)} won, in the last "
        f"{percent(found.tenths[-1].rate)}; {percent(found.tested.rate)} on average."
    )
    return Figure(
        id="tenths",
        title="How often each tenth wins",
        statement=statement,
        note="All cases in the order of their points, cut into ten equal parts. The bars should "
        "get shorter from top to bottom.",
        table=None,
        plots=(plot(partial(charts.bars, rows, sentence=statement)),),
    )


def _reliability(found: Backtest) -> Figure:
    rows, cells = [], []
    for band in reversed(found.reliability):
        low, high = band.part.interval
        low_points, high_points = band.low_points, band.high_points
        points = f"{low_points} to {high_points} points"
        if low_points == high_points:
            points = many(low_points, "point")
        rows.append(
            Range(
                label=points,
                low=low,
                middle=band.part.rate,
                high=high,
                value=percent(band.part.rate),
                note=f"{percent(band.foretold)} foretold",
            )
        )
        cells.append(
            (
                points,
                count(band.part.cases),
                percent(band.foretold),
                percent(band.part.rate),
                f"{percent(low)} to {percent(high)}",
            )
        )
    statement = wording.chances(found)
    widths = HALF if found.today else FULL
    return Figure(
        id="reliability",
        title="Foretold and what came",
        statement=statement,
        note="The mark is the share that won, the bar where it likely lies (95 %). Foretold should "
        "be inside the bar.",
        table=Table(
            headings=("Points", "Cases", "Foretold", "Won", "Likely"),
            numbers=(False, True, True, True, True),
            rows=tuple(cells),
        ),
        plots=(plot(partial(charts.ranges, rows, sentence=statement), widths),),
        # Beside the scores in force if there are any, else the row is its own.
        wide=not found.today,
    )


def _today(found: Backtest) -> list[Figure]:
    if not found.today:
        return []
    told = [("Suggested points", found.auc)]
    told += [(f"{name.capitalize()} in force", one) for name, one in found.today.items()]
    rows = [_auc_range(name, one) for name, one in told]
    statement = "The same cases, sorted by the scores as they stood when each lead was handed over."
    return [
        Figure(
            id="today",
            title="The scores in force beside the suggestion",
            statement=statement,
            note="Below 0.50 a score sorts the wrong way round. Where the bars overlap widely, the "
            "difference may be chance.",
            table=None,
            plots=(plot(partial(charts.ranges, rows, sentence=statement, top=1.0)),),
        )
    ]


def _auc_range(label: str, found: Auc) -> Range:
    shown = f"{found.value:.2f}"
    return Range(label=label, low=found.low, middle=found.value, high=found.high, value=shown)


# -- fields --------------------------------------------------------------------------------------


def _saying(found: Backtest) -> list[Figure]:
    ranked = sorted(found.fields, key=lambda one: (-one.auc.value, one.cut.field))
    rows = [_auc_range(one.cut.field, one.auc) for one in ranked]
    statement = f"“{found.fields[0].cut.field}” says most about the outcome."
    return [
        Figure(
            id="fields",
            title="How well each field sorts by itself",
            statement=statement,
            note="AUC with its likely range: 0.50 is a coin, 1.00 is certain. Fields that say less "
            "than an information value of 0.01 give no points and are listed at the end.",
            table=Table(
                headings=("Field", "AUC alone", "Likely", "Information value", "Drift (PSI)"),
                numbers=(False, True, True, True, True),
                rows=tuple(
                    (
                        one.cut.field,
                        f"{one.auc.value:.3f}",
                        wording.interval(one.auc),
                        f"{one.evidence.information_value:.3f}",
                        f"{one.psi:.3f}",
                    )
                    for one in found.fields
                ),
            ),
            plots=(plot(partial(charts.ranges, rows, sentence=statement, top=1.0), FULL),),
            wide=True,
        )
    ]


def _points(found: Backtest) -> list[Figure]:
    return [_of_field(number, one) for number, one in enumerate(found.fields)]


def _of_field(number: int, one: Field) -> Figure:
    lines = [
        (slot.label, cases, won, weight, points)
        for slot, cases, won, weight, points in zip(
            one.cut.slots,
            one.evidence.cases.tolist(),
            one.evidence.won.tolist(),
            one.evidence.weight.tolist(),
            one.points,
            strict=True,
        )
        if cases
    ]
    ranked = lines if one.cut.is_number else sorted(lines, key=lambda row: -row[4])
    rows = [
        Bar(
            label=label,
            amount=points,
            value=str(points),
            note=f"{percent(won / cases)} of {count(cases)} won"
            if cases >= LEAST_CASES
            else f"{many(cases, 'case')}: too few",
        )
        for label, cases, won, _, points in ranked[:MOST_BARS]
    ]
    top = max(points for *_, points in lines)
    enough = all(cases >= LEAST_CASES for _, cases, *_ in lines)
    statement = f"Up to {many(top, 'point')}."
    return Figure(
        id=f"field-{number}",
        title=one.cut.field,
        statement=statement,
        note="" if enough else "Values with fewer than 30 cases get the points of no news.",
        table=Table(
            headings=("Value", "Cases", "Won", "Share", "Weight of evidence", "Points"),
            numbers=(False, True, True, True, True, True),
            rows=tuple(
                (label, count(cases), count(won), percent(won / cases), f"{weight:+.2f}", str(p))
                for label, cases, won, weight, p in ranked
            ),
        ),
        plots=_bars(rows, f"{one.cut.field}: {statement}") if number < MOST_CHARTS else (),
        open=number >= MOST_CHARTS,
    )


def _bars(rows: Sequence[Bar], sentence: str) -> tuple[Plot, ...]:
    return (plot(partial(charts.bars, rows, sentence=sentence)),)
