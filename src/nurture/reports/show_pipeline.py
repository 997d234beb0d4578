"""The figures about people: how far they get, where they are lost, how long it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import SimpleNamespace

import pandas as pd

from nurture.reports import charts
from nurture.reports.charts import Bar, Curve, Part, Range
from nurture.reports.figures import (
    COUNT,
    DAYS,
    FULL,
    SHARE,
    TEXT,
    Figure,
    Plot,
    Section,
    lines,
    plot,
    table,
)
from nurture.reports.funnel import WAYS_OUT
from nurture.reports.pace import ALL, CAPTURED, HANDED, OPPORTUNITY, PROSPECT
from nurture.reports.wording import count, days, lasting, many, percent

Tables = Mapping[str, pd.DataFrame]

MOST_SOURCES = 12
ENOUGH = 10
"""A rate is put into words only if it rests on so many people."""

ALMOST_ALL = 0.95

_LINES = {PROSPECT: "one", OPPORTUNITY: "two", HANDED: "three"}
_OUT_TONES = dict(zip(WAYS_OUT, ("rest", "three", "five", "gone"), strict=True))


def people(tables: Tables) -> Section:
    """Return the section on how far people get."""
    return Section(
        id="people",
        title="How far people get",
        figures=(_funnel(tables), _lost(tables), _sources(tables)),
    )


def captured(tables: Tables) -> int:
    """Return how many people there are in all."""
    return int(tables["milestones"]["leads"].iloc[0])


def _funnel(tables: Tables) -> Figure:
    steps = lines(tables["milestones"])
    share = {step.milestone: percent(step.of_all) for step in steps}
    name = {step.milestone: step.name for step in steps}
    statement = "Nobody has been captured yet."
    if captured(tables):
        statement = (
            f"Of {many(captured(tables), 'person', 'people')} captured, {share['prospect']} "
            f"reached {name['prospect']}, {share['handed_over']} were handed to sales, "
            f"{share['accepted']} were accepted, and {share['customer']} reached "
            f"{name['customer']}."
        )
    bars = [
        Bar(
            label=step.name,
            amount=step.leads,
            value=count(step.leads),
            note="" if number == 0 else percent(step.of_previous),
        )
        for number, step in enumerate(steps)
    ]
    return Figure(
        id="funnel",
        title="From capture to customer",
        statement=statement,
        note="Everybody on file, ever. Percentages beside the bars are of the bar above. Whoever "
        "is further on counts for every step before.",
        table=table(
            tables["milestones"],
            ("name", "Milestone", TEXT),
            ("leads", "People", COUNT),
            ("of_previous", "Of the step before", SHARE),
            ("of_all", "Of all", SHARE),
        ),
        plots=(plot(partial(charts.funnel, bars, sentence=statement)),),
    )


def _lost(tables: Tables) -> Figure:
    stages = lines(tables["stages"])
    rows = [bar for stage in stages if (bar := _stopped_at(stage)).amount]
    gone = {s.name: sum(getattr(s, out) for out in WAYS_OUT) for s in stages}
    total = sum(gone.values())
    statement = "Nobody has left."
    if total:
        worst = max(gone, key=lambda name: gone[name])
        statement = (
            f"{many(total, 'person', 'people')} left without buying, "
            f"{percent(total / captured(tables))} of all; {count(gone[worst])} of them had got as "
            f"far as {worst}."
        )
    return Figure(
        id="lost",
        title="Where people stop",
        statement=statement,
        note="Each person stands in the row of the furthest stage they ever reached. In play: "
        "still on the way, perhaps back at an earlier stage.",
        table=table(
            tables["stages"],
            ("name", "Stage", TEXT),
            ("reached", "Reached it", COUNT),
            ("of_previous", "Of the stage before", SHARE),
            ("went_on", "Went on", COUNT),
            ("in_play", "In play", COUNT),
            ("customers", "Customers", COUNT),
            *((str(out), out.capitalize(), COUNT) for out in WAYS_OUT),
            ("waste", "Left", SHARE),
        ),
        plots=(plot(partial(charts.shares, rows, sentence=statement)),) if rows else (),
    )


def _stopped_at(stage: SimpleNamespace) -> Bar:
    parts = [
        Part(name="in play", amount=stage.in_play, tone="mid"),
        Part(name="customers", amount=stage.customers, tone="strong"),
        *(
            Part(name=str(out), amount=getattr(stage, out), tone=_OUT_TONES[out])
            for out in WAYS_OUT
        ),
    ]
    total = sum(part.amount for part in parts)
    return Bar(
        label=stage.name,
        amount=total,
        value=count(total),
        parts=tuple(parts),
    )


def _sources(tables: Tables) -> Figure:
    found = tables["sources"]
    rows = lines(found)
    shown = rows[:MOST_SOURCES]
    statement = _best_source(rows)
    more = (
        f" The {MOST_SOURCES} largest of {len(rows)} are drawn." if len(rows) > len(shown) else ""
    )
    return Figure(
        id="sources",
        title="Sources",
        statement=statement,
        note="Percentages are of those captured: first prospects, then handed to sales. One lies "
        f"over the other.{more}",
        table=table(
            found,
            ("source", "Source", TEXT),
            ("captured", "Captured", COUNT),
            ("prospects", "Prospects", COUNT),
            ("prospect_rate", "of captured", SHARE),
            ("opportunities", "Opportunities", COUNT),
            ("handed_over", "Handed over", COUNT),
            ("handed_over_rate", "of captured", SHARE),
            ("accepted", "Accepted", COUNT),
            ("customers", "Customers", COUNT),
            ("customer_rate", "of captured", SHARE),
            ("wasted", "Left", COUNT),
            ("waste_rate", "of captured", SHARE),
        ),
        plots=(plot(partial(_source_bars, shown, statement), FULL),) if shown else (),
        wide=True,
    )


def _source_bars(rows: Sequence[SimpleNamespace], sentence: str, *, width: float) -> str:
    told = "{} prospects · {} to sales" if width >= charts.NARROW else "{} · {}"
    bars = [
        Bar(
            label=row.source,
            amount=row.captured,
            value=count(row.captured),
            note=told.format(percent(row.prospect_rate), percent(row.handed_over_rate)),
            tone="soft",
            parts=(
                Part(name="became prospects", amount=row.prospects, tone="mid"),
                Part(name="handed to sales", amount=row.handed_over, tone="strong"),
            ),
        )
        for row in rows
    ]
    return charts.bars(bars, width=width, sentence=sentence, whole="captured")


def _best_source(rows: list[SimpleNamespace]) -> str:
    if not rows:
        return "Nobody has come in yet."
    most = rows[0]
    statement = f"Most people come from {most.source}: {count(most.captured)}."
    judged = [row for row in rows if row.captured >= ENOUGH and row.prospects]
    if judged:
        best = max(judged, key=lambda row: (row.prospect_rate, row.captured))
        statement += (
            f" The largest share of prospects is from {best.source}: {percent(best.prospect_rate)}."
        )
    return statement


# -- time ----------------------------------------------------------------------------------------


def time(tables: Tables) -> Section:
    """Return the section on how long it takes."""
    return Section(id="time", title="How long it takes", figures=(_curves(tables), _spans(tables)))


def _leg(tables: Tables, ends: str) -> SimpleNamespace:
    pace = tables["pace"]
    found = pace[(pace["scope"] == ALL) & (pace["begins"] == CAPTURED) & (pace["ends"] == ends)]
    return lines(found)[0]


def _curves(tables: Tables) -> Figure:
    arrivals = tables["arrivals"]
    names = dict(zip(arrivals["milestone"], arrivals["name"], strict=True))
    curves = []
    for milestone, tone in _LINES.items():
        leg, own = _leg(tables, milestone), arrivals[arrivals["milestone"] == milestone]
        if not leg.leads:
            continue
        curves.append(
            Curve(
                name=names[milestone],
                note=f"median {days(leg.median_days)}",
                tone=tone,
                points=tuple(zip(own["day"].tolist(), own["share"].tolist(), strict=True)),
                quartiles=(leg.quarter_days, leg.median_days, leg.three_quarters_days),
            )
        )
    prospects, handed = _leg(tables, PROSPECT), _leg(tables, HANDED)
    statement = "Nobody has become a prospect yet."
    if prospects.leads:
        statement = f"Half of the {count(prospects.leads)} prospects became so within "
        statement += f"{lasting(prospects.median_days)} of their capture."
    if handed.leads:
        statement += f" Half of the {count(handed.leads)} handed to sales got there within "
        statement += f"{lasting(handed.median_days)}."
    last = _last_day(arrivals)
    return Figure(
        id="pace",
        title="Time to qualification",
        statement=statement,
        note="Of those who got there, how many were there by each day after capture. Dots: a "
        f"quarter, a half, three quarters.{_cut(arrivals, last)}",
        table=table(
            _overall(tables),
            ("name", "From and to", TEXT),
            ("leads", "People", COUNT),
            ("quarter_days", "A quarter within", DAYS),
            ("median_days", "Half within", DAYS),
            ("three_quarters_days", "Three quarters within", DAYS),
        ),
        plots=(plot(partial(charts.curves, curves, sentence=statement, last_day=last)),)
        if curves
        else (),
    )


def _overall(tables: Tables) -> pd.DataFrame:
    pace = tables["pace"]
    own = pace[pace["scope"] == ALL]
    legs = zip(own["begins"], own["ends"], strict=True)
    return own.assign(name=[f"{begins} to {ends}".replace("_", " ") for begins, ends in legs])


def _last_day(arrivals: pd.DataFrame) -> float:
    """Return where the axis ends: a few stragglers must not press all others to the edge."""
    if arrivals.empty:
        return 1.0
    within = arrivals[arrivals["share"] >= ALMOST_ALL].groupby("milestone")["day"].min()
    return charts.nice_ticks(float(within.max()) or 1.0, whole=True)[-1]


def _cut(arrivals: pd.DataFrame, last: float) -> str:
    late = int(arrivals[arrivals["day"] > last]["leads"].sum())
    return f" {count(late)} took longer than the axis shows." if late else ""


def _spans(tables: Tables) -> Figure:
    pace = tables["pace"]
    by_source = pace[(pace["scope"] != ALL) & (pace["begins"] == CAPTURED)]
    own = by_source[by_source["ends"] == PROSPECT]
    judged = [row for row in lines(own) if row.leads >= ENOUGH]
    statement = "Too few people yet to compare sources."
    if judged:
        fastest = min(judged, key=lambda row: (row.median_days, row.source))
        statement = (
            f"From {fastest.source} it goes fastest: half are prospects within "
            f"{lasting(fastest.median_days)}."
        )
    return Figure(
        id="pace-sources",
        title="Time by source",
        statement=statement,
        note=f"Mark: the median. Band: the middle half. Only sources with {ENOUGH} prospects or "
        "more are put into words.",
        table=table(
            by_source.assign(ends=by_source["ends"].str.replace("_", " ")),
            ("source", "Source", TEXT),
            ("ends", "From capture to", TEXT),
            ("leads", "People", COUNT),
            ("quarter_days", "A quarter within", DAYS),
            ("median_days", "Half within", DAYS),
            ("three_quarters_days", "Three quarters within", DAYS),
        ),
        plots=(*_span_plots(by_source, PROSPECT), *_span_plots(by_source, HANDED)),
    )


def _span_plots(by_source: pd.DataFrame, ends: str) -> list[Plot]:
    own = by_source[by_source["ends"] == ends].sort_values(
        ["leads", "source"], ascending=[False, True]
    )
    rows = [
        Range(
            label=row.source,
            low=row.quarter_days,
            middle=row.median_days,
            high=row.three_quarters_days,
            value=days(row.median_days),
            note=many(row.leads, "person", "people"),
        )
        for row in lines(own.head(MOST_SOURCES))
    ]
    heading = f"From capture to {ends}".replace("_", " ")
    sentence = f"{heading}: median and middle half, by source."
    # Both pictures have one scale, so that they can be compared.
    both = by_source[by_source["ends"].isin([PROSPECT, HANDED])]
    longest = float(both["three_quarters_days"].max())
    draw = partial(charts.ranges, rows, sentence=sentence, top=longest)
    return [plot(draw, heading=heading)] if rows else []
