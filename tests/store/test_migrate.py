"""The migrations make the tables that the code expects, and nothing else."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from nurture.store.db import Database
from nurture.store.tables import metadata


def test_the_migrations_make_the_tables_of_the_code(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []


def test_every_index_of_the_code_is_there_with_its_columns(database: Database) -> None:
    # Alembic does not compare the columns of partial indexes on every database.
    with database.read() as connection:
        inspector = inspect(connection)
        made = {
            index["name"]: index["column_names"]
            for table in metadata.tables
            for index in inspector.get_indexes(table)
        }
    wanted = {
        index.name: [column.name for column in index.columns]
        for table in metadata.tables.values()
        for index in table.indexes
    }
    assert wanted
    assert {name: made.get(name) for name in wanted} == wanted
