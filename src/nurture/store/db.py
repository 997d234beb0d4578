"""Open a database and hand out connections inside transactions.

SQLite opens every writing transaction with BEGIN IMMEDIATE: with the driver's default, two
writers that both read first lose updates without an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from select import POLLIN, poll
from typing import Any, cast

import orjson
import psycopg
from sqlalchemy import BigInteger, Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, InvalidatePoolError
from sqlalchemy.types import TypeDecorator

__all__ = ["Connection", "Database", "Instant", "open_database", "stored", "to_json"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_KEPT = 4096
_DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql", "postgres", "postgresql+psycopg"})
_READ, _WRITE, _LEASE = "read", "write", "lease"

PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA busy_timeout=60000",
    "PRAGMA cache_size=-65536",
    # A large batch would otherwise copy its pages into the file at every commit.
    "PRAGMA wal_autocheckpoint=8000",
)


# A batch holds few different instants: most rows of it are written in the same moments.
@lru_cache(maxsize=_KEPT)
def stored(value: datetime) -> int:
    """Return an aware datetime as it is stored; a naive one is a programmer's error."""
    assert value.tzinfo is not None, "naive datetime"
    return (value - _EPOCH) // _MICROSECOND


# As above: those that were read.
@lru_cache(maxsize=_KEPT)
def _as_datetime(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + timedelta(microseconds=value)


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, stored as microseconds since 1970: equal in both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return the stored form."""
        return None if value is None else stored(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the aware datetime."""
        return _as_datetime(value)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[int | None], datetime | None]:
        """Return the same as `process_result_value`, without a step in between."""
        return _as_datetime


@dataclass(frozen=True, slots=True)
class Database:
    """An open database. `url` carries no password when printed."""

    engine: Engine
    dialect: str

    @property
    def url(self) -> str:
        """Where it is, without the password."""
        return self.engine.url.render_as_string(hide_password=True)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Yield a connection in a writing transaction; commit at the end, roll back on error."""
        with self.engine.connect() as plain:
            connection = plain.execution_options(nurture_begin=_WRITE)
            with connection.begin():
                yield connection

    @contextmanager
    def lease(self) -> Iterator[Connection]:
        """Yield a connection as `write` does, for what may be lost if the machine fails now.

        The commit does not wait for the disk. What is committed later waits for this too, so
        nothing that rests on a lease outlives it.
        """
        with self.engine.connect() as plain:
            connection = plain.execution_options(nurture_begin=_LEASE)
            with connection.begin():
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection in a reading transaction."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @staticmethod
    @contextmanager
    def attempt(connection: Connection) -> Iterator[None]:
        """Undo what is written within if it raises, and nothing that was written before."""
        with connection.begin_nested():
            yield

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open `sqlite:///file` or `postgresql://…`; the schema is `store.migrate`'s business."""
    try:
        parsed = make_url(url)
    except ValueError:
        raise ArgumentError("a port is a number") from None
    if parsed.drivername not in _DRIVERS:
        raise ArgumentError(f"no such driver here: {parsed.drivername}")
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(
        parsed,
        json_serializer=to_json,
        # PostgreSQL hands over text and nothing else.
        json_deserializer=from_json if parsed.get_backend_name() == "sqlite" else orjson.loads,
        # Values are personal: errors and logs name the statement, never its parameters.
        hide_parameters=True,
        pool_size=10,
        max_overflow=20,
    )
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _configure_postgresql)
        event.listen(engine, "checkout", partial(_look_after, engine.dialect))
        event.listen(engine, "begin", _begin_postgresql)
    return Database(engine=engine, dialect=parsed.get_backend_name())


def to_json(value: object) -> str:
    """Return the value as JSON text."""
    # Sorted keys: the same value is the same text wherever it is stored or hashed.
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def from_json(text: object) -> object:
    """Return the value of JSON text."""
    if not isinstance(text, str | bytes):
        # SQLite keeps a lone number as one, and this error is how SQLAlchemy learns of it.
        raise TypeError("not JSON text")
    return orjson.loads(text)


def _configure_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # SQLAlchemy's begin event opens transactions; the driver must not do it on its own.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _configure_postgresql(connection: DBAPIConnection, _record: object) -> None:
    # A plan that was kept while the tables were empty would be kept when they are large.
    cursor = connection.cursor()
    cursor.execute("SET plan_cache_mode = force_custom_plan")
    cursor.close()
    connection.commit()


def _look_after(
    dialect: Dialect, connection: psycopg.Connection[Any], _record: object, _proxy: object
) -> None:
    """Let the pool forget its connections where the server has closed the one at hand.

    A server that ends a connection says so, and an idle one says nothing else: to listen is as
    good as to ask, which would take longer than many a statement.
    """
    try:
        listening = poll()
        listening.register(connection.fileno(), POLLIN)
        if listening.poll(0):
            dialect.do_ping(cast("DBAPIConnection", connection))
    except psycopg.Error:
        raise InvalidatePoolError from None


def _begin_sqlite(connection: Connection) -> None:
    kind = connection.get_execution_options().get("nurture_begin", _READ)
    if kind != _READ:
        # It holds for the connection, and cannot be changed within a transaction.
        wait = "NORMAL" if kind == _LEASE else "FULL"
        connection.exec_driver_sql(f"PRAGMA synchronous={wait}")
    connection.exec_driver_sql("BEGIN" if kind == _READ else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("nurture_begin") == _LEASE:
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
