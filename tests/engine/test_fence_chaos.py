"""Workers die and answers get lost while SendGrid keeps the mail: each goes out once, none not."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random
from time import monotonic, sleep

from nurture.engine import doubt
from nurture.engine.fence import Recall
from nurture.store.db import Database
from nurture.transports.sendgrid_fence import SendGridKeeper
from tests.chaos import fenced_worker
from tests.chaos.campaign import prepare
from tests.chaos.fenced_worker import FENCE
from tests.engine.programme import TUESDAY, Programme
from tests.engine.test_deliver_trouble import rows, states
from tests.transports.keeping import CANCELLED, SEND, SILENCE, Answer, Keeping

ROOT = Path(__file__).parents[2]
MAILS = 240
KILLED_AFTER = (40, 110)
"""So many mails taken, and a worker dies."""
LOST = {("POST", SEND): 0.03, ("POST", CANCELLED): 0.2}
"""The share of calls that are done without an answer."""
LIMIT_SECONDS = 120


def test_each_mail_goes_out_once_whoever_dies_and_whatever_is_lost(
    postgres_database: Database, postgres_url: str
) -> None:
    # Where workers are really at it at once; on SQLite one of them writes at a time.
    programme, roll = Programme(postgres_database), Random(7)
    prepare(programme, MAILS)

    def loses(*call: str) -> Answer | None:
        return SILENCE if roll.random() < LOST.get((call[0], call[1]), 0) else None

    there = Keeping(says=loses)
    with there.running(), closing(SendGridKeeper(there.settings)) as keeper:
        recall = Recall(keeper=keeper, fence=FENCE)
        evidences = doubt.Evidences(transport="sendgrid", recall=recall)
        hunt(postgres_url, there)
        for minutes in (8, 16, 24, 32):
            settle(programme, evidences, minutes)
            if states(programme) == {"accepted": MAILS}:
                break
            fenced_worker.main(postgres_url, there.url, minutes / 60)
    assert states(programme) == {"accepted": MAILS}
    assert there.goes_out() == {each.uid: 1 for each in rows(programme)}
    assert len(there.cancelled) > len(KILLED_AFTER)


def hunt(url: str, there: Keeping) -> None:
    """Keep two workers at it, and kill one each time so many more mails were taken."""
    workers = [worker(url, there), worker(url, there)]
    begun = monotonic()
    for count in KILLED_AFTER:
        while len(there.taken) < count:
            assert monotonic() < begun + LIMIT_SECONDS
            sleep(0.005)
        prey = workers.pop(0)
        prey.kill()
        prey.wait()
        workers.append(worker(url, there))
    for each in workers:
        each.wait(LIMIT_SECONDS)


def settle(programme: Programme, evidences: doubt.Evidences, minutes: float) -> None:
    """Settle as often as ticks would: one that hears nothing leaves the rest to the next."""
    now = TUESDAY + timedelta(minutes=minutes)
    for _ in range(50):
        doubt.settle(programme.runtime, evidences, now=now)
        if not {"uncertain", "dispatching"} & set(states(programme)):
            return


def worker(url: str, there: Keeping) -> subprocess.Popen[bytes]:
    """Start one."""
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.fenced_worker", url, there.url, "0"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
    )
