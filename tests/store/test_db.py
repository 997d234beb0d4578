"""Connections that were closed behind our back."""

from __future__ import annotations

from contextlib import ExitStack

import psycopg

from nurture.store.db import Database

END_ALL = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def handed_out(database: Database) -> set[object]:
    """Return the server's ids of two connections that are held at once."""
    with ExitStack() as stack:
        held = [stack.enter_context(database.read()) for _ in range(2)]
        return {one.exec_driver_sql("SELECT pg_backend_pid()").scalar_one() for one in held}


def test_what_the_server_closed_is_not_handed_out_again(
    postgres_database: Database, postgres_url: str
) -> None:
    before = handed_out(postgres_database)
    assert handed_out(postgres_database) == before
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as server:
        server.execute(END_ALL)
    assert before.isdisjoint(handed_out(postgres_database))
