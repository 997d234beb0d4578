"""`make chaos`: kill workers and lose answers while mail leaves, on SQLite and PostgreSQL.

The last line says PASS or FAIL, and so does the exit code.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nurture.store.db import open_database
from nurture.store.migrate import upgrade
from tests.chaos.campaign import Plan, Tally, run
from tests.databases import running_postgres
from tests.engine.programme import Programme


@contextmanager
def address(kind: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database of the kind."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'chaos.db'}"
        return
    # Durable, as in real life: a test's server may forget, this one may not.
    with running_postgres(options={"fsync": "on", "synchronous_commit": "on"}) as server:
        server.create("chaos")
        yield server.url("chaos")


def main() -> int:
    """Run the campaign on each database and return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--unanswered", type=float, default=0.02, help="share of lost answers")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    asked = parser.parse_args()
    kinds = ["sqlite", "postgresql"] if asked.database == "both" else [asked.database]
    wrong = []
    for kind in kinds:
        with tempfile.TemporaryDirectory() as home, address(kind, Path(home)) as url:
            database = open_database(url)
            upgrade(database)
            plan = Plan(
                messages=asked.messages,
                kills=asked.kills,
                unanswered=asked.unanswered,
                seed=asked.seed,
            )
            tally = run(Programme(database), url, Path(home), plan)
            database.close()
        _show(kind, tally)
        if tally.verdict or tally.kills < asked.kills:
            wrong.append(f"{kind}: {tally.verdict or f'only {tally.kills} kills'}")
    print("chaos: FAIL " + "; ".join(wrong) if wrong else f"chaos: PASS on {' and '.join(kinds)}")
    return int(bool(wrong))


def _show(kind: str, tally: Tally) -> None:
    print(
        f"{kind}: {tally.messages} messages, {tally.kills} kills, {tally.unanswered} lost answers, "
        f"{tally.seconds:.0f} s: received {tally.received}, twice {tally.twice}, "
        f"accepted {tally.accepted}, ready {tally.ready}, parked {tally.parked} "
        f"(of which received {tally.parked_received}), other {tally.other}"
    )


if __name__ == "__main__":
    sys.exit(main())
