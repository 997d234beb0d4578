"""Verify the promises on the database as it is: each invariant, how many rows, what breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nurture.engine.assess_again import scores_that_differ, segments_that_differ
from nurture.engine.runtime import Runtime
from nurture.store import invariants


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One invariant as it was checked. `broken` names at most 20 offenders."""

    id: str
    promise: str
    rows: int
    broken: tuple[str, ...]


def run(runtime: Runtime, *, now: datetime) -> list[Checked]:
    """Check every invariant and return them all, kept or broken."""
    with runtime.database.read() as connection:
        found = [
            Checked(id=r.id, promise=r.promise, rows=r.rows, broken=r.broken)
            for r in invariants.check_all(connection)
        ]
        rows, broken = scores_that_differ(runtime, connection, now=now)
        answers, wrong = segments_that_differ(runtime, connection, now=now)
        found.append(
            Checked(
                id="I16",
                promise="a score is the sum of its explained rows, recomputed from the ledger",
                rows=rows,
                broken=broken,
            )
        )
        found.append(
            Checked(
                id="I17",
                promise="a segment says of every lead what the ledger says, worked out anew",
                rows=answers,
                broken=wrong,
            )
        )
    return found
