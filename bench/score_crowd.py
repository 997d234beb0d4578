"""A PostgreSQL full of leads and events, made inside the server: minutes, not hours."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from people import NOW
from sqlalchemy import Table, insert

from nurture.core.project import Project
from nurture.project.load import load_folder
from nurture.store.db import Connection, Database
from nurture.store.tables import accounts, events, facts, leads

ROOT = Path(__file__).parents[1]
OLDEST_DAYS = 120
PER_ACCOUNT = 4
KINDS = (
    # kind, subject, weight: most of what is reported says little, as in life
    ("page.viewed", "news", 24), ("page.viewed", "pricing", 10), ("page.viewed", "careers", 1),
    ("message.delivered", "leak-walk", 30), ("message.clicked", "leak-walk", 16),
    ("message.clicked", "dairy-case", 8), ("form.submitted", "leak-guide", 4),
    ("form.submitted", "profile-basics", 3), ("form.submitted", "plant-details", 1),
    ("message.replied", "", 1), ("webinar.attended", "air", 1), ("call.logged", "", 1),
)  # fmt: skip


@cache
def programme() -> Project:
    """Return the starter without sequences: what is measured is scoring, not mailing."""
    return replace(load_folder(ROOT, {}), sequences={})


def fill(database: Database, leads_wanted: int, events_wanted: int) -> None:
    """Store the crowd; nobody has been assessed yet, and nobody is due."""
    with database.write() as connection:
        # Foreign keys and triggers are for rows that come one by one.
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql("SELECT setseed(0.7)")
        _first(connection)
        _multiply(connection, leads_wanted)
        _events(connection, leads_wanted, events_wanted)
    with database.engine.connect() as plain:
        plain.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")


def _first(connection: Connection) -> None:
    """Store one row of each table: the pattern of all others, with every default in its place."""
    connection.execute(
        insert(accounts), {"id": 1, "key": "bench:1", "profile": {}, "created_at": NOW}
    )
    connection.execute(
        insert(leads),
        {
            "id": 1, "uid": "u1", "email": "p1@plant.example", "match_key": "p1@plant.example",
            "time_zone": "Europe/Berlin", "account_id": 1, "profile": {}, "stage": "lead",
            "temperature": "new", "cycle_at": _ago(OLDEST_DAYS), "captured_at": _ago(OLDEST_DAYS),
            "last_life_at": _ago(3), "check_at": NOW + timedelta(days=3650),
        },
    )  # fmt: skip
    connection.execute(
        insert(facts),
        {
            "id": 1, "lead_id": 1, "account_id": 1, "name": "employees", "value": 320,
            "source": "bench", "occurred_at": _ago(OLDEST_DAYS), "recorded_at": _ago(OLDEST_DAYS),
        },
    )  # fmt: skip


def _ago(days: int) -> datetime:
    return NOW - timedelta(days=days)


def _copies(connection: Connection, table: Table, numbers: str, **changed: str) -> None:
    """Insert copies of the first row; `changed` are expressions over `i`."""
    columns = [column.name for column in table.columns]
    values = [changed.get(name, f"t.{name}") for name in columns]
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {', '.join(values)} "
        f"FROM {numbers} AS i, (SELECT * FROM {table.name} WHERE id = 1) AS t"
    )


def _multiply(connection: Connection, size: int) -> None:
    firms = max(size // PER_ACCOUNT, 1)
    account = f"1 + i % {firms}"
    profile = json.dumps({"country": "DE"})[:-1]
    _copies(
        connection, accounts, f"generate_series(2, {firms})", id="i", key="'bench:' || i",
        profile=f"('{profile}, \"employees\": ' || 20 + i % 900 || '}}')::jsonb".replace("%", "%%"),
    )  # fmt: skip
    _copies(
        connection, leads, f"generate_series(2, {size})", id="i", uid="'u' || i",
        email="'p' || i || '@plant.example'", match_key="'p' || i || '@plant.example'",
        account_id=account.replace("%", "%%"),
    )  # fmt: skip
    _copies(
        connection, facts, f"generate_series(2, {firms})", id="i", lead_id="i", account_id="i",
        value="to_jsonb(20 + i %% 900)",
    )  # fmt: skip
    _copies(
        connection, facts, f"generate_series({firms + 1}, {2 * firms})", id="i",
        lead_id=f"i - {firms}", account_id=f"i - {firms}", name="'country'",
        value="'\"DE\"'::jsonb",
    )  # fmt: skip
    _copies(
        connection, facts, f"generate_series({2 * firms + 1}, {2 * firms + size // 2})", id="i",
        lead_id=f"i - {2 * firms}", account_id="NULL", name="'authority'",
        value="'\"decider\"'::jsonb",
    )  # fmt: skip


def _events(connection: Connection, size: int, wanted: int) -> None:
    """Insert events, more of them about some leads than about others."""
    constraint, definition = connection.exec_driver_sql(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'events'::regclass AND contype = 'u'"
    ).one()
    indexes = connection.exec_driver_sql(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'events'"
        " AND indexname LIKE 'ix_%%'"
    ).all()
    connection.exec_driver_sql(f"ALTER TABLE events DROP CONSTRAINT {constraint}")
    for index, _ in indexes:
        connection.exec_driver_sql(f"DROP INDEX {index}")
    second = 1_000_000
    now = int(NOW.timestamp()) * second
    back = f"floor(random() * {OLDEST_DAYS * 86400})::bigint * {second}"
    kinds = [(kind, subject) for kind, subject, weight in KINDS for _ in range(weight)]
    listed = "ARRAY[" + ", ".join(f"'{kind}|{subject}'" for kind, subject in kinds) + "]"
    connection.exec_driver_sql(
        "INSERT INTO events (id, lead_id, kind, subject, occurred_at, recorded_at, day, source,"
        " source_key, human, points) SELECT i, lead_id, split_part(what, '|', 1),"
        " split_part(what, '|', 2), at, at,"
        # The day in Berlin, which is two hours ahead in summer.
        f" 719163 + ((at / {second} + 7200) / 86400)::int, 'bench', i::text,"
        " split_part(what, '|', 1) <> 'message.delivered', 0"
        f" FROM (SELECT i, 1 + floor(power(random(), 1.5) * {size})::int AS lead_id, {now} - {back}"
        f" AS at, ({listed})[1 + floor(random() * {len(kinds)})::int] AS what"
        f" FROM generate_series(1, {wanted}) AS i) AS made"
    )
    for _, statement in indexes:
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(f"ALTER TABLE events ADD CONSTRAINT {constraint} {definition}")
    for table in (events, facts, leads, accounts):
        connection.exec_driver_sql(
            f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id))"
            f" FROM {table.name}"
        )
