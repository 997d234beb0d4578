"""Measure sending: finished messages, calls and mails handed over, and a whole tick.

Every figure is a ratio to something bare that ran in turn with it, on this machine, in this run.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import send_calls
import send_mime
import send_tick
from people import person
from run import DURABLE
from sink import running

from nurture.bootstrap.collector import spare_collector
from tests.databases import running_postgres

FLOORS = {
    "messages: ours to bare": 0.6,
    "SendGrid: ours to httpx": 0.7,
    "SendGrid: ours to sendgrid": 20.0,
    "tick: ours to reference": 0.6,
}
"""What must be reached; the other ratios are for information."""

WORKERS = 2
SLOW = 20
"""How many times fewer of the slowest way are timed."""

METHOD = multiprocessing.get_context("spawn")

Rates = Mapping[str, Sequence[float]]


def _make(pipe: Connection, count: int) -> None:
    """Make messages whenever the pipe names a way."""
    spare_collector()
    ways = send_mime.makers(count)
    leads = [person(number) for number in range(1, count + 1)]
    pipe.send("ready")
    while name := pipe.recv():
        some = leads[: count // SLOW] if name == "EmailMessage" else leads
        send_mime.rate(ways[name], some)
        pipe.send(len(some))


def messages(count: int, rounds: int) -> Rates:
    """Return finished messages a second of two processes, by way."""
    pairs = [METHOD.Pipe() for _ in range(WORKERS)]
    processes = [
        METHOD.Process(target=_make, args=(theirs, count), daemon=True) for _, theirs in pairs
    ]
    for process in processes:
        process.start()
    pipes = [ours for ours, _ in pairs]
    for pipe in pipes:
        pipe.recv()
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name in ("ours", "unfolded", "bare", "EmailMessage"):
            begun = time.perf_counter()
            for pipe in pipes:
                pipe.send(name)
            made = sum(int(pipe.recv()) for pipe in pipes)
            found.setdefault(name, []).append(made / (time.perf_counter() - begun))
    for process in processes:
        process.kill()
    return found


def calls(count: int, rounds: int, folder: Path) -> dict[str, Rates]:
    """Return mails a second of one process, handed to SendGrid over TLS and to a mail server."""
    files = send_calls.certificate(folder)
    with running(tls=(files.certificate, files.key)) as sink:
        ways = send_calls.sendgrid_ways(sink.port, files.trusted, count)
        counts = {"ours": count, "httpx": count, "sendgrid": count // SLOW}
        sendgrid = send_calls.rates(ways, counts, rounds)
    with running(smtp=True) as sink:
        ways = send_calls.smtp_ways(sink.port, count)
        smtp = send_calls.rates(ways, dict.fromkeys(ways, count), rounds)
    return {"SendGrid": sendgrid, "SMTP": smtp}


def ticks(due: int, rounds: int) -> Rates:
    """Return leads a second of two processes on PostgreSQL."""
    with running_postgres(options=DURABLE) as server:
        return send_tick.rates(server, due=due, rounds=rounds, warm=max(due // 5, 1000))


def _ratio(rates: Rates, of: str, to: str) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(rates[of], rates[to], strict=True))


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=4000, help="finished in one round, each")
    parser.add_argument("--calls", type=int, default=2000, help="handed over in one round")
    parser.add_argument("--due", type=int, default=10_000, help="leads due in one round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    return parser.parse_args()


def _report(what: str, rates: Rates, unit: str) -> list[str]:
    """Print the rates and the ratios of ours; return the floors that were missed."""
    print(f"\n{what}")
    for name, found in rates.items():
        print(f"  {name:<14} {statistics.median(found):>10,.0f} {unit}")
    missed = []
    for other in (name for name in rates if name != "ours"):
        ratio = _ratio(rates, "ours", other)
        name = f"{what}: ours to {other}"
        floor = FLOORS.get(name)
        said = "" if floor is None else f" (at least {floor})"
        print(f"  ours to {other}: {ratio:.2f}{said}")
        if floor is not None and ratio < floor:
            missed.append(f"{name} is {ratio:.2f}, not {floor}")
    return missed


def main() -> int:
    """Measure and report; 1 if a ratio is below what must be reached."""
    flags = _flags()
    spare_collector()
    with tempfile.TemporaryDirectory() as folder:
        measured = {
            "messages": messages(flags.messages, flags.rounds),
            **calls(flags.calls, flags.rounds, Path(folder)),
            "tick": ticks(flags.due, flags.rounds),
        }
    units = {"messages": "messages/s", "tick": "leads/s"}
    missed = [
        line
        for what, rates in measured.items()
        for line in _report(what, rates, units.get(what, "mails/s"))
    ]
    print("\nbench-send: " + ("; ".join(missed) if missed else "every floor was reached"))
    if flags.json:
        flags.json.write_text(json.dumps(measured, indent=1))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
