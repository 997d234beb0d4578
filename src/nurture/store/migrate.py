"""Bring a database's schema to the version that this code expects."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from nurture.store.db import Database


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(database: Database) -> None:
    """Run every migration that is missing, in one transaction.

    On PostgreSQL concurrent starts wait for each other by an advisory lock; on SQLite by the
    writing transaction itself.
    """
    with database.write() as connection:
        if database.dialect == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7117)")
        command.upgrade(_config(connection), "head")


def schema_version(database: Database) -> str | None:
    """Return the revision the database is at, None for an empty one."""
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_known(version: str) -> bool:
    """Say whether this code knows the revision; if not, newer code has made it."""
    try:
        return ScriptDirectory.from_config(_config()).get_revision(version) is not None
    except CommandError:
        return False


def expected_version() -> str:
    """Return the revision that this code expects."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head
