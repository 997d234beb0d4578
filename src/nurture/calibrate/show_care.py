"""The figures that say what to be careful about."""

from __future__ import annotations

from functools import partial

from nurture.calibrate import wording
from nurture.calibrate.backtest import RECORDED_AFTER, Backtest
from nurture.calibrate.cases import LeftOut
from nurture.reports import charts
from nurture.reports.charts import Range
from nurture.reports.figures import Figure, Table, plot
from nurture.reports.wording import count, many, percent


def care(found: Backtest) -> list[Figure]:
    """Return leaks, drift, what sales said, and what was not used."""
    return [*_leaks(found), _drift(found), *_answers(found), *_left_out(found)]


def _leaks(found: Backtest) -> list[Figure]:
    if not found.leaks:
        return []
    doubted = [leak.field for leak in found.leaks if leak.reason != RECORDED_AFTER]
    statement = "Declared as recorded after the decision, so they give no points."
    if doubted:
        statement = (
            f"{', '.join(doubted)}: nothing that is known beforehand tells an outcome so well. If "
            "it was written down afterwards, all figures on this page are too good: run again with "
            "--recorded-after."
        )
    return [
        Figure(
            id="leaks",
            title="Fields that know too much",
            statement=statement,
            note="",
            table=Table(
                headings=("Field", "AUC alone", "Why it is listed"),
                numbers=(False, True, False),
                rows=tuple(
                    (leak.field, f"{leak.auc.value:.2f}", leak.reason) for leak in found.leaks
                ),
            ),
            open=True,
            wide=True,
        )
    ]


def _drift(found: Backtest) -> Figure:
    rows = []
    for name, part in (("Learned from", found.trained), ("Measured on", found.tested)):
        low, high = part.interval
        rows.append(
            Range(
                label=name,
                low=low,
                middle=part.rate,
                high=high,
                value=percent(part.rate),
                note="won",
            )
        )
    statement = wording.drift(found)
    return Figure(
        id="drift",
        title="Are these still the same people?",
        statement=statement,
        note="The stability index (PSI) compares how often each value occurs in the two parts: "
        "below 0.1 little has changed, above 0.25 these are other people.",
        table=Table(
            headings=("Field", "Drift (PSI)"),
            numbers=(False, True),
            rows=(
                ("all points together", f"{found.psi_points:.3f}"),
                *(
                    (one.cut.field, f"{one.psi:.3f}")
                    for one in sorted(found.fields, key=lambda one: (-one.psi, one.cut.field))
                ),
            ),
        ),
        plots=(plot(partial(charts.ranges, rows, sentence=statement)),),
    )


def _answers(found: Backtest) -> list[Figure]:
    if not found.cases.answers:
        return []
    return [
        Figure(
            id="answers",
            title="What sales said",
            statement="The last answer to each handoff, and how ready those leads seemed to us.",
            note="A reason that is frequent at high readiness asks for a rule or an exclusion.",
            table=Table(
                headings=("Answer", "Reason", "Handoffs", "Mean readiness"),
                numbers=(False, False, True, True),
                rows=tuple(
                    (one.answer, one.reason, count(one.cases), f"{one.mean_readiness:.0f}")
                    for one in found.cases.answers
                ),
            ),
            open=True,
        )
    ]


def _left_out(found: Backtest) -> list[Figure]:
    listed = [*found.left_out, *found.cases.rows_left_out]
    if not listed:
        return []
    statement = f"{many(len(found.left_out), 'column')} and "
    statement += f"{many(found.cases.rows_left_out_count, 'row or cell', 'rows or cells')}."
    return [
        Figure(
            id="left-out",
            title="What was not used, and why",
            statement=statement,
            note="",
            table=Table(
                headings=("Where", "Why"), numbers=(False, False), rows=tuple(map(_line, listed))
            ),
            open=True,
        )
    ]


def _line(one: LeftOut) -> tuple[str, str]:
    return one.where, one.reason
