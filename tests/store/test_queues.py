"""Counting what is due costs what is due, not what is stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event

from nurture.store import queues
from nurture.store.db import Database

NOW = datetime(2026, 9, 1, tzinfo=UTC)
SMALL = {"switches", "tasks", "departures"}
"""Tables that are read in full: there is never much in them."""


def test_every_large_table_is_searched_along_an_index(sqlite_database: Database) -> None:
    asked: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, told: Any, *_: Any) -> None:
        asked.append((statement, told))

    event.listen(sqlite_database.engine, "before_cursor_execute", keep)
    with sqlite_database.read() as connection:
        queues.standing(connection, now=NOW)
        queries = [(sql, told) for sql, told in asked if sql.startswith("SELECT")]
        steps = [
            str(row.detail)
            for sql, told in queries
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", told)
        ]

    assert len(queries) > 10
    full = [s for s in steps if s.startswith("SCAN") and "INDEX" not in s]
    assert {step.split()[1] for step in full} <= SMALL
