"""Who was refused, one after the other, with nothing accepted between: one row a way out.

Two workers may write it over one another: it is evidence, and it comes again.
"""

from __future__ import annotations

from dataclasses import asdict

import orjson
from sqlalchemy import delete, select

from nurture.core.refusal import NOBODY, Row
from nurture.store.db import Connection
from nurture.store.installation import put, value_of
from nurture.store.tables import installation

_NAME = "refused in a row "
_IS_ROW = installation.c.name.startswith(_NAME, autoescape=True)


def in_a_row(connection: Connection, transport: str) -> Row:
    """Return the row of a way out."""
    return _as_row(value_of(connection, _NAME + transport))


def rows(connection: Connection) -> dict[str, Row]:
    """Return the row of each way out in which anybody stands."""
    found = select(installation.c.name, installation.c.value).where(_IS_ROW)
    known = {
        name.removeprefix(_NAME): _as_row(value)
        for name, value in connection.execute(found.order_by(installation.c.name)).tuples()
    }
    return {transport: row for transport, row in known.items() if row.people}


def keep_row(connection: Connection, transport: str, row: Row) -> None:
    """Keep the row in place of the one that is kept."""
    put(connection, _NAME + transport, orjson.dumps(asdict(row)).decode())


def forget_rows(connection: Connection) -> None:
    """Begin afresh, with every way out."""
    connection.execute(delete(installation).where(_IS_ROW))


def _as_row(value: str | None) -> Row:
    if value is None:
        return NOBODY
    found = orjson.loads(value)
    return Row(people=tuple(found["people"]), of_us=tuple(found["of_us"]), reason=found["reason"])
