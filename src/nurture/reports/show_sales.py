"""The figures about sales, about leaving, and about work that is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from math import isnan
from types import SimpleNamespace

import pandas as pd

from nurture.reports import charts
from nurture.reports.charts import Bar, Part, Range
from nurture.reports.figures import (
    COUNT,
    DAYS,
    FULL,
    HOURS,
    SHARE,
    TEXT,
    Figure,
    Plot,
    Section,
    lines,
    plot,
    table,
)
from nurture.reports.reasons import NO_REASON, OTHER_WORDS
from nurture.reports.standstill import ARCHIVED, ERASED, REVIVED, STOPPED
from nurture.reports.wording import NOTHING, count, lasting, many, percent

Tables = Mapping[str, pd.DataFrame]

_ANSWER_TONES = {"rejected": "three", "recycled": "two", "lost": "five", "withdrawn": "rest"}
_LEAVING_TONES = {ARCHIVED: "rest", REVIVED: "one", STOPPED: "three", ERASED: "gone"}
_OUTCOMES = {
    "in_work": ("in work", "mid"),
    "won": ("won", "strong"),
    "lost": ("lost", "five"),
    "recycled": ("recycled", "two"),
    "rejected": ("rejected", "three"),
}
MOST_REASONS = 10


def sales(tables: Tables) -> Section:
    """Return the section on handoffs."""
    figures = (_handoffs(tables), _acceptance(tables), _reasons(tables))
    return Section(id="sales", title="What sales makes of it", figures=figures)


def overall(tables: Tables) -> SimpleNamespace:
    """Return the line on all handoffs."""
    return lines(tables["handoffs"])[0]


def _handoffs(tables: Tables) -> Figure:
    line = overall(tables)
    steps = (
        ("Created", line.created),
        ("Delivered", line.delivered),
        ("Answered", line.answered),
        ("Accepted", line.accepted),
        ("Won", line.won),
    )
    bars: list[Bar] = []
    before = line.created
    for name, amount in steps:
        share = percent(amount / before) if before and bars else ""
        bars.append(Bar(label=name, amount=amount, value=count(amount), note=share))
        before = amount
    statement = _handed_over(line)
    return Figure(
        id="handoffs",
        title="Handoffs",
        statement=statement,
        note="One handoff for each time a person qualifies: whoever was given back and qualifies "
        "again counts again.",
        table=table(
            tables["handoffs"],
            ("title", "Endpoint", TEXT),
            ("created", "Created", COUNT),
            ("waiting", "Waiting", COUNT),
            ("on_the_way", "On the way", COUNT),
            ("withdrawn", "Withdrawn", COUNT),
            ("dead", "Undeliverable", COUNT),
            ("delivered", "Delivered", COUNT),
            ("unanswered", "No answer", COUNT),
            ("in_work", "In work", COUNT),
            ("rejected", "Rejected", COUNT),
            ("recycled", "Recycled", COUNT),
            ("won", "Won", COUNT),
            ("lost", "Lost", COUNT),
            ("overdue", "Ever overdue", COUNT),
            ("median_hours_to_answer", "Half answered in", HOURS),
        ),
        plots=(plot(partial(charts.funnel, bars, sentence=statement)),) if line.created else (),
    )


def _handed_over(line: SimpleNamespace) -> str:
    if not line.created:
        return "Nobody has been handed to sales yet."
    told = f"{many(line.delivered, 'handoff')} reached sales, "
    if line.answered:
        half = lasting(line.median_hours_to_answer / 24)
        told += f"{count(line.answered)} of them have an answer, half within {half}."
    else:
        told += "none has an answer yet."
    if line.overdue_now:
        late = "is" if line.overdue_now == 1 else "are"
        told += f" {count(line.overdue_now)} {late} overdue."
    return told


def _acceptance(tables: Tables) -> Figure:
    line = overall(tables)
    found = tables["handoffs"]
    answered = lines(found[found["answered"] > 0])
    # With one endpoint the sum of all says the same.
    shown = answered[1:] if len(answered) == 2 else answered  # noqa: PLR2004
    statement = "Sales has not answered yet."
    if line.answered:
        statement = (
            f"Sales takes on {percent(line.acceptance)} of what it answers. With "
            f"{many(line.answered, 'answer')} the true rate is probably between "
            f"{percent(line.acceptance_low)} and {percent(line.acceptance_high)}."
        )
    return Figure(
        id="acceptance",
        title="Acceptance",
        statement=statement,
        note="Accepted: sales ever took the person on, whatever came of it. The band is the 95 % "
        "interval by Wilson; few answers make it wide. The scale is from 0 to 100 %.",
        table=table(
            found,
            ("title", "Endpoint", TEXT),
            ("answered", "Answered", COUNT),
            ("accepted", "Accepted", COUNT),
            ("acceptance", "Rate", SHARE),
            ("acceptance_low", "at least", SHARE),
            ("acceptance_high", "at most", SHARE),
        ),
        plots=(_rates(shown, statement), _outcomes(shown)) if shown else (),
    )


def _rates(endpoints: Sequence[SimpleNamespace], sentence: str) -> Plot:
    rows = [
        Range(
            label=row.title,
            low=row.acceptance_low,
            middle=row.acceptance,
            high=row.acceptance_high,
            value=percent(row.acceptance),
            note=f"of {count(row.answered)}",
        )
        for row in endpoints
    ]
    return plot(
        partial(charts.ranges, rows, sentence=sentence, top=1.0),
        heading="Rate, with its 95 % interval",
    )


def _outcomes(endpoints: Sequence[SimpleNamespace]) -> Plot:
    rows = [
        Bar(
            label=row.title,
            amount=row.answered,
            value=count(row.answered),
            parts=tuple(
                Part(name=name, amount=getattr(row, key), tone=tone)
                for key, (name, tone) in _OUTCOMES.items()
            ),
        )
        for row in endpoints
    ]
    sentence = "What became of the answered handoffs."
    return plot(partial(charts.shares, rows, sentence=sentence), heading="Where they stand today")


def _reasons(tables: Tables) -> Figure:
    found = tables["handoff_reasons"]
    ranked = found.sort_values(["handoffs", "answer", "reason"], ascending=[False, True, True])
    rows = [
        Bar(
            label=f"{row.answer.capitalize()}: {row.reason}",
            amount=row.handoffs,
            value=count(row.handoffs),
            tone=_ANSWER_TONES[row.answer],
        )
        for row in lines(ranked.head(MOST_REASONS))
    ]
    statement = "Sales has given none back."
    named = [row for row in lines(ranked) if row.reason not in (NO_REASON, OTHER_WORDS)]
    if named:
        statement = f"The most frequent reason is “{named[0].reason}” ({named[0].answer})."
    elif rows:
        statement = "No reason was named twice."
    return Figure(
        id="reasons",
        title="Why handoffs came to nothing",
        statement=statement,
        note="In the words of sales. What was said of only one handoff is not repeated here: it "
        "may describe a person.",
        table=table(
            found,
            ("answer", "Answer", TEXT),
            ("reason", "Reason", TEXT),
            ("handoffs", "Handoffs", COUNT),
        ),
        plots=(plot(partial(charts.bars, rows, sentence=statement), FULL),) if rows else (),
        wide=True,
    )


# -- leaving and standing still ------------------------------------------------------------------


def rest(tables: Tables) -> Section:
    """Return the section on those who left and on work that is held."""
    spent = () if tables["effort"].empty else (_effort(tables),)
    return Section(
        id="rest",
        title="Who left, what is held, and what it cost",
        figures=(_departures(tables), _held(tables), *spent),
    )


def urgent(tables: Tables) -> int:
    """Return how many things wait for somebody's attention."""
    held = tables["held"]
    return int(held[held["urgent"]]["count"].sum())


def _departures(tables: Tables) -> Figure:
    found = tables["departures"]
    rows = [
        Bar(
            label=f"{row.what.capitalize()}: {row.reason}",
            amount=row.leads,
            value=count(row.leads),
            tone=_LEAVING_TONES[row.what],
        )
        for row in lines(found)
    ]
    sums: Counter[str] = Counter()
    for row in lines(found):
        sums[row.what] += row.leads
    told = [f"{count(sums[what])} {what}" for what in (ARCHIVED, REVIVED, ERASED) if what in sums]
    if STOPPED in sums:
        told.insert(1, f"mail stopped for {count(sums[STOPPED])}")
    statement = f"{', '.join(told).capitalize()}." if told else "Nobody has left."
    return Figure(
        id="departures",
        title="Archived, stopped and erased",
        statement=statement,
        note="Archived and revived count each time. Of the erased only their number is kept.",
        table=table(
            found,
            ("what", "What", TEXT),
            ("reason", "Why", TEXT),
            ("leads", "People", COUNT),
        ),
        plots=(plot(partial(charts.bars, rows, sentence=statement)),) if rows else (),
    )


def _held(tables: Tables) -> Figure:
    found = tables["held"]
    waiting, total = urgent(tables), int(found["count"].sum())
    statement = "Nothing is held."
    if total:
        calling = f"{many(waiting, 'thing')} {'needs' if waiting == 1 else 'need'} somebody"
        statement = f"{many(total, 'thing')} held; {calling if waiting else 'none needs anybody'}."
    reasons = [
        f"{row.reason} ({row.sequence} / {row.step})" if row.sequence else row.reason
        for row in lines(found)
    ]
    marked = [
        f"{what} (needs somebody)" if calls else what
        for what, calls in zip(found["what"], found["urgent"], strict=True)
    ]
    return Figure(
        id="held",
        title="Held work",
        statement=statement,
        note="Held without a date: only an answer, a consent or a person sets it going again.",
        table=table(
            found.assign(reason=reasons, what=marked),
            ("what", "What", TEXT),
            ("reason", "Why", TEXT),
            ("count", "Count", COUNT),
            ("oldest_days", "Oldest", DAYS),
        )
        if total
        else None,
        open=True,
    )


def _effort(tables: Tables) -> Figure:
    found = tables["effort"]
    over = int(found["over_budget"].sum())
    statement = f"{count(int(found['minutes'].sum()))} minutes of people's time were noted"
    cost = f"{many(over, 'lead')} cost more than was agreed" if over else "no lead cost too much"
    return Figure(
        id="effort",
        title="People's time against its budget",
        statement=f"{statement}; {cost}.",
        note="Minutes that people gave with their tasks, at the stage at which the lead was then.",
        table=table(
            found.assign(
                budget=[NOTHING if isnan(n) else count(n) for n in found["budget_minutes"]]
            ),
            ("name", "Stage", TEXT),
            ("leads", "Leads", COUNT),
            ("minutes", "Minutes", COUNT),
            ("mean_minutes", "A lead", COUNT),
            ("most_minutes", "The most", COUNT),
            ("budget", "Budget a lead", TEXT),
            ("over_budget", "Over it", COUNT),
        ),
        open=True,
    )
