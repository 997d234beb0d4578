"""Releases: project versions that were put in force, by content hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from nurture.store.db import Connection
from nurture.store.departures import is_leaving
from nurture.store.messages import DOUBTFUL, READY
from nurture.store.tables import enrollments, messages, releases


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One applied project version."""

    id: int
    content_hash: str
    applied_at: datetime
    applied_by: str


def apply(
    connection: Connection,
    *,
    content_hash: str,
    files: Mapping[str, str],
    by: str,
    now: datetime,
) -> int:
    """Put a version in force and return its id; the same content again comes to the front.

    Its files are written again: that mends a row that was damaged.
    """
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    values = {"applied_at": now, "applied_by": by, "files": dict(files)}
    release_id: int = connection.execute(
        make(releases)
        .values(content_hash=content_hash, **values)
        .on_conflict_do_update(index_elements=["content_hash"], set_=values)
        .returning(releases.c.id)
    ).scalar_one()
    return release_id


def current(connection: Connection) -> Release | None:
    """Return the release in force."""
    row = connection.execute(_CURRENT).one_or_none()
    return None if row is None else Release(**row._mapping)


_CURRENT = (
    select(releases.c.id, releases.c.content_hash, releases.c.applied_at, releases.c.applied_by)
    .order_by(releases.c.applied_at.desc(), releases.c.id.desc())
    .limit(1)
)


def texts(connection: Connection, file: str) -> list[str]:
    """Return what the file held in every release, each text once."""
    held: ColumnElement[str] = releases.c.files[file].as_string()
    if connection.dialect.name == "sqlite":
        # There the column is text, and a row that is damaged holds none of them.
        held = case((func.json_valid(releases.c.files) == 1, held))
    found = connection.scalars(select(held).where(held.is_not(None)).distinct())
    return list(found)


def files(connection: Connection, release_id: int) -> dict[str, str]:
    """Return a release's files as text."""
    found: dict[str, str] = connection.execute(
        select(releases.c.files).where(releases.c.id == release_id)
    ).scalar_one()
    return found


def in_use(connection: Connection) -> dict[int, tuple[int, int]]:
    """Return how many open enrollments and mails that have not left hang on each release."""
    found: dict[int, tuple[int, int]] = {}
    release, count = enrollments.c.release_id, func.count()
    for release_id, number in connection.execute(select(release, count).group_by(release)).tuples():
        found[release_id] = (number, 0)
    release = messages.c.release_id
    unsent = or_(READY, DOUBTFUL, is_leaving(connection))
    rows = connection.execute(select(release, count).where(unsent).group_by(release))
    for release_id, number in rows.tuples():
        found[release_id] = (found.get(release_id, (0, 0))[0], number)
    return found
