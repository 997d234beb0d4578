"""What the demo shows: its progress while it runs, and what came of it at the end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from nurture.demo.run import START, Options, Result, demo
from nurture.demo.world import World
from nurture.engine.story import tell
from nurture.store import handoffs
from nurture.store.summary import accepted_times

STAGES = ("lead", "prospect", "opportunity", "customer")
BAR = 28


def main(options: Options, *, as_json: bool, env: Mapping[str, str]) -> int:
    """Run the demo and print it; return 1 if an invariant is broken, else 0."""
    # Progress goes to standard error, so that --json is nothing but JSON.
    console = Console(stderr=True)
    with _progress(console) as bar:
        task = bar.add_task("starting", total=options.days)

        def moved(day: int, days: int, world: World) -> None:
            bar.update(task, completed=day, total=days, description=_caption(world))

        with demo(options, moved, env) as result:
            bar.stop()
            if as_json:
                print(json.dumps(result.numbers, indent=2, sort_keys=True))
            else:
                show(Console(), options, result)
            return int(any(check["broken"] for check in result.numbers["invariants"]))


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
        console=console,
    )


def _caption(world: World) -> str:
    done = world.done
    return (
        f"{world.clock():%d %b}  {done.mails} mails  {done.clicks} clicks  {done.forms} forms  "
        f"{len(world.crm.ledger.received)} handed over"
    )


def show(console: Console, options: Options, result: Result) -> None:
    """Print the funnel, the mails, the handoffs, one story, and where to look next."""
    numbers = result.numbers
    console.print(_intake(numbers))
    console.print(_funnel(numbers))
    console.print(_weeks(result))
    console.print(_sales(numbers))
    console.print(_endings(numbers))
    console.print(_promises(numbers))
    console.print(_one_story(result))
    console.print(_next_steps(options, result))


def _intake(numbers: Mapping[str, Any]) -> str:
    told = numbers["leads"]
    return (
        f"\n[bold]{told['rows']} rows imported[/]: {told['total']} people, "
        f"{told['rows'] - told['total'] - told['rejected']} duplicates merged, "
        f"{told['rejected']} rows rejected with line and reason, "
        f"{told['without_consent']} without a basis for mail (kept, not mailed)."
    )


def _funnel(numbers: Mapping[str, Any]) -> Table:
    told = numbers["leads"]
    reached = {**told["ever_reached"], "lead": told["total"]}
    table = Table(title="Funnel: how many ever reached a stage", title_justify="left")
    for column in ("stage", "people", "of all", ""):
        table.add_column(column, justify="right" if column in ("people", "of all") else "left")
    for stage in STAGES:
        count = reached.get(stage, 0)
        share = count / max(told["total"], 1)
        table.add_row(stage, str(count), f"{share:.0%}", "█" * max(round(BAR * share), bool(count)))
    return table


def _weeks(result: Result) -> Table:
    with result.app.database.read() as connection:
        times = accepted_times(connection)
    weeks = Counter((at - START) // timedelta(days=7) for at in times)
    most = max(weeks.values(), default=1)
    table = Table(title="Mails per week", title_justify="left")
    for column in ("week of", "mails", ""):
        table.add_column(column, justify="right" if column == "mails" else "left")
    for week in range(max(weeks, default=-1) + 1):
        count = weeks.get(week, 0)
        begins = START + timedelta(weeks=week)
        table.add_row(f"{begins:%d %b %Y}", str(count), "█" * round(BAR * count / most))
    return table


def _sales(numbers: Mapping[str, Any]) -> Table:
    told = numbers["handoffs"]
    table = Table(title="Handed to sales", title_justify="left")
    table.add_column("what")
    table.add_column("how many", justify="right")
    rows = {
        "qualified and handed over": told["total"],
        "received by the CRM, signatures checked": told["crm"]["received"],
        "  of these delivered again after the CRM was busy": told["crm"]["busy"],
        "sales is working on it": told["answers"].get("working", 0)
        + told["answers"].get("accepted", 0),
        "won": told["answers"].get("won", 0),
        "lost": told["answers"].get("lost", 0),
        "rejected": told["answers"].get("rejected", 0),
        "given back to nurture": told["answers"].get("recycled", 0),
        "not answered in time": told["overdue"],
    }
    for what, count in rows.items():
        table.add_row(what, str(count))
    return table


def _endings(numbers: Mapping[str, Any]) -> str:
    stages = numbers["leads"]["stages"]
    return (
        f"[bold]{numbers['archived']} archived[/] as unresponsive (a click brings them back), "
        f"[bold]{numbers['erased']} erased[/] (only a keyed hash is left), "
        f"{stages.get('disqualified', 0)} not buyers, "
        f"{numbers['people']['unsubscribed']} unsubscribed. "
        f"{numbers['people']['scans']} visits by mail scanners changed nothing."
    )


def _promises(numbers: Mapping[str, Any]) -> Table:
    table = Table(title="Promises, checked on the database", title_justify="left")
    for column in ("", "promise", "rows looked at", "broken"):
        table.add_column(column, justify="left" if column in ("", "promise") else "right")
    for check in numbers["invariants"]:
        broken = len(check["broken"])
        table.add_row(
            check["id"],
            check["promise"],
            str(check["rows"]),
            f"[red]{broken}[/]" if broken else "0",
        )
    return table


def _one_story(result: Result) -> Panel:
    """Tell the story of the first lead that sales won, or else of the first one handed over."""
    with result.app.database.read() as connection:
        known = sorted(handoffs.listing(connection), key=lambda h: h.id)
        won = [h for h in known if h.answer == "handoff.won"] or known
        if not won:
            return Panel("Nobody was handed over.", title="One lead's story")
        story = tell(result.app.runtime, connection, won[0].lead_id, now=result.world.clock())
    return Panel(story.as_text(), title="One lead's whole story", title_align="left")


def _next_steps(options: Options, result: Result) -> Panel:
    database = f" --database {options.database_url}" if options.database_url else ""
    where = f"--folder {options.folder}{database}"
    lines = [
        f"nurture serve {where}      look at the mails, leads and handoffs in a browser",
        f"nurture why LEAD {where}   any lead's story (nurture lead list {where})",
        f"nurture report {where} --html report.html",
        f"nurture verify {where}     check the promises again",
    ]
    if result.flow_ui:
        lines.append(f"Prefect: {result.flow_ui}")
    return Panel("\n".join(lines), title="Where to look next", title_align="left")
