"""Many ids or rows in one statement: as a single parameter, or straight to the driver.

A list of a thousand bound parameters, or an executemany that looks at every single value, costs
more than the statement that it serves. Changes go as one JSON document that is joined; new rows go
by COPY to PostgreSQL and by the driver's executemany to SQLite.

Rows are given as they are stored: instants as `stored` makes them, enumerations as plain strings,
JSON columns as the values they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

import orjson
import psycopg
from psycopg import sql
from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    Dialect,
    Insert,
    Integer,
    Table,
    Text,
    Update,
    bindparam,
    cast,
    column,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlalchemy.types import JSON, NullType, TypeDecorator, TypeEngine, UserDefinedType

from nurture.store.db import Connection, to_json

_COPY = sql.SQL("COPY {} ({}) FROM STDIN")

Row = tuple[Any, ...]
Given = Mapping[str, ColumnElement[Any]]
"""Stands for the values of one given row, by name of their columns."""


class _Set(TypeDecorator[Sequence[Any]]):
    """A list as one parameter: an array, or JSON where there are no arrays."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the array type where there is one."""
        if dialect.name != "postgresql":
            return dialect.type_descriptor(Text())
        array = dialect.type_descriptor(ARRAY(self.item))
        return _Written(array.compile(dialect)) if self._is_of_numbers else array

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:  # noqa: ANN401 (list or text)
        """Return what the driver takes."""
        if dialect.name != "postgresql":
            return to_json(value)
        if value is None or not self._is_of_numbers:
            return value
        return "{" + ",".join(map(str, value)) + "}"

    @property
    def _is_of_numbers(self) -> bool:
        return isinstance(self.item, Integer)


class _Written(UserDefinedType[str]):
    """An array as PostgreSQL writes it: the driver takes five times as long over a list."""

    cache_ok = True
    render_bind_cast = True

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def get_col_spec(self, **_options: object) -> str:
        """Return the type's name."""
        return self.kind


class _Among(FunctionElement[bool]):
    # Not a Boolean: SQLite would be asked whether the term equals 1, and would use no index for it.
    type: TypeEngine[Any] = NullType()
    name = "among"
    inherit_cache = True


@compiles(_Among, "postgresql")
def _among_array(element: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 (SQLAlchemy's signature)
    place, values = (compiler.process(item, **options) for item in element.clauses)
    return f"{place} = ANY({values})"


@compiles(_Among, "sqlite")
def _among_json(element: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 (as above)
    place, values = (compiler.process(item, **options) for item in element.clauses)
    return f"{place} IN (SELECT value FROM json_each({values}))"  # noqa: S608 (compiled parts)


def among(place: ColumnElement[Any], values: Iterable[int] | Iterable[str]) -> ColumnElement[bool]:
    """Return the term that is true where the column has one of the values, however many."""
    return _Among(place, bindparam(None, list(values), type_=_Set(place.type)))


def add(
    connection: Connection,
    columns: Sequence[Column[Any]],
    rows: Collection[Row],
    *,
    once: Sequence[Column[Any]] = (),
) -> None:
    """Insert rows; those that repeat another's values in the columns `once` stay out."""
    if rows:
        prepared = _insert(connection.dialect.name, tuple(columns), tuple(once))
        prepared.run(connection, rows)


def change(
    connection: Connection,
    statement: Callable[[Given], Update],
    columns: Sequence[Column[Any]],
    rows: Collection[Row],
) -> int:
    """Run an update for each row and return how many rows of the table it changed.

    `statement` is a plain function: it is asked once, and what it returns is kept.
    """
    if not rows:
        return 0
    return _update(connection.dialect.name, statement, tuple(columns)).run(connection, rows)


@dataclass(frozen=True, slots=True)
class _Document:
    """A statement that joins the rows, sent as one JSON document; without `names`, by place."""

    statement: Insert | Update
    names: tuple[str, ...]

    def run(self, connection: Connection, rows: Collection[Row]) -> int:
        document: object = rows
        if self.names:
            document = [dict(zip(self.names, row, strict=True)) for row in rows]
        text = orjson.dumps(document).decode()
        changed = connection.execute(self.statement, {"document": text}).rowcount
        if changed >= 0:
            return changed
        # The driver of SQLite counts nothing where a statement begins with WITH.
        counted: int = connection.execute(select(func.changes())).scalar_one()
        return counted


@dataclass(frozen=True, slots=True)
class _Copied:
    """Rows for COPY. `instead` inserts them where one repeats what is stored already."""

    sql: sql.Composed
    constants: Row
    json_places: tuple[int, ...]
    instead: _Document | None

    def run(self, connection: Connection, rows: Collection[Row]) -> int:
        safe = connection.begin_nested() if self.instead else nullcontext()
        try:
            with safe:
                self._copy(connection, rows)
        except psycopg.Error as error:
            if self.instead and isinstance(error, psycopg.errors.UniqueViolation):
                return self.instead.run(connection, rows)
            # Its text quotes the row, and rows are personal.
            reason = f"({type(error).__name__}) {error.sqlstate}"
            raise StatementError(reason, "COPY", None, None, hide_parameters=True) from None
        return len(rows)

    def _copy(self, connection: Connection, rows: Collection[Row]) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        with driver.cursor() as cursor, cursor.copy(self.sql) as copy:
            for row in rows:
                copy.write_row(_encoded(row, self.json_places) + self.constants)


def _encoded(row: Row, json_places: tuple[int, ...]) -> Row:
    if not json_places:
        return row
    values = list(row)
    for place in json_places:
        values[place] = to_json(values[place])
    return tuple(values)


@dataclass(frozen=True, slots=True)
class _Driven:
    """A statement that the driver runs for each row. `pick` puts a row into the driver's order."""

    sql: str
    pick: Callable[[Row], Row]
    constants: Row
    json_places: tuple[int, ...]

    def run(self, connection: Connection, rows: Collection[Row]) -> int:
        arranged = [self.pick(_encoded(row, self.json_places) + self.constants) for row in rows]
        return connection.exec_driver_sql(self.sql, arranged).rowcount


@lru_cache
def _insert(
    dialect: str, columns: tuple[Column[Any], ...], once: tuple[Column[Any], ...]
) -> _Copied | _Driven:
    table = columns[0].table
    assert isinstance(table, Table)
    given = {place.name for place in columns}
    defaults = {
        place: place.default.arg
        for place in table.columns
        if place.name not in given and isinstance(place.default, ScalarElementColumnDefault)
    }
    if dialect == "postgresql":
        return _copied(table, columns, defaults, once)
    fixed = {place.name: literal(value, place.type) for place, value in defaults.items()}
    single = sqlite.insert(table).values({**_bound(columns), **fixed})
    return _driven(single.on_conflict_do_nothing(index_elements=once) if once else single, columns)


def _copied(
    table: Table,
    columns: tuple[Column[Any], ...],
    defaults: Mapping[Column[Any], Any],
    once: tuple[Column[Any], ...],
) -> _Copied:
    instead = None
    if once:
        values = _joined(columns)
        fixed = {place.name: literal(value, place.type) for place, value in defaults.items()}
        joined = postgresql.insert(table).from_select(
            [*values, *fixed], select(*values.values(), *fixed.values()), include_defaults=False
        )
        statement = joined.on_conflict_do_nothing(index_elements=once)
        instead = _Document(statement, tuple(map(str, values)))
    return _Copied(
        sql=_COPY.format(
            sql.Identifier(table.name),
            sql.SQL(", ").join(sql.Identifier(place.name) for place in (*columns, *defaults)),
        ),
        constants=tuple(defaults.values()),
        json_places=_json_places(columns),
        instead=instead,
    )


def _json_places(columns: Sequence[Column[Any]]) -> tuple[int, ...]:
    return tuple(i for i, c in enumerate(columns) if isinstance(c.type, JSON))


@lru_cache
def _update(
    dialect: str, statement: Callable[[Given], Update], columns: tuple[Column[Any], ...]
) -> _Document:
    if dialect == "postgresql":
        values = _joined(columns)
        return _Document(statement(values), tuple(map(str, values)))
    return _Document(statement(_listed(columns)), ())


def _listed(columns: Sequence[Column[Any]]) -> Given:
    """Return the rows of the document as SQLite joins them."""
    row = func.json_each(bindparam("document", type_=Text())).table_valued("value").c.value
    values = [
        row.op("->>")(literal_column(str(number))).label(place.name)
        for number, place in enumerate(columns)
    ]
    # Written down first: looked into for each row of the table it would take seconds.
    given = select(*values).cte("given").prefix_with("MATERIALIZED")
    return {place.name: type_coerce(given.c[place.name], place.type) for place in columns}


def _joined(columns: Sequence[Column[Any]]) -> Given:
    """Return the rows of the document as something to select from or to join."""
    # Not JSONB: that would be built first, and takes half as long again.
    document = cast(bindparam("document", type_=Text()), JSON)
    rows = func.json_to_recordset(document).table_valued(
        *[column(place.name, place.type) for place in columns]
    )
    named = rows.render_derived(name="given", with_types=True)
    return {place.name: named.c[place.name] for place in columns}


def _bound(columns: Sequence[Column[Any]]) -> Given:
    return {place.name: bindparam(f"given_{place.name}", type_=place.type) for place in columns}


def _driven(statement: Insert | Update, columns: Sequence[Column[Any]]) -> _Driven:
    compiled = statement.compile(dialect=sqlite.dialect())
    wanted = compiled.positiontup
    assert wanted is not None
    given = [f"given_{place.name}" for place in columns]
    fixed = {name: value for name, value in compiled.params.items() if name not in given}
    assert not any(isinstance(value, datetime) for value in fixed.values()), "give it in the rows"
    order = [*given, *fixed]
    return _Driven(
        sql=str(compiled),
        pick=itemgetter(*[order.index(name) for name in wanted]),
        constants=tuple(fixed.values()),
        json_places=_json_places(columns),
    )
