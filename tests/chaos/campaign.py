"""Kill workers in the middle of a delivery and count what reached the other side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from time import monotonic, sleep

from sqlalchemy import select

from nurture.core.message import MessageState
from nurture.engine import deliver, tick
from nurture.store.tables import messages
from tests.chaos.worker import GROUP
from tests.engine.programme import TUESDAY, Programme, row

ROOT = Path(__file__).parents[2]
WORKERS = 2
LIMIT_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the two sides' books say at the end."""

    messages: int
    kills: int
    received: int
    unanswered: int
    twice: int
    accepted: int
    ready: int
    parked: int
    parked_received: int
    other: int
    missing: int
    """Of those that count as accepted, how many never arrived."""
    coming_again: int
    """Of those that are ready to leave, how many have arrived."""
    guessed: int
    """Of those whose answer was lost, how many are not parked."""
    seconds: float

    @property
    def verdict(self) -> str:
        """Return what is wrong, '' if nothing is."""
        if self.twice:
            return f"{self.twice} messages were received twice"
        if self.accepted + self.ready + self.parked != self.messages or self.other:
            return "a message is neither sent, ready, nor parked for a person"
        allowed = self.kills * GROUP + self.unanswered
        if self.parked > allowed:
            return (
                f"{self.parked} are parked, more than {self.kills} kills times {GROUP} "
                f"and {self.unanswered} lost answers"
            )
        if self.guessed:
            return f"{self.guessed} lost answers were taken for one"
        if self.missing:
            return f"{self.missing} messages count as accepted that were never received"
        if self.coming_again:
            return f"{self.coming_again} messages were received and would leave again"
        return ""


def prepare(url_programme: Programme, count: int) -> None:
    """Plan so many mails: everybody has asked for the guide this morning."""
    people = [row(f"p{n}@plant{n % 97}.example") for n in range(count)]
    url_programme.bring(*people)
    total = tick.Ticked()
    tick.think(url_programme.runtime, url_programme.ways, total, now=TUESDAY, limit=1000)
    assert total.advance["planned"] == count


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large a campaign is; `unanswered` is the share of answers that get lost."""

    messages: int
    kills: int
    unanswered: float = 0.02
    seed: int = 7


def run(programme: Programme, url: str, folder: Path, plan: Plan) -> Tally:
    """Deliver mails while workers die and answers get lost; return both sides' books."""
    begun = monotonic()
    prepare(programme, plan.messages)
    book = folder / "received.log"
    book.touch()
    with _receiver(book, folder / "port", plan) as port:
        done = _hunt(url, port, book, plan)
        # Past every lease and deadline: what dead workers held comes up again, or into doubt.
        later = TUESDAY + timedelta(hours=2)
        deliver.settle_doubt(programme.runtime, now=later)
        _worker(url, port, hours=2).wait(LIMIT_SECONDS)
    # A day later nobody has told what became of the doubtful ones: they are a person's now.
    deliver.settle_doubt(programme.runtime, now=later + timedelta(hours=25))
    return _count(programme, book, plan.messages, done, monotonic() - begun)


@contextmanager
def _receiver(book: Path, ready: Path, plan: Plan) -> Iterator[int]:
    how = str(plan.unanswered), str(plan.seed)
    with _python("tests.chaos.receiver", str(book), str(ready), *how) as process:
        while not ready.exists():
            assert process.poll() is None, "the receiver ended at once"
            sleep(0.01)
        try:
            yield int(ready.read_text())
        finally:
            process.kill()


def _hunt(url: str, port: int, book: Path, plan: Plan) -> int:
    """Keep workers running, and kill one each time so many more messages have arrived.

    A worker that ends by itself has found nothing left to do, and gets no successor.
    """
    workers = [_worker(url, port) for _ in range(WORKERS)]
    # Close enough together that the last one still meets a delivery: what a dead worker held does
    # not arrive.
    roll, kills = Random(plan.seed), plan.kills
    step = 0.6 * plan.messages / (kills + 1)
    killed, begun, wanted = 0, monotonic(), roll.random() * step
    while workers and monotonic() < begun + LIMIT_SECONDS:
        workers = [worker for worker in workers if worker.poll() is None]
        arrived = book.read_bytes().count(b"\n")
        if workers and killed < kills and arrived >= wanted:
            prey = workers.pop(roll.randrange(len(workers)))
            os.kill(prey.pid, signal.SIGKILL)
            prey.wait()
            killed += 1
            wanted = (killed + roll.random()) * step
            workers.append(_worker(url, port))
        sleep(0.005)
    for worker in workers:
        worker.kill()
    return killed


def _worker(url: str, port: int, *, hours: float = 0) -> subprocess.Popen[bytes]:
    return _python("tests.chaos.worker", url, str(port), str(hours))


def _python(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, env={**os.environ, "PYTHONPATH": path}
    )


def _count(programme: Programme, book: Path, count: int, kills: int, seconds: float) -> Tally:
    received = Counter(book.read_text().split())
    unanswered = set(book.with_suffix(".unanswered").read_text().split())
    uids: dict[str, set[str]] = {state: set() for state in MessageState}
    with programme.database.read() as connection:
        for uid, state in connection.execute(select(messages.c.uid, messages.c.state)):
            uids[state].add(uid)
    accepted, ready = uids[MessageState.ACCEPTED], uids[MessageState.READY]
    parked = uids[MessageState.PARKED]
    return Tally(
        messages=count,
        kills=kills,
        received=len(received),
        unanswered=len(unanswered),
        twice=sum(n > 1 for n in received.values()),
        accepted=len(accepted),
        ready=len(ready),
        parked=len(parked),
        parked_received=len(parked & set(received)),
        other=sum(map(len, uids.values())) - len(accepted) - len(ready) - len(parked),
        missing=len(accepted - set(received)),
        coming_again=len(ready & set(received)),
        guessed=len(unanswered - parked),
        seconds=seconds,
    )
