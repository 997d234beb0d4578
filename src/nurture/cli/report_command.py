"""`nurture report`: the figures, on the terminal, as a page, as CSV or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurture.cli.place import opened, place_of
from nurture.cli.show import print_json, say, table

if TYPE_CHECKING:
    from nurture.reports.report import Report

MOST_ROWS = 20
SHARES = frozenset({"of_previous", "of_all", "share", "prospect_rate"})
"""Columns that hold parts of one."""
FOR_PEOPLE = {
    "stages": (
        *("name", "reached", "of_previous", "went_on", "in_play"),
        *("customers", "inactive", "disqualified", "lost"),
    ),
    "sources": (
        *("source", "captured", "prospects", "handed_over", "accepted", "customers"),
        *("wasted", "prospect_rate"),
    ),
    "steps": ("sequence", "step", "kind", "sent", "clicked", "answered", "inside", "left"),
    "handoffs": (
        *("title", "created", "delivered", "answered", "accepted", "won", "lost"),
        *("overdue_now", "median_hours_to_answer"),
    ),
}
"""What of the widest tables fits beside each other on a screen."""


def report(
    context: typer.Context,
    csv: Annotated[Path | None, typer.Option(help="Write each table to this folder.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one page to this file.")] = None,
) -> None:
    """Report on everything that has happened. Nothing in it is about one person."""
    from nurture import reports

    place = place_of(context)
    with opened(place) as app:
        with app.database.read() as connection:
            project = app.runtime.in_force(connection).project
        made = reports.build(app.database, project, now=app.now())
    written = made.write_csv(csv) if csv is not None else []
    if html is not None:
        html.write_text(made.html(), encoding="utf-8")
        written.append(html)
    if place.json:
        print_json(made.to_json())
    elif written:
        for file in written:
            say(f"written: {file}")
    else:
        _show(made)


def _show(made: Report) -> None:
    from pandas.api.types import is_numeric_dtype

    for name in made.tables:
        frame = made.tables[name]
        if name in FOR_PEOPLE:
            frame = frame[list(FOR_PEOPLE[name])]
        columns = [str(column) for column in frame.columns]
        say(name.replace("_", " ").capitalize(), style="bold")
        if frame.empty:
            say("nothing yet\n", style="dim")
            continue
        rows = [
            [_cell(column, value) for column, value in zip(columns, row, strict=True)]
            for row in frame.head(MOST_ROWS).itertuples(index=False)
        ]
        heads = {column: column.replace("_", " ") for column in columns}
        right = [heads[column] for column in columns if is_numeric_dtype(frame[column])]
        say(table([*heads.values()], rows, right=right))
        if len(frame) > MOST_ROWS:
            say(f"and {len(frame) - MOST_ROWS} more rows; --csv and --html have all", style="dim")
        if name in FOR_PEOPLE:
            say("more columns: --csv and --json have all", style="dim")
        say()


def _cell(column: str, value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, float):
        return value
    if value != value:  # noqa: PLR0124 (not a number)
        return ""
    if column in SHARES:
        return f"{100 * value:.1f} %"
    return f"{value:,.2f}".rstrip("0").rstrip(".")
