"""Measure rescoring: new events against everything anew and against plain SQL, in one run.

Seconds on a shared machine mean little; the ratios of one run mean something. Every score that
either way comes to is compared, so what is fast is also right.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine import SECRETS
from people import NOW
from run import DURABLE
from score_crowd import fill, programme
from score_sql import scores_sql
from sqlalchemy import event, func, select, update

from nurture.bootstrap.collector import spare_collector
from nurture.core.event import EventKind, NewEvent
from nurture.engine import assess, intake
from nurture.engine.apply import apply
from nurture.engine.runtime import Runtime, today
from nurture.store import segment_sql
from nurture.store.db import Database, open_database
from nurture.store.migrate import upgrade
from nurture.store.segment_sql import Page
from nurture.store.tables import leads
from tests.databases import running_postgres

BATCH = 1000
PAGE = 1000
MOST_MEMORY_MB = 500
SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)
HAPPENS = (
    (EventKind.PAGE_VIEWED, "pricing"),
    (EventKind.MESSAGE_CLICKED, "leak-walk"),
    (EventKind.FORM_SUBMITTED, "profile-basics"),
    (EventKind.MESSAGE_REPLIED, ""),
)


@dataclass(slots=True)
class Result:
    """What was measured, in seconds, rows and megabytes."""

    leads: int
    events: int
    new_events: int
    changed_leads: int
    rebuilt_leads: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    idle_writes: int = -1
    due_at_midnight: int = -1
    compared: int = 0
    peak_mb: float = 0.0

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time that the block takes."""
        gc.collect()
        start = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        print(f"  {name}: {self.seconds[name]:.2f} s", flush=True)

    def rebuild(self) -> float:
        """Return the seconds of a full rebuild; of a share of the leads, in proportion."""
        return self.seconds["rebuild"] * self.leads / max(self.rebuilt_leads, 1)

    def incremental(self) -> float:
        """Return the seconds from the first new event to the last segment."""
        return sum(self.seconds[part] for part in ("intake", "rescore", "segments"))


class Bench:
    """One database, its engine, and the verbs under the clock."""

    def __init__(self, url: str, flags: argparse.Namespace) -> None:
        self.flags = flags
        self.project = programme()
        self.database: Database = open_database(url)
        self.runtime = Runtime(database=self.database, secrets=SECRETS, load=lambda _: self.project)
        self.result = Result(
            leads=flags.leads,
            events=flags.events,
            new_events=flags.new_events,
            changed_leads=flags.changed,
        )
        self.random = Random(7)

    def run(self) -> Result:
        """Fill, rebuild, let something happen, and hold both ways against each other."""
        with self.result.timed("fill"):
            upgrade(self.database)
            fill(self.database, self.flags.leads, self.flags.events)
        apply(self.runtime, self.project, by="bench", now=NOW - SECOND)
        self._rebuild()
        self._plain_sql("plain SQL, everybody", "")
        chosen = self.random.sample(range(1, self.flags.leads + 1), self.flags.changed)
        self._news(chosen)
        self._segments(chosen)
        listed = ",".join(map(str, chosen))
        self._plain_sql("plain SQL, the changed", f" AND lead_id IN ({listed})")
        self._quiet()
        self.result.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return self.result

    def _rebuild(self) -> None:
        """Assess everybody, or as many as `--rebuild` says; the rest is never due here."""
        last = min(self.flags.rebuild, self.flags.leads)
        with self.database.write() as connection:
            far = NOW + timedelta(days=3650)
            connection.execute(update(leads).where(leads.c.id > last).values(check_at=far))
            connection.execute(update(leads).where(leads.c.id <= last).values(check_at=NOW))
        self._vacuum()
        with self.result.timed("rebuild"):
            while found := assess.run(self.runtime, now=NOW, limit=BATCH).leads:
                self.result.rebuilt_leads += found
        self._vacuum()

    def _news(self, chosen: Sequence[int]) -> None:
        now = NOW + SECOND
        new = [
            NewEvent(
                lead_id=chosen[number % len(chosen)],
                kind=kind,
                subject=subject,
                occurred_at=now,
                source="news",
                source_key=str(number),
            )
            for number in range(self.flags.new_events)
            for kind, subject in [HAPPENS[self.random.randrange(len(HAPPENS))]]
        ]
        with self.result.timed("intake"):
            for start in range(0, len(new), BATCH):
                with self.database.write() as connection:
                    part = new[start : start + BATCH]
                    intake.record(self.runtime, connection, part, project=self.project, now=now)
        with self.result.timed("rescore"):
            done = 0
            while found := assess.run(self.runtime, now=now, limit=BATCH).leads:
                done += found
        assert done == len(chosen), f"{done} leads were assessed, {len(chosen)} had news"

    def _segments(self, chosen: Sequence[int]) -> None:
        """Ask of every segment which of the changed leads are in it now."""
        now = NOW + SECOND
        day = today(self.project, now)
        with self.result.timed("segments"), self.database.read() as connection:
            for segment in self.project.segments.values():
                for start in range(0, len(chosen), PAGE):
                    page = Page(limit=PAGE, lead_ids=chosen[start : start + PAGE])
                    segment_sql.matching(connection, segment.when, page, now=now, today=day)

    def _plain_sql(self, name: str, among: str) -> None:
        """Work the same scores out in one statement, and compare them with what is stored."""
        now = NOW + SECOND
        statement = scores_sql(
            self.project.qualification.engagement,
            day=today(self.project, now).toordinal(),
            until=int(now.timestamp() * 1_000_000),
            among=among,
        )
        with self.database.write() as connection:
            with self.result.timed(name):
                connection.exec_driver_sql(f"CREATE TEMP TABLE plain AS {statement}")
            compared, wrong = connection.exec_driver_sql(
                "SELECT count(*), count(*) FILTER (WHERE p.engagement <> l.engagement)"
                " FROM plain p JOIN leads l ON l.id = p.lead_id WHERE l.assessed_at IS NOT NULL"
            ).one()
            connection.exec_driver_sql("DROP TABLE plain")
        assert wrong == 0, f"{wrong} of {compared} scores differ"
        self.result.compared += compared

    def _quiet(self) -> None:
        """Count what an assessment writes while nothing crosses, and who is due by midnight."""
        with self.database.read() as connection:
            first = connection.scalar(select(func.min(leads.c.check_at)))
        assert first is not None
        assert first > NOW + SECOND, "somebody is still due"
        written: list[int] = []

        def count(connection: object, cursor: object, statement: str, *_: object) -> None:
            if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE", "WITH D"):
                written.append(max(getattr(cursor, "rowcount", 0), 0))

        event.listen(self.database.engine, "after_cursor_execute", count)
        with self.result.timed("quiet tick"):
            assess.run(self.runtime, now=first - TICK, limit=BATCH)
        event.remove(self.database.engine, "after_cursor_execute", count)
        self.result.idle_writes = sum(written)
        midnight = NOW + timedelta(hours=14)
        with self.database.read() as connection:
            due = connection.scalars(select(leads.c.id).where(leads.c.check_at <= midnight))
            self.result.due_at_midnight = len(list(due))

    def _vacuum(self) -> None:
        with self.database.engine.connect() as plain:
            plain.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
                "VACUUM ANALYZE leads"
            )


def report(result: Result) -> bool:
    """Print what was measured; say whether the promises hold."""
    one = result.incremental()
    whole, theirs = result.rebuild(), result.seconds
    share = f" (from {result.rebuilt_leads:,} leads)" if result.rebuilt_leads < result.leads else ""
    print(f"\n{result.leads:,} leads, {result.events:,} events; {result.compared:,} scores agree")
    print(f"{result.new_events:,} new events on {result.changed_leads:,} leads: {one:.2f} s")
    print(f"  next to the full rebuild{share}, {whole:.1f} s: 1 to {whole / one:.0f}")
    for name in ("plain SQL, the changed", "plain SQL, everybody"):
        print(f"  next to {name}, {theirs[name]:.2f} s: {one / theirs[name]:.2f} to 1")
    rate = result.changed_leads / theirs["rescore"]
    print(f"  rescored leads a second: {rate:.0f}")
    print(f"a tick in which nothing crossed: {result.idle_writes} rows written")
    print(f"due by the coming midnight: {result.due_at_midnight:,} of {result.rebuilt_leads:,}")
    print(f"peak memory: {result.peak_mb:.0f} MB of {MOST_MEMORY_MB}")
    return result.idle_writes == 0 and result.peak_mb <= MOST_MEMORY_MB


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--new-events", type=int, default=10_000)
    parser.add_argument("--changed", type=int, default=5_000, help="leads that the news is about")
    parser.add_argument(
        "--rebuild", type=int, default=100_000, help="so many leads are rebuilt; 0: all of them"
    )
    parser.add_argument("--json", type=Path)
    flags = parser.parse_args()
    flags.rebuild = flags.rebuild or flags.leads
    return flags


def main() -> int:
    """Measure and report; 1 if too much memory was used, or a quiet tick wrote anything."""
    flags = _flags()
    spare_collector()
    with running_postgres(options=DURABLE) as server:
        server.create("score")
        result = Bench(server.url("score"), flags).run()
    good = report(result)
    if flags.json:
        flags.json.write_text(json.dumps(asdict(result), indent=1))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
