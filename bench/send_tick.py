"""A whole tick by two processes on PostgreSQL: the engine's, with and without folding, and the
reference's, each into a transport that only counts."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from multiprocessing.connection import Connection

from engine import Engine
from people import Person, project
from reference import Postgres, Tick
from send_mime import unfold

from nurture.bootstrap.collector import spare_collector
from nurture.core.message import Accepted, Outcome, OutgoingMessage
from tests.databases import PostgresServer

WORKERS = 2
GROUP = 1000
METHOD = multiprocessing.get_context("spawn")


class Way(StrEnum):
    """Whose tick."""

    # In this order: what is held against each other runs one after the other.
    UNFOLDED = "unfolded"
    OURS = "ours"
    REFERENCE = "reference"


class Counting:
    """Takes every mail and keeps none."""

    name = "bench"
    group_size = GROUP
    longest_wait = timedelta()

    def send(self, messages: Sequence[OutgoingMessage], *, now: datetime) -> list[Outcome]:
        """Accept them all."""
        return [Accepted(provider_id="counted") for _ in messages]

    def forget(self, mails: Sequence[tuple[str, datetime]]) -> None:
        """Do nothing: nothing is kept."""


class CountingTick(Tick):
    """The reference, handing its mails to nobody."""

    def _post(self, leads: Sequence[Person], mails: Sequence[tuple[str, str, str]]) -> None:
        assert len(leads) == len(mails)


@dataclass(slots=True)
class Crew:
    """Two processes that work off what is due, each with its own connection."""

    pipes: list[Connection]

    def run(self) -> tuple[int, float]:
        """Return how many leads got their mail, and in how many seconds."""
        begun = time.perf_counter()
        for pipe in self.pipes:
            pipe.send("run")
        done = sum(int(pipe.recv()) for pipe in self.pipes)
        return done, time.perf_counter() - begun


def _work(pipe: Connection, way: Way, url: str) -> None:
    spare_collector()
    if way is Way.REFERENCE:
        ticking: Tick | Engine = CountingTick(Postgres(url), 0)
    else:
        ticking = Engine(url, 0)
        ticking.transport = Counting()  # type: ignore[assignment] # it is a transport too
        if way is Way.UNFOLDED:
            unfold(ticking.mailroom, project())
    pipe.send("ready")
    while pipe.recv() == "run":
        pipe.send(ticking.run())


@contextmanager
def crew(way: Way, url: str) -> Iterator[Crew]:
    """Start the processes; they connect before anything is timed."""
    pairs = [METHOD.Pipe() for _ in range(WORKERS)]
    processes = [
        METHOD.Process(target=_work, args=(theirs, way, url), daemon=True) for _, theirs in pairs
    ]
    for process in processes:
        process.start()
    pipes = [ours for ours, _ in pairs]
    try:
        for pipe, (_, theirs) in zip(pipes, pairs, strict=True):
            theirs.close()
            pipe.recv()
        yield Crew(pipes)
    finally:
        for process in processes:
            process.kill()
            process.join()


def rates(server: PostgresServer, *, due: int, rounds: int, warm: int) -> dict[Way, list[float]]:
    """Run the three in turn and return leads a second.

    Before each round the databases count what they hold, as they do by themselves once a minute:
    nothing is empty in the one and full in the next where mail leaves all day.
    """
    urls = {name: server.url(name) for name in ("engine", "reference")}
    for name in urls:
        server.create(name)
    enrolled = 2 * (warm + rounds * due)
    engine = Engine(urls["engine"], 0)
    engine.fill(enrolled)
    plain = urls["reference"].replace("+psycopg", "")
    store = Postgres(plain)
    store.fill(enrolled)
    found: dict[Way, list[float]] = {way: [] for way in Way}
    places = dict.fromkeys(Way, 0) | {Way.UNFOLDED: warm + rounds * due}
    with ExitStack() as stack:
        crews = {
            way: stack.enter_context(crew(way, plain if way is Way.REFERENCE else urls["engine"]))
            for way in Way
        }
        for number in range(rounds + 1):
            count = due if number else warm
            for name in urls:
                server.analyze(name)
            for way, hands in crews.items():
                (store if way is Way.REFERENCE else engine).make_due(places[way], count)
                done, seconds = hands.run()
                assert done == count, f"{way}: {done} of {count} got their mail"
                places[way] += count
                if number:
                    found[way].append(count / seconds)
    engine.close()
    return found
