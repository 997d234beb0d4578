"""What is wrong with a database, in one line that names no value and no password."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import (
    ArgumentError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    TimeoutError as PoolTimeout,
)

from nurture.store.trouble import explain


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ArgumentError("x"), "write sqlite:///FILE or postgresql://"),
        (NoSuchModuleError("x"), "write sqlite:///FILE or postgresql://"),
        (PoolTimeout(), "has no connection left"),
        (OperationalError("SELECT 1", {}, Exception("database is locked")), "is busy"),
        (OperationalError("SELECT 1", {}, Exception("connection refused")), "cannot be reached"),
        (OperationalError("SELECT 1", {}, Exception("no such table: leads")), "nurture apply"),
        (
            ProgrammingError("SELECT 1", {}, Exception('relation "leads" does not exist\nLINE 1')),
            "nurture apply",
        ),
        (OperationalError("SELECT 1", {}, Exception("file is not a database")), "address right"),
        (OperationalError("SELECT 1", {}, Exception("disk is full")), "refused: disk is full"),
        (OperationalError("SELECT 1", {}, Exception("")), "refused: Exception"),
    ],
)
def test_one_line_says_what_to_do(error: Exception, said: str) -> None:
    line = explain(error)
    assert line is not None
    assert said in line
    assert "\n" not in line
    assert "SELECT" not in line


def test_other_errors_are_not_the_databases() -> None:
    assert explain(ValueError("x")) is None
