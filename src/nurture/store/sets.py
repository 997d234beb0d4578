"""Many ids or rows in one statement: as a single parameter, or straight to the driver.

A list of a thousand bound parameters, or an executemany that looks at every single value, costs
more than the statement that it serves. Changes are joined: on PostgreSQL to an array for each
column, on SQLite to one JSON document. New rows go by COPY to PostgreSQL and by the driver's
executemany to SQLite.

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
    Boolean,
    Column,
    ColumnElement,
    Dialect,
    Insert,
    Integer,
    Table,
    Text,
    Update,
    bindparam,
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
        return _Written(dialect.type_descriptor(ARRAY(self.item)).compile(dialect))

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> str | None:
        """Return what the driver takes."""
        if dialect.name != "postgresql":
            return to_json(value)
        return None if value is None else _written(self.item, value)


def _written(item: TypeEngine[Any], values: Sequence[Any]) -> str:
    """Return values as PostgreSQL writes an array of them."""
    if not values:
        return "{}"
    if isinstance(_stored_as(item), Boolean | Integer):
        return "{" + ",".join(map(str, values)).replace("None", "NULL") + "}"
    if isinstance(item, JSON):
        values = list(map(to_json, values))
    elif None in values:
        quoted = ("NULL" if v is None else f'"{_quotable(v)}"' for v in values)
        return "{" + ",".join(quoted) + "}"
    return '{"' + '","'.join(map(_quotable, values)) + '"}'


def _quotable(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


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


def among_given(place: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Return the same term for a list that is given under the name when the statement runs.

    A statement that is written once costs a fifth of a millisecond less than one that is put
    together anew.
    """
    return _Among(place, bindparam(name, type_=_Set(place.type)))


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
    if connection.dialect.name == "postgresql":
        return _change_by_arrays(connection, statement, tuple(columns), rows)
    return _update(statement, tuple(columns)).run(connection, rows)


def _change_by_arrays(
    connection: Connection,
    statement: Callable[[Given], Update],
    columns: tuple[Column[Any], ...],
    rows: Collection[Row],
) -> int:
    """Join one array for each column; a value that all rows share goes once, as itself."""
    of_column = list(zip(*rows, strict=True))
    # Never the first, or there would be nothing to join; nor JSON, where 1 and true are not equal.
    may = [number > 0 and not isinstance(c.type, JSON) for number, c in enumerate(columns)]
    shared = tuple(
        can and values.count(values[0]) == len(values)
        for can, values in zip(may, of_column, strict=True)
    )
    given = {
        f"given_{place.name}": values[0] if once else values
        for place, values, once in zip(columns, of_column, shared, strict=True)
    }
    return connection.execute(_update_by_arrays(statement, columns, shared), given).rowcount


@lru_cache(maxsize=1024)
def _update_by_arrays(
    statement: Callable[[Given], Update], columns: tuple[Column[Any], ...], shared: tuple[bool, ...]
) -> Update:
    return statement(_unnested(columns, shared))


def _unnested(columns: Sequence[Column[Any]], shared: Sequence[bool]) -> Given:
    """Return the rows of the arrays as something to select from or to join."""
    single, listed, arrays = {}, [], []
    for place, once in zip(columns, shared, strict=True):
        kind = _stored_as(place.type) if once else _Set(place.type)
        parameter = bindparam(f"given_{place.name}", type_=kind)
        if once:
            single[place.name] = parameter
        else:
            listed.append(column(place.name, place.type))
            arrays.append(parameter)
    rows = func.unnest(*arrays).table_valued(*listed).render_derived(name="given")
    return {**single, **{place.name: place for place in rows.c}}


def _stored_as(item: TypeEngine[Any]) -> TypeEngine[Any]:
    return item.impl_instance if isinstance(item, TypeDecorator) else item


@dataclass(frozen=True, slots=True)
class _Document:
    """A statement that joins the rows, sent as one JSON document."""

    statement: Update

    def run(self, connection: Connection, rows: Collection[Row]) -> int:
        connection.execute(self.statement, {"document": orjson.dumps(rows).decode()})
        # The driver of SQLite counts nothing where a statement begins with WITH.
        counted: int = connection.execute(select(func.changes())).scalar_one()
        return counted


@dataclass(frozen=True, slots=True)
class _Arrays:
    """A statement that joins the rows, sent as one array for each column."""

    statement: Insert
    names: tuple[str, ...]

    def run(self, connection: Connection, rows: Collection[Row]) -> int:
        of_column = zip(*rows, strict=True)
        given = {f"given_{name}": v for name, v in zip(self.names, of_column, strict=True)}
        return connection.execute(self.statement, given).rowcount


@dataclass(frozen=True, slots=True)
class _Copied:
    """Rows for COPY. `instead` inserts them where one repeats what is stored already."""

    sql: sql.Composed
    kinds: tuple[str, ...]
    constants: Row
    json_places: tuple[int, ...]
    instead: _Arrays | None

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
            # Told once, or the driver would look at the type of every value.
            copy.set_types(self.kinds)
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
        values = _unnested(columns, [False] * len(columns))
        fixed = {place.name: literal(value, place.type) for place, value in defaults.items()}
        joined = postgresql.insert(table).from_select(
            [*values, *fixed], select(*values.values(), *fixed.values()), include_defaults=False
        )
        statement = joined.on_conflict_do_nothing(index_elements=once)
        instead = _Arrays(statement, tuple(values))
    return _Copied(
        sql=_COPY.format(
            sql.Identifier(table.name),
            sql.SQL(", ").join(sql.Identifier(place.name) for place in (*columns, *defaults)),
        ),
        kinds=tuple(_driven_as(place.type) for place in (*columns, *defaults)),
        constants=tuple(defaults.values()),
        json_places=_json_places(columns),
        instead=instead,
    )


def _driven_as(item: TypeEngine[Any]) -> str:
    """Return as what the driver writes values: all but numbers are text by now."""
    stored = _stored_as(item)
    return (
        "bool" if isinstance(stored, Boolean) else "int8" if isinstance(stored, Integer) else "text"
    )


def _json_places(columns: Sequence[Column[Any]]) -> tuple[int, ...]:
    return tuple(i for i, c in enumerate(columns) if isinstance(c.type, JSON))


@lru_cache
def _update(statement: Callable[[Given], Update], columns: tuple[Column[Any], ...]) -> _Document:
    return _Document(statement(_listed(columns)))


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
