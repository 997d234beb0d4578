"""Measure the engine against the reference tick, on this machine, in one run.

Rates on a shared machine mean little; the ratio to a reference that ran just before and just after
means something. Every figure is a median; `--json` prints them for machines.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine import Engine
from reference import Postgres, Sqlite, Store, Tick
from sink import Sink, running

from nurture.bootstrap.collector import spare_collector
from tests.databases import PostgresServer, running_postgres

DURABLE = {
    # As a careful administrator would set it: nothing that was committed can be lost.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
}
ACCEPTED_RATIO = 0.40
FLOOR_RATIO = 0.60
IDLE_TICKS = 30
SMALL = 10_000


@dataclass(slots=True)
class Result:
    """What was measured on one database. Rates are leads a second."""

    database: str
    reference: list[float] = field(default_factory=list)
    engine: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    reference_us: dict[str, float] = field(default_factory=dict)
    engine_us: dict[str, float] = field(default_factory=dict)
    idle_ms: dict[int, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bench:
    """One database kind with everything that a run on it needs."""

    flags: argparse.Namespace
    kind: str
    folder: Path
    server: PostgresServer | None
    sink: Sink

    def url(self, name: str) -> str:
        """Return the address of a fresh database."""
        if self.server is None:
            return f"sqlite:///{self.folder / name}.db"
        self.server.create(name)
        return self.server.url(name)

    def store(self) -> Store:
        """Return the reference's own database."""
        if self.server is None:
            return Sqlite(self.folder / "reference.db")
        return Postgres(self.url("reference").replace("+psycopg", ""))

    def run(self) -> Result:
        """Measure: reference, engine, reference, ... and the idle tick at two sizes."""
        result = Result(self.kind)
        store = self.store()
        store.fill(self.flags.enrolled)
        tick = Tick(store, self.sink.port)
        engine = self._engine("engine", self.flags.enrolled)
        result.idle_ms[self.flags.enrolled] = _idle(engine)
        _round(tick, store, 0, self.flags.warm)
        _round(engine, engine, 0, self.flags.warm)
        _reset(tick.seconds, engine.clock.seconds)
        before = self._reference(tick, store, 0)
        for number in range(self.flags.rounds):
            first = self.flags.warm + number * self.flags.due
            rate = _round(engine, engine, first, self.flags.due)
            after = self._reference(tick, store, number + 1)
            result.reference.append(after)
            result.engine.append(rate)
            result.ratios.append(rate / ((before + after) / 2))
            before = after
        leads = self.flags.due * self.flags.rounds
        result.engine_us = _microseconds(engine.clock.seconds, leads)
        result.reference_us = _microseconds(tick.seconds, self.flags.due * (self.flags.rounds + 1))
        print(
            f"{self.kind}: mail {tick.size} reference, {engine.transport.size} engine (html, text)"
        )
        engine.close()
        small = self._engine("small", min(SMALL, self.flags.enrolled))
        result.idle_ms[min(SMALL, self.flags.enrolled)] = _idle(small)
        small.close()
        return result

    def _engine(self, name: str, size: int) -> Engine:
        engine = Engine(self.url(name), self.sink.port)
        engine.fill(size)
        return engine

    def _reference(self, tick: Tick, store: Store, number: int) -> float:
        first = self.flags.warm + number * self.flags.due
        return _round(tick, store, first, self.flags.due)


def _round(what: Tick | Engine, store: Store | Engine, first: int, count: int) -> float:
    """Let so many be due, work them, and return leads a second."""
    store.make_due(first, count)
    gc.collect()
    start = time.perf_counter()
    done = what.run()
    taken = time.perf_counter() - start
    assert done == count, f"{done} of {count} got their mail"
    return count / taken


def _idle(engine: Engine) -> float:
    engine.idle()
    return statistics.median(engine.idle() for _ in range(IDLE_TICKS)) * 1000


def _reset(*clocks: dict[str, float]) -> None:
    for clock in clocks:
        for phase in clock:
            clock[phase] = 0.0


def _microseconds(seconds: dict[str, float], leads: int) -> dict[str, float]:
    return {phase: round(s / leads * 1e6, 1) for phase, s in seconds.items()}


@contextmanager
def _databases(kinds: Sequence[str], flags: argparse.Namespace) -> Iterator[list[Bench]]:
    with ExitStack() as stack:
        sink = stack.enter_context(running())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=flags.folder)))
        benches = []
        for kind in kinds:
            server = None
            if kind == "postgresql":
                server = stack.enter_context(running_postgres(options=DURABLE))
            benches.append(Bench(flags, kind, folder, server, sink))
        yield benches


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--enrolled", type=int, default=100_000, help="enrolled leads")
    parser.add_argument("--due", type=int, default=10_000, help="leads due in one round")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds, engine and reference in turn"
    )
    parser.add_argument("--warm", type=int, default=2_000, help="leads worked before measuring")
    parser.add_argument("--folder", type=Path, help="where databases are made; default: temporary")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    return parser.parse_args()


def _report(result: Result) -> bool:
    """Print one database's figures and return whether the engine is fast enough."""
    ratio = statistics.median(result.ratios)
    rates = statistics.median(result.reference), statistics.median(result.engine)
    print(f"\n{result.database}")
    print(f"  reference  {rates[0]:>8,.0f} leads/s   {result.reference_us} us a lead")
    print(f"  engine     {rates[1]:>8,.0f} leads/s   {result.engine_us} us a lead")
    rounds = ", ".join(f"{r:.0%}" for r in result.ratios)
    print(f"  ratio      {ratio:>8.0%} of the reference (rounds: {rounds}; at least 40 %)")
    (large, slow), (small, quick) = (
        next(iter(result.idle_ms.items())),
        list(result.idle_ms.items())[-1],
    )
    print(
        f"  idle tick  {quick:.2f} ms with {small:,} enrolled, {slow:.2f} ms with {large:,}:"
        f" {slow / quick:.2f} times"
    )
    return ratio >= ACCEPTED_RATIO


def main() -> int:
    """Measure and report; 1 if a ratio is below what is accepted."""
    flags = _flags()
    spare_collector()
    kinds = ["sqlite", "postgresql"] if flags.database == "both" else [flags.database]
    with _databases(kinds, flags) as benches:
        results = [bench.run() for bench in benches]
    good = [_report(result) for result in results]
    if flags.json:
        flags.json.write_text(json.dumps([asdict(result) for result in results], indent=1))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
