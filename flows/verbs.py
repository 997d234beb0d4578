"""What each flow does, as plain functions: a verb of the engine in, counts out."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing
from dataclasses import asdict

from flows.work import Bench, Counts
from nurture import reports
from nurture.bootstrap.ways import make_stop_lists
from nurture.engine import inbox, stop_lists, tick
from nurture.engine.runtime import today
from nurture.reports.report import Cell, Report, rows_of

MOST_PASSES = 1000
"""Batches of one hygiene run; a safety net against work that never ends."""
INBOX = "inbox"
REPORTS = "reports"


def think(bench: Bench, *, limit: int) -> Counts:
    """Work provider posts, assess who is due, advance what is due, until nothing is left."""
    total = tick.Ticked()
    tick.think(bench.app.runtime, bench.ways, total, now=bench.now, limit=limit)
    return {
        "echo": total.echo,
        "clicks": total.clicks,
        "assess": total.assess,
        "advance": total.advance,
    }


def mail(bench: Bench, *, limit: int) -> Counts:
    """Settle what is in doubt and send what is ready."""
    total = tick.Ticked()
    tick.settle(bench.app.runtime, bench.ways, total, now=bench.now)
    tick.mail(bench.app.runtime, bench.ways, total, now=bench.now, limit=limit)
    return {"deliver": total.deliver}


def hand_off(bench: Bench, *, limit: int) -> Counts:
    """Hand qualified leads to sales, and let locks and answers act at once."""
    total = tick.Ticked()
    tick.hand_off(bench.app.runtime, bench.ways, total, now=bench.now, limit=limit)
    return {
        "handoff": total.handoff,
        "echo": total.echo,
        "assess": total.assess,
        "advance": total.advance,
    }


def hygiene(bench: Bench) -> Counts:
    """Settle what is in doubt, then remove whatever retention has run out for."""
    total = tick.Ticked()
    tick.settle(bench.app.runtime, bench.ways, total, now=bench.now)
    removed: Counter[str] = Counter()
    for _ in range(MOST_PASSES):
        swept = tick.hygiene(bench.app.runtime, bench.ways, now=bench.now)
        removed.update(asdict(swept))
        if not swept.erased:
            break
    return {"deliver": total.deliver, "removed": removed}


def pull_stop_lists(bench: Bench) -> Counts:
    """Read the provider's own stop lists since the last time, if it has any."""
    lists = make_stop_lists(bench.app)
    if lists is None:
        return {"stop lists": {}}
    with closing(lists):
        pulled = stop_lists.run(bench.app.runtime, lists, now=bench.now)
    return {"stop lists": asdict(pulled)}


def report(bench: Bench) -> Counts:
    """Write the report as a page into the project's folder; return its headline figures."""
    app = bench.app
    with app.database.read() as connection:
        project = app.runtime.in_force(connection).project
    made = reports.build(app.database, project, now=bench.now)
    folder = app.settings.state / REPORTS
    folder.mkdir(parents=True, exist_ok=True)
    day = today(project, bench.now)
    page = made.html()
    for name in (f"{day.isoformat()}.html", "latest.html"):
        unfinished = folder / f".{name}.{os.getpid()}"
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(folder / name)
    return _headlines(made)


def _headlines(made: Report) -> Counts:
    """Return the figures whose names are ours or the project's, never a lead's."""
    lately, milestones = rows_of(made.tables["lately"]), rows_of(made.tables["milestones"])
    return {
        "last 30 days": {str(row["name"]): _whole(row["last_30_days"]) for row in lately},
        "30 days before": {str(row["name"]): _whole(row["previous_30_days"]) for row in lately},
        "ever": {str(row["name"]): _whole(row["leads"]) for row in milestones},
    }


def _whole(cell: Cell) -> int:
    assert isinstance(cell, int)
    return cell


def import_leads(bench: Bench) -> Counts:
    """Import the CSV files that wait in the project's inbox."""
    folder = bench.app.settings.state / INBOX
    return {"import": asdict(inbox.run(bench.app.runtime, folder, now=bench.now))}
