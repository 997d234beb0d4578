"""The page: one HTML file that can be mailed, archived and printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from nurture.reports import show_mails, show_pipeline, show_sales
from nurture.reports.figures import Section, lines
from nurture.reports.pace import ALL, CAPTURED, HANDED
from nurture.reports.svg import visible
from nurture.reports.wording import NOTHING, count, days, many, moment, percent

if TYPE_CHECKING:
    from nurture.reports.report import Report
    from nurture.reports.show_pipeline import Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A figure of its own. `change` compares it with before; `good`: whether that is welcome."""

    name: str
    value: str
    note: str
    change: str = ""
    good: bool | None = None


def render(report: Report) -> str:
    """Return the page."""
    tables = report.tables
    return (
        environment()
        .get_template("page.html")
        .render(
            report=report,
            as_of=moment(report.generated_at, report.time_zone),
            empty=show_pipeline.captured(tables) == 0,
            lately=_lately(tables),
            tiles=_tiles(tables),
            urgent=show_sales.urgent(tables),
            sections=_sections(report),
        )
    )


def environment(*more: BaseLoader) -> Environment:
    """Return the environment of all pages; `more` holds templates beside the report's own."""
    return Environment(
        loader=ChoiceLoader([*more, PackageLoader("nurture.reports", "template")]),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: object) -> object:
    """Take from names what would turn the text around them round; drawings are ready."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _sections(report: Report) -> list[Section]:
    tables = report.tables
    if show_pipeline.captured(tables) == 0:
        return []
    found = [
        show_pipeline.people(tables),
        show_pipeline.time(tables),
        show_mails.mails(tables, now=report.generated_at, time_zone=report.time_zone),
        show_mails.sequences(tables),
        show_sales.sales(tables),
        show_sales.rest(tables),
    ]
    return [section for section in found if section.figures]


def _lately(tables: Tables) -> str:
    last = {row.figure: row.last_30_days for row in lines(tables["lately"])}
    parts = (
        many(last["captured"], "new lead"),
        many(last["mails_sent"], "mail"),
        f"{many(last['answered'], 'person', 'people')} answered a form",
        f"{count(last['handed_over'])} handed to sales",
        many(last["customers"], "new customer"),
    )
    return f"In the last 30 days: {', '.join(parts)}."


def _tiles(tables: Tables) -> list[Tile]:
    line = show_sales.overall(tables)
    steps = {row.milestone: row for row in lines(tables["milestones"])}
    interval = f"likely {percent(line.acceptance_low)} to {percent(line.acceptance_high)}"
    return [
        _recent(tables, "captured", "New leads"),
        _recent(tables, "prospects", "New prospects"),
        _recent(tables, "handed_over", "Handed to sales"),
        Tile(
            name="Accepted by sales",
            value=percent(line.acceptance),
            note=interval if line.answered else "no answers yet",
        ),
        _pace(tables),
        Tile(
            name="Customers",
            value=count(steps["customer"].leads),
            note=f"{percent(steps['customer'].of_all)} of all captured"
            if steps["captured"].leads
            else "nobody yet",
        ),
    ]


def _recent(tables: Tables, figure: str, name: str) -> Tile:
    lately = tables["lately"]
    row = lines(lately[lately["figure"] == figure])[0]
    last, before = row.last_30_days, row.previous_30_days
    known = bool(lately["previous_30_days"].sum())
    change = ""
    if known:
        change = f"{'▲' if last > before else '▼'} from {count(before)}"
        change = change if last != before else "as before"
    return Tile(
        name=name,
        value=count(last),
        note="last 30 days",
        change=change,
        good=None if last == before else last > before,
    )


def _pace(tables: Tables) -> Tile:
    pace = tables["pace"]
    own = pace[(pace["scope"] == ALL) & (pace["begins"] == CAPTURED) & (pace["ends"] == HANDED)]
    row = lines(own)[0]
    band = f"median; half {days(row.quarter_days)} to {days(row.three_quarters_days)}"
    return Tile(
        name="Time to sales",
        value=days(row.median_days) if row.leads else NOTHING,
        note=band if row.leads else "nobody yet",
    )
