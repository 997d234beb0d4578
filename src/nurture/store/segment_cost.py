"""What it costs to ask a segment of everybody: measured, and stopped when it takes too long."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.exc import DBAPIError

from nurture.core.condition import Condition
from nurture.store import segment_sql
from nurture.store.db import Connection

STEPS = 20_000
"""SQLite asks after so many of its own steps whether to go on: a fraction of a millisecond."""
CANCELED = "57014"
"""PostgreSQL's code for a statement that ran out of its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """How long a full count took, and what it found; `leads` None: it was stopped."""

    seconds: float
    leads: int | None


def measure(
    connection: Connection,
    condition: Condition,
    *,
    now: datetime,
    today: date,
    limit_seconds: float,
    seconds: Callable[[], float] = time.monotonic,
) -> Cost:
    """Count the segment within the limit. A transaction that was stopped must be rolled back."""
    began = seconds()
    _limit(connection, began + limit_seconds, limit_seconds, seconds)
    try:
        found: int | None = segment_sql.count(connection, condition, now=now, today=today)
    except DBAPIError as error:
        if not _was_stopped(error):
            raise
        found = None
    finally:
        _unlimit(connection)
    return Cost(seconds=seconds() - began, leads=found)


def _limit(
    connection: Connection, until: float, limit_seconds: float, seconds: Callable[[], float]
) -> None:
    if connection.dialect.name == "postgresql":
        # Local: it ends with the transaction, also with one that is rolled back.
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_milliseconds(limit_seconds)}")
    else:
        _driver(connection).set_progress_handler(lambda: seconds() > until, STEPS)


def _milliseconds(seconds: float) -> int:
    # To PostgreSQL, none would mean no limit.
    return max(round(seconds * 1000), 1)


def _unlimit(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        _driver(connection).set_progress_handler(None, 0)


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _was_stopped(error: DBAPIError) -> bool:
    cause = error.orig
    if isinstance(cause, sqlite3.OperationalError):
        return "interrupted" in str(cause)
    return getattr(cause, "sqlstate", None) == CANCELED
