"""Profile facts with provenance, consent, and the suppression list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.known import Statement, as_statement, known
from nurture.core.lead import Value
from nurture.core.suppression import GRAVITY
from nurture.store import locks
from nurture.store.db import Connection
from nurture.store.sets import among_given
from nurture.store.tables import consents, facts, leads, suppressions


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFact:
    """One answer: about the lead, or (with `account_id`) about its organization.

    `lead_id` None: nobody of the organization said it, a list of target accounts did.
    """

    lead_id: int | None
    account_id: int | None
    name: str
    value: Value
    source: str
    occurred_at: datetime
    recorded_at: datetime
    valid_until: datetime | None


def add_facts(connection: Connection, new: Sequence[NewFact]) -> None:
    """Append facts; older ones stay beside them."""
    if new:
        connection.execute(
            insert(facts),
            [
                {
                    "lead_id": fact.lead_id,
                    "account_id": fact.account_id,
                    "name": fact.name,
                    "value": fact.value,
                    "source": fact.source,
                    "occurred_at": fact.occurred_at,
                    "recorded_at": fact.recorded_at,
                    "valid_until": fact.valid_until,
                }
                for fact in new
            ],
        )


def current_profiles(
    connection: Connection,
    *,
    lead_ids: Iterable[int] = (),
    account_ids: Iterable[int] = (),
    now: datetime,
) -> tuple[dict[int, dict[str, Any]], dict[int, dict[str, Any]]]:
    """Return the value that counts per field, as `core.known` chooses, for leads and accounts."""
    wanted_leads, wanted_accounts = list(lead_ids), list(account_ids)
    rows = connection.execute(
        select(facts)
        .where(
            or_(
                and_(facts.c.account_id.is_(None), facts.c.lead_id.in_(wanted_leads)),
                facts.c.account_id.in_(wanted_accounts),
            )
        )
        .order_by(facts.c.occurred_at, facts.c.id)
    )
    said: dict[tuple[bool, int], list[Statement]] = {}
    for row in rows:
        of_lead = row.account_id is None
        owner = of_lead, row.lead_id if of_lead else row.account_id
        said.setdefault(owner, []).append(as_statement(dict(row._mapping)))
    found = {
        owner: {
            key.partition(".")[2]: _stored(one.held.value) for key, one in known(told, now).items()
        }
        for owner, told in said.items()
    }
    return (
        {key: found.get((True, key), {}) for key in wanted_leads},
        {key: found.get((False, key), {}) for key in wanted_accounts},
    )


def _stored(value: Value) -> Value | list[str]:
    return list(value) if isinstance(value, tuple) else value


def facts_of(connection: Connection, lead_id: int, account_id: int) -> list[dict[str, Any]]:
    """Return every fact about the lead and its account with provenance, oldest first."""
    rows = connection.execute(
        select(facts)
        .where(
            or_(
                and_(facts.c.account_id.is_(None), facts.c.lead_id == lead_id),
                facts.c.account_id == account_id,
            )
        )
        .order_by(facts.c.occurred_at, facts.c.id)
    )
    return [dict(row._mapping) for row in rows]


def give_consent(
    connection: Connection,
    given: Sequence[Mapping[str, Any]],
) -> None:
    """Record consent: lead_id, topic, basis, source, wording, given_at.

    A withdrawal stands against everything that was given before it.
    """
    if not given:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(consents)
    newer = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["lead_id", "topic"],
            set_={
                "basis": newer.basis,
                "source": newer.source,
                "wording": newer.wording,
                "given_at": newer.given_at,
                "withdrawn_at": None,
            },
            where=and_(
                consents.c.withdrawn_at.is_not(None),
                consents.c.withdrawn_at < newer.given_at,
            ),
        ),
        [dict(item) for item in given],
    )


def withdraw_consent(
    connection: Connection, lead_ids: Sequence[int], topics: Sequence[str] | None, *, at: datetime
) -> None:
    """Withdraw consent for the topics, None for all."""
    statement = (
        update(consents)
        .where(consents.c.lead_id.in_(lead_ids), consents.c.withdrawn_at.is_(None))
        .values(withdrawn_at=at)
    )
    connection.execute(
        statement if topics is None else statement.where(consents.c.topic.in_(topics))
    )


def consents_of(connection: Connection, lead_id: int) -> list[dict[str, Any]]:
    """Return the lead's consents."""
    rows = connection.execute(
        select(consents).where(consents.c.lead_id == lead_id).order_by(consents.c.id)
    )
    return [dict(row._mapping) for row in rows]


def suppress(
    connection: Connection, hashed: Mapping[str, tuple[str, str]], *, now: datetime
) -> None:
    """Put address hashes on the suppression list: hash to (reason, evidence).

    The gravest reason stands, in whatever order they come: a complaint outranks what a new
    consent could lift, and an erasure everything: it also forbids to create the lead again.
    """
    if not hashed:
        return
    locks.before_stopping(connection)
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(suppressions)
    newer = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["address_hash"],
            set_={"reason": newer.reason, "evidence": newer.evidence},
            where=_gravity(newer.reason) > _gravity(suppressions.c.reason),
        ),
        [
            {"address_hash": key, "reason": reason, "evidence": evidence, "created_at": now}
            for key, (reason, evidence) in sorted(hashed.items())
        ],
    )


def _gravity(reason: ColumnElement[str]) -> ColumnElement[int]:
    # Written out: values that are bound cannot be part of an executemany.
    return case(
        *[
            (reason == literal_column(f"'{name}'"), literal_column(str(gravity)))
            for name, gravity in GRAVITY.items()
        ],
        else_=literal_column("0"),
    )


def suppressed(connection: Connection, hashes: Iterable[str]) -> dict[str, str]:
    """Return the reason for each of the hashes that is on the list."""
    rows = connection.execute(_ON_THE_LIST, {"hashes": list(hashes)})
    return dict(rows.tuples().all())


_ON_THE_LIST = select(suppressions.c.address_hash, suppressions.c.reason).where(
    among_given(suppressions.c.address_hash, "hashes")
)


def mark_suppressed(connection: Connection, reasons: Mapping[int, str]) -> None:
    """Write the reason onto the leads' rows, where every gate reads it; the gravest stands."""
    for reason in sorted(set(reasons.values())):
        ids = [key for key, value in reasons.items() if value == reason]
        as_grave = [name for name, gravity in GRAVITY.items() if gravity >= GRAVITY.get(reason, 0)]
        connection.execute(
            update(leads)
            .where(
                leads.c.id.in_(ids),
                leads.c.suppressed.not_in(as_grave),
            )
            .values(suppressed=reason)
        )


def suppression_count(connection: Connection) -> int:
    """Return how many addresses are on the list."""
    return connection.execute(select(func.count()).select_from(suppressions)).scalar_one()
