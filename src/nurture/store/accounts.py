"""Organizations: found by key, id or name, read with their people, put on the target list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, insert, not_, select, update

from nurture.core.known import Statement, as_statement
from nurture.core.lead import Lead, Profile, Stage
from nurture.store.db import Connection
from nurture.store.leads import as_profile, read as read_leads
from nurture.store.sets import among
from nurture.store.tables import accounts, facts, leads
from nurture.store.timeline import LONGEST_ID

PAGE = 1000
MOST_NAMED = 10
NO_ORGANIZATION = ("lead:", "erased:")
"""How the keys of accounts begin of whom no organization is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """One organization. `target_at`: since when it is on the target list, None if it is not."""

    id: int
    key: str
    name: str
    profile: Profile
    source: str
    target_at: datetime | None
    created_at: datetime
    people: int = 0

    @property
    def shown(self) -> str:
        """What people call it."""
        return str(self.profile.get("name") or self.name or self.key.partition(":")[2])


def by_keys(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """Return the ids of the accounts that there are, by key."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    rows = connection.execute(
        select(accounts.c.key, accounts.c.id).where(accounts.c.key.in_(wanted))
    )
    return {row.key: row.id for row in rows}


def read(connection: Connection, ids: Sequence[int]) -> dict[int, AccountLine]:
    """Return accounts by id, with how many people they have."""
    rows = connection.execute(_lines().where(among(accounts.c.id, ids)))
    return {row.id: _line(row) for row in rows}


def pages(connection: Connection, *, suspects: bool = False) -> Iterator[list[AccountLine]]:
    """Yield all organizations in pages; only targets without a person with `suspects`."""
    after = 0
    while True:
        statement = _lines().where(accounts.c.id > after, _is_organization())
        if suspects:
            statement = statement.where(accounts.c.target_at.is_not(None), not_(_has_people()))
        rows = connection.execute(statement.order_by(accounts.c.id).limit(PAGE)).all()
        if not rows:
            return
        yield [_line(row) for row in rows]
        after = rows[-1].id


def _lines() -> Select[Any]:
    people = (
        select(func.count())
        .where(leads.c.account_id == accounts.c.id, leads.c.stage != Stage.ERASED)
        .scalar_subquery()
    )
    return select(accounts, people.label("people"))


def _is_organization() -> ColumnElement[bool]:
    return and_(*(not_(accounts.c.key.startswith(begin)) for begin in NO_ORGANIZATION))


def _has_people() -> ColumnElement[bool]:
    return exists().where(leads.c.account_id == accounts.c.id, leads.c.stage != Stage.ERASED)


def _line(row: Any) -> AccountLine:  # noqa: ANN401 (a row)
    return AccountLine(
        id=row.id,
        key=row.key,
        name=row.name,
        profile=as_profile(row.profile),
        source=row.source,
        target_at=row.target_at,
        created_at=row.created_at,
        people=row.people,
    )


def find(connection: Connection, text: str, *, key: str) -> list[int]:
    """Return accounts with this number, domain or key; else those of this name, a few at most.

    By name every account is looked at: nobody but a person at a keyboard asks so.
    """
    wanted = text.strip()
    if wanted.isascii() and wanted.isdecimal() and len(wanted) <= LONGEST_ID:
        found = _ids(connection, accounts.c.id == int(wanted))
    else:
        keys = [wanted, f"domain:{wanted.casefold()}", key]
        found = _ids(connection, accounts.c.key.in_(keys))
    return found or _ids(connection, func.lower(accounts.c.name) == wanted.lower())


def _ids(connection: Connection, term: ColumnElement[bool]) -> list[int]:
    found = select(accounts.c.id).where(term, _is_organization()).order_by(accounts.c.id)
    return list(connection.scalars(found.limit(MOST_NAMED)))


def people(connection: Connection) -> Iterator[list[Lead]]:
    """Yield all leads but the erased in pages."""
    after = 0
    while True:
        ids = list(
            connection.scalars(
                select(leads.c.id)
                .where(leads.c.id > after, leads.c.stage != Stage.ERASED)
                .order_by(leads.c.id)
                .limit(PAGE)
            )
        )
        if not ids:
            return
        yield list(read_leads(connection, ids).values())
        after = ids[-1]


def members(connection: Connection, account_ids: Sequence[int]) -> list[int]:
    """Return the leads of the accounts, without the erased."""
    return list(
        connection.scalars(
            select(leads.c.id)
            .where(among(leads.c.account_id, account_ids), leads.c.stage != Stage.ERASED)
            .order_by(leads.c.id)
        )
    )


def statements(connection: Connection, account_ids: Sequence[int]) -> dict[int, list[Statement]]:
    """Return everything that was told about the accounts, oldest first."""
    found: dict[int, list[Statement]] = {}
    rows = connection.execute(
        select(facts)
        .where(among(facts.c.account_id, account_ids))
        .order_by(facts.c.occurred_at, facts.c.id)
    )
    for row in rows:
        found.setdefault(row.account_id, []).append(as_statement(dict(row._mapping)))
    return found


def add(connection: Connection, key: str, *, name: str, now: datetime) -> int:
    """Store an organization and return its id."""
    made = connection.execute(
        insert(accounts)
        .values(key=key, name=name, profile={}, created_at=now)
        .returning(accounts.c.id)
    )
    return int(made.scalar_one())


def target(connection: Connection, wanted: Mapping[int, tuple[str, str]], *, now: datetime) -> int:
    """Put accounts on the target list, id to name and source; return how many were not on it."""
    already = set(
        connection.scalars(
            select(accounts.c.id).where(
                among(accounts.c.id, list(wanted)), accounts.c.target_at.is_not(None)
            )
        )
    )
    fresh = sorted(set(wanted) - already)
    for account_id in fresh:
        name, source = wanted[account_id]
        values: dict[str, Any] = {"target_at": now, "source": source}
        if name:
            values["name"] = name
        connection.execute(update(accounts).where(accounts.c.id == account_id).values(values))
    return len(fresh)


def move_lead(connection: Connection, lead_id: int, *, to: int) -> None:
    """Let the lead belong to another account; what only it said of an unknown one goes along."""
    home = connection.execute(
        select(leads.c.account_id, accounts.c.key)
        .join(accounts, accounts.c.id == leads.c.account_id)
        .where(leads.c.id == lead_id)
    ).one()
    connection.execute(update(leads).where(leads.c.id == lead_id).values(account_id=to))
    # A name or a domain is shared: what one said of it is still known to the colleagues.
    if home.key.startswith("lead:"):
        connection.execute(
            update(facts)
            .where(facts.c.account_id == home.account_id, facts.c.lead_id == lead_id)
            .values(account_id=to)
        )
