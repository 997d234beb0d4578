"""Who was refused for good, one after the other, with nothing accepted between: one row a way out.

Two workers may write it over one another: it is evidence, and it comes again.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import delete

from nurture.store.db import Connection
from nurture.store.installation import put, value_of
from nurture.store.tables import installation

_NAME = "refused in a row "


def in_a_row(connection: Connection, transport: str) -> tuple[int, ...]:
    """Return the leads."""
    return tuple(orjson.loads(value_of(connection, _NAME + transport) or "[]"))


def keep_row(connection: Connection, transport: str, row: Sequence[int]) -> None:
    """Keep the leads in place of those that are kept."""
    put(connection, _NAME + transport, orjson.dumps(list(row)).decode())


def forget_rows(connection: Connection) -> None:
    """Begin afresh, with every way out."""
    connection.execute(
        delete(installation).where(installation.c.name.startswith(_NAME, autoescape=True))
    )
