"""An outage is told by the name that the driver has for it."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from nurture.store.db import Database
from nurture.store.outage import Outage, called


def test_a_stand_in_that_may_only_be_read_is_told_from_what_is_broken(
    postgres_database: Database,
) -> None:
    with postgres_database.write() as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        with pytest.raises(Outage) as read_only:
            connection.execute(text("CREATE TABLE one (id int)"))
        with pytest.raises(Outage) as swallowed:
            connection.execute(text("SELECT 1"))
        connection.rollback()
    assert called(read_only.value) == psycopg.errors.ReadOnlySqlTransaction.__name__
    assert called(swallowed.value) == psycopg.errors.InFailedSqlTransaction.__name__


def test_what_no_driver_said_is_called_by_its_kind() -> None:
    assert called(PoolTimeout()) == "TimeoutError"
