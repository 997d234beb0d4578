"""The figures about mail: what was sent each week, and what each sequence does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pandas as pd

from nurture.reports import charts
from nurture.reports.charts import TONES, Bar, Column, Part
from nurture.reports.figures import (
    COUNT,
    FULL,
    SHARE,
    TEXT,
    Figure,
    Plot,
    Section,
    Table,
    lines,
    plot,
    table,
)
from nurture.reports.wording import NOTHING, count, many, percent, speaking

Tables = Mapping[str, pd.DataFrame]

MOST_WEEKS = 26
MOST_EXITS = 8
OTHER = "other sequences"

_WEEK = timedelta(days=7)
_MAIL_NOTE = (
    "Each person counts once a step. Clicks of machines are not counted. Answered: sent the form "
    "that the mail asked for."
)
_NO_REPORTS = " This transport reports no deliveries: sent stands for delivered."


def mails(tables: Tables, *, now: datetime, time_zone: str) -> Section:
    """Return the section on mails per week."""
    today = now.astimezone(ZoneInfo(time_zone)).date()
    figure = _weeks(tables, today - timedelta(days=today.weekday()))
    return Section(id="mails", title="Mails", figures=(figure,))


def _weeks(tables: Tables, this_monday: date) -> Figure:
    found = tables["weeks"]
    total = int(found["mails"].sum())
    columns = _columns(found, _titles(tables), this_monday)
    plots: tuple[Plot, ...] = ()
    statement = "No mail has been sent yet."
    if total:
        busiest = found.groupby("monday")["mails"].sum().max()
        first = date.fromisoformat(str(found["monday"].min()))
        statement = (
            f"{many(total, 'mail')} since the week of {_day(first)} {first.year}, "
            f"at most {count(busiest)} in one week."
        )
        plots = (plot(partial(charts.weeks, columns, sentence=statement), FULL),)
    cut = "" if len(columns) < MOST_WEEKS else f" The last {MOST_WEEKS} weeks are drawn."
    return Figure(
        id="weeks",
        title="Mails per week",
        statement=statement,
        note="ISO weeks, named by their Monday, in the workspace's time zone. Counted is what the "
        f"transport accepted.{cut}",
        table=table(
            found.sort_values(["monday", "mails"], ascending=[False, False]),
            ("week", "Week", TEXT),
            ("monday", "Monday", TEXT),
            ("sequence", "Sequence", TEXT),
            ("template", "Mail", TEXT),
            ("mails", "Sent", COUNT),
        ),
        plots=plots,
        wide=True,
    )


def _columns(found: pd.DataFrame, titles: Mapping[str, str], this_monday: date) -> list[Column]:
    """Return a column for every week up to this one, also for those without a mail."""
    if found.empty:
        return []
    sent: Counter[tuple[str, str]] = Counter()
    totals: Counter[str] = Counter()
    for row in lines(found):
        sent[row.monday, row.sequence] += row.mails
        totals[row.sequence] += row.mails
    ranked = sorted(totals, key=lambda sequence: (-totals[sequence], sequence))
    top, rest = ranked[: len(TONES)], ranked[len(TONES) :]
    monday = max(date.fromisoformat(str(found["monday"].max())), this_monday)
    first = date.fromisoformat(str(found["monday"].min()))
    columns: list[Column] = []
    while monday >= first and len(columns) < MOST_WEEKS:
        key = monday.isoformat()
        parts = [
            Part(name=titles[name], amount=sent[key, name], tone=tone)
            for name, tone in zip(top, TONES, strict=False)
        ]
        if rest:
            others = sum(sent[key, name] for name in rest)
            parts.append(Part(name=OTHER, amount=others, tone="rest"))
        name = f"Week of {_day(monday)} {monday.year}"
        columns.append(Column(name=name, label=_day(monday), parts=tuple(parts)))
        monday -= _WEEK
    return columns[::-1]


def _titles(tables: Tables) -> dict[str, str]:
    return {row.sequence: row.title for row in lines(tables["sequences"])}


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


# -- sequences -----------------------------------------------------------------------------------


def sequences(tables: Tables) -> Section:
    """Return the section with a figure for each sequence that somebody has entered."""
    rows = [row for row in lines(tables["sequences"]) if row.entered or row.planned]
    # What most people went through comes first; the table keeps the order of the files.
    rows.sort(key=lambda row: -row.entered)
    steps = tables["steps"]
    reports = bool(steps["delivered"].sum() or steps["refused"].sum())
    figures = [_sequence(tables, row, number, reports=reports) for number, row in enumerate(rows)]
    return Section(id="sequences", title="Sequences", figures=tuple(figures))


def _sequence(tables: Tables, row: SimpleNamespace, number: int, *, reports: bool) -> Figure:
    steps = tables["steps"]
    own = steps[steps["sequence"] == row.sequence]
    exits = tables["exits"]
    left = exits[exits["sequence"] == row.sequence]
    plots = [*_mailed(own, row.title), *_reasons(left, row.title)]
    statement = (
        f"{many(row.entered, 'entry', 'entries')}, {count(row.inside)} inside now, "
        f"{count(row.left)} through; {many(row.sent, 'mail')} sent."
    )
    return Figure(
        id=f"sequence-{number}",
        title=row.title,
        statement=statement,
        note=_MAIL_NOTE + ("" if reports else _NO_REPORTS) if row.planned else "It sends no mail.",
        table=_steps_table(own, reports=reports),
        plots=tuple(plots),
        wide=True,
    )


def _mailed(own: pd.DataFrame, title: str) -> list[Plot]:
    mailed = lines(own[own["planned"] > 0])
    often = Counter(row.template for row in mailed)
    rows = [_mail(row, alone=often[row.template] == 1) for row in mailed]
    if not rows:
        return []
    sentence = f"{title}: people mailed, clicked and answered at each step."
    draw = partial(charts.bars, rows, sentence=sentence, whole="people mailed")
    return [plot(draw, heading="Mails, in their order")]


def _mail(row: SimpleNamespace, *, alone: bool) -> Bar:
    rates = []
    if row.clicked or not row.form:
        rates.append(f"{percent(row.click_rate)} clicked")
    if row.form:
        rates.append(f"{percent(row.answer_rate)} answered")
    return Bar(
        label=speaking(row.template) if alone else f"{speaking(row.template)} ({row.step})",
        amount=row.people,
        value=count(row.people),
        note=" · ".join(rates) if row.people else "not sent yet",
        tone="soft",
        parts=(
            Part(name="clicked", amount=row.clicked, tone="mid"),
            Part(name="answered", amount=row.answered, tone="strong"),
        ),
    )


def _reasons(left: pd.DataFrame, title: str) -> list[Plot]:
    counted: Counter[str] = Counter()
    for row in lines(left):
        counted[row.reason] += row.leads
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    if not ranked:
        return []
    total = sum(counted.values())
    rows = [
        Bar(
            label=reason,
            amount=leads,
            value=count(leads),
            note=percent(leads / total),
            tone="two",
        )
        for reason, leads in ranked[: MOST_EXITS if len(ranked) > MOST_EXITS + 1 else None]
    ]
    rest = sum(leads for _, leads in ranked[len(rows) :])
    if rest:
        label = f"{len(ranked) - len(rows)} other reasons"
        note = percent(rest / total)
        rows.append(Bar(label=label, amount=rest, value=count(rest), note=note, tone="rest"))
    sentence = f"{title}: why people left it."
    return [plot(partial(charts.bars, rows, sentence=sentence), heading="Why people left")]


def _steps_table(own: pd.DataFrame, *, reports: bool) -> Table:
    shown = own.assign(
        mail=[template or NOTHING for template in own["template"]],
        place=[
            step if in_force else f"{step} (former)"
            for step, in_force in zip(own["step"], own["in_force"], strict=True)
        ],
    )
    delivered = (("delivered", "Delivered", COUNT), ("refused", "Bounced", COUNT))
    return table(
        shown,
        ("place", "Step", TEXT),
        ("kind", "Kind", TEXT),
        ("mail", "Mail", TEXT),
        ("planned", "Planned", COUNT),
        ("sent", "Sent", COUNT),
        *(delivered if reports else ()),
        ("people", "People", COUNT),
        ("clicked", "Clicked", COUNT),
        ("click_rate", "of people", SHARE),
        ("answered", "Answered", COUNT),
        ("answer_rate", "of people", SHARE),
        ("inside", "Here now", COUNT),
        ("left", "Left here", COUNT),
    )
