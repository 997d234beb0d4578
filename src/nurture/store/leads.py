"""Leads and accounts: capture, read in batches, lock, ring, store profiles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from nurture.core.lead import (
    Gate,
    Lead,
    Profile,
    Recipient,
    Stage,
    Standing,
    Temperature,
    Trait,
    Value,
    Verdict,
    first_standing,
)
from nurture.core.message import Address, address_of
from nurture.store.db import Connection, Instant
from nurture.store.pauses import paused
from nurture.store.sets import among, among_given
from nurture.store.tables import accounts, consents, leads


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLead:
    """A lead to be stored. `match_key` None: hearsay, nobody can be mailed."""

    uid: str
    email: str
    match_key: str | None
    time_zone: str
    language: str
    source: str
    account_key: str
    account_name: str
    note: str
    suppressed: str
    captured_at: datetime
    profile: Profile = field(default_factory=dict)


def as_profile(stored: Mapping[str, Any]) -> dict[str, Value]:
    """Return a stored profile as core sees it: several choices are a tuple."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in stored.items()}


def account_ids(
    connection: Connection, wanted: Mapping[str, str], *, now: datetime
) -> dict[str, int]:
    """Return the ids of accounts by key, creating those that are new. `wanted`: key to name."""
    if not wanted:
        return {}
    rows = [
        {"key": key, "name": name, "profile": {}, "created_at": now}
        for key, name in sorted(wanted.items())
    ]
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(make(accounts).on_conflict_do_nothing(index_elements=["key"]), rows)
    found = connection.execute(
        select(accounts.c.key, accounts.c.id).where(accounts.c.key.in_(list(wanted)))
    )
    return {row.key: row.id for row in found}


def insert_leads(connection: Connection, new: Sequence[NewLead], *, now: datetime) -> None:
    """Store new leads; the caller has looked for duplicates in this transaction."""
    ids = account_ids(connection, {lead.account_key: lead.account_name for lead in new}, now=now)
    start = first_standing()
    connection.execute(
        insert(leads),
        [
            {
                "uid": lead.uid,
                "version": 1,
                "email": lead.email,
                "match_key": lead.match_key,
                "time_zone": lead.time_zone,
                "language": lead.language,
                "source": lead.source,
                "account_id": ids[lead.account_key],
                "profile": dict(lead.profile),
                "note": lead.note,
                "stage": start.stage,
                "temperature": start.temperature,
                "cycle_at": lead.captured_at,
                "suppressed": lead.suppressed,
                "captured_at": lead.captured_at,
                "check_at": now,
            }
            for lead in new
        ],
    )


def ids_by_match_key(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """Return lead ids by normalised address."""
    rows = connection.execute(
        select(leads.c.match_key, leads.c.id).where(leads.c.match_key.in_(list(keys)))
    )
    return {row.match_key: row.id for row in rows}


def ids_by_uid(connection: Connection, uids: Iterable[str]) -> dict[str, int]:
    """Return lead ids by public id."""
    rows = connection.execute(select(leads.c.uid, leads.c.id).where(leads.c.uid.in_(list(uids))))
    return {row.uid: row.id for row in rows}


def read(connection: Connection, ids: Sequence[int]) -> dict[int, Lead]:
    """Return leads by id with their accounts' profiles and the topics they consent to."""
    rows = connection.execute(_OF_THESE, {"ids": list(ids)}).tuples().all()
    return {row[0]: _as_lead(row) for row in rows}


TOPICS = (
    select(func.aggregate_strings(consents.c.topic, " "))
    .where(consents.c.lead_id == leads.c.id, consents.c.withdrawn_at.is_(None))
    .scalar_subquery()
)
"""The topics that the lead at hand consents to; `as_topics` reads them."""


# Few people's choices differ.
@lru_cache(maxsize=1024)
def as_topics(stored: str | None) -> frozenset[str]:
    """Return topics as core sees them."""
    return frozenset(stored.split()) if stored else frozenset()


_READ = (
    *(leads.c.id, leads.c.uid, leads.c.version, leads.c.email, leads.c.time_zone),
    *(leads.c.language, leads.c.source, leads.c.account_id, leads.c.profile, accounts.c.profile),
    *(TOPICS, leads.c.suppressed, leads.c.locked, leads.c.captured_at, leads.c.last_life_at),
    *(leads.c.archived_at, leads.c.temperature_at),
    *(leads.c.stage, leads.c.temperature, leads.c.grade, leads.c.fit),
    *(leads.c.engagement, leads.c.readiness, leads.c.cycle),
    *(leads.c[f"verdict_{gate}"] for gate in Gate),
    *(leads.c[f"trait_{trait}"] for trait in Trait),
)
_OF_THESE = (
    select(*_READ)
    .join(accounts, accounts.c.id == leads.c.account_id)
    .where(among_given(leads.c.id, "ids"))
)
_STAGES = {str(stage): stage for stage in Stage}
_TEMPERATURES = {str(temperature): temperature for temperature in Temperature}
_VERDICTS = {str(verdict): verdict for verdict in Verdict}


# There are 81 combinations of the one and 64 of the other, and nobody changes either in place.
@lru_cache
def _verdicts(said: tuple[str, ...]) -> Mapping[Gate, Verdict]:
    return {gate: _VERDICTS[verdict] for gate, verdict in zip(Gate, said, strict=True)}


@lru_cache
def _traits(values: tuple[int, ...]) -> Mapping[Trait, int]:
    return dict(zip(Trait, values, strict=True))


# Most leads stand where many others do.
@lru_cache(maxsize=4096)
def _standing(stored: tuple[Any, ...]) -> Standing:
    (stage, temperature, grade, fit, engagement, readiness, cycle) = stored[:7]
    return Standing(
        stage=_STAGES[stage],
        temperature=_TEMPERATURES[temperature],
        grade=grade,
        fit=fit,
        engagement=engagement,
        readiness=readiness,
        verdicts=_verdicts(stored[7:11]),
        traits=_traits(stored[11:]),
        cycle=cycle,
    )


def _tupled(profile: dict[str, Any]) -> dict[str, Value]:
    """Do as `as_profile` to a profile that was just read, and that nobody else has."""
    for name, value in profile.items():
        if type(value) is list:
            profile[name] = tuple(value)
    return profile


def _as_lead(row: tuple[Any, ...]) -> Lead:
    # By place, for this runs for every lead of every batch, and names would take half of its time.
    (lead_id, uid, version, email, time_zone, language, source, account_id) = row[:8]
    (profile, account, topics, suppressed, locked) = row[8:13]
    (captured_at, last_life_at, archived_at, temperature_at) = row[13:17]
    return Lead(
        id=lead_id,
        uid=uid,
        version=version,
        email=email,
        time_zone=time_zone,
        language=language,
        source=source,
        account_id=account_id,
        profile=_tupled(profile),
        account=_tupled(account),
        standing=_standing(row[17:]),
        topics=as_topics(topics),
        suppressed=suppressed,
        locked=locked,
        captured_at=captured_at,
        last_life_at=last_life_at,
        archived_at=archived_at,
        temperature_at=temperature_at,
    )


def addresses(connection: Connection, ids: Iterable[int]) -> dict[int, Address]:
    """Return where mail to the leads goes, by id."""
    rows = connection.execute(_ADDRESSES, {"ids": list(ids)}).tuples().all()
    return {lead_id: address_of(email, first, last) for lead_id, email, first, last in rows}


def held_recipients(
    connection: Connection, ids: Iterable[int], *, now: datetime
) -> dict[int, Recipient]:
    """Lock leads until the transaction ends, and return them as the last gate sees them, by id.

    Read when they are locked: a statement that waits for a lock looks past the lead's own row, at
    consents and pauses, as they were before.
    """
    wanted = sorted(set(ids))
    hold(connection, wanted)
    rows = connection.execute(_AT_THE_GATE, {"ids": wanted, "now": now}).tuples().all()
    return {
        lead_id: Recipient(
            email=email,
            time_zone=time_zone,
            topics=as_topics(topics),
            suppressed=suppressed,
            locked=locked,
            stage=_STAGES[stage],
            paused=bool(off),
        )
        for lead_id, email, time_zone, topics, suppressed, locked, stage, off in rows
    }


_ADDRESSES = select(
    *(leads.c.id, leads.c.email, leads.c.profile["first_name"].as_string()),
    leads.c.profile["last_name"].as_string(),
).where(among_given(leads.c.id, "ids"))


def hold(connection: Connection, ids: Iterable[int]) -> None:
    """Lock leads until the transaction ends; everybody who locks several rows begins with them.

    In one order, so that two transactions wait for each other and never lock each other up. On
    SQLite there is one writer at a time anyway.
    """
    wanted = sorted(set(ids))
    if wanted and connection.dialect.name == "postgresql":
        connection.execute(_HOLD, {"ids": wanted})


def locked_in_order(statement: Select[Any]) -> Select[Any]:
    """Let a statement about leads lock them, as `hold` does."""
    # Without `key_share` every row that refers to one of these leads would have to wait too.
    return statement.order_by(leads.c.id).with_for_update(key_share=True, of=leads)


_HOLD = locked_in_order(select(leads.c.id).where(among_given(leads.c.id, "ids")))
_AT_THE_GATE = select(
    *(leads.c.id, leads.c.email, leads.c.time_zone, TOPICS, leads.c.suppressed),
    *(leads.c.locked, leads.c.stage, paused(leads.c.id, now=bindparam("now", type_=Instant))),
).where(among_given(leads.c.id, "ids"))


def cycle_starts(connection: Connection, ids: Sequence[int]) -> dict[int, datetime]:
    """Return when each lead's present qualification cycle began."""
    rows = connection.execute(select(leads.c.id, leads.c.cycle_at).where(leads.c.id.in_(ids)))
    return {row.id: row.cycle_at for row in rows}


def unchanged(connection: Connection, seen: Mapping[int, int]) -> set[int]:
    """Lock leads; return the ids that are still at the version read (`seen`: id to version)."""
    statement = select(leads.c.id, leads.c.version).where(among(leads.c.id, seen))
    # Held: an event that comes in now must wait, or what is stored next would hide it.
    rows = connection.execute(locked_in_order(statement)).tuples()
    return {lead_id for lead_id, version in rows if seen[lead_id] == version}


def touch(
    connection: Connection,
    ids: Iterable[int],
    *,
    now: datetime,
    life: Mapping[int, datetime] | None = None,
) -> None:
    """Ask for an assessment now, and raise the version so that older results are refused.

    `life`: leads that showed a sign of life, and when.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return
    if len(wanted) > 1:
        hold(connection, wanted)
    connection.execute(
        update(leads)
        .where(among(leads.c.id, wanted), leads.c.stage != Stage.ERASED)
        .values(check_at=now, version=leads.c.version + 1)
    )
    if life:
        connection.execute(
            update(leads)
            .where(
                leads.c.id == bindparam("key"),
                func.coalesce(leads.c.last_life_at, 0)
                < bindparam("at", type_=leads.c.last_life_at.type),
            )
            .values(last_life_at=bindparam("at", type_=leads.c.last_life_at.type)),
            [{"key": key, "at": at} for key, at in sorted(life.items())],
        )


def set_check(connection: Connection, ids: Sequence[int], *, at: datetime) -> None:
    """Assess these leads again at the given time, whatever is due before."""
    connection.execute(update(leads).where(leads.c.id.in_(ids)).values(check_at=at))


def check_everybody(connection: Connection, *, now: datetime) -> int:
    """Put every lead but the erased up for assessment (a new release was applied)."""
    return connection.execute(
        update(leads).where(leads.c.stage != Stage.ERASED).values(check_at=now)
    ).rowcount


def lock(connection: Connection, ids: Sequence[int]) -> None:
    """Mark leads as being with sales: no nurture mail passes the gate any more."""
    connection.execute(update(leads).where(leads.c.id.in_(ids)).values(locked=True))


def archive(connection: Connection, ids: Sequence[int], *, now: datetime) -> None:
    """Move leads to the inactive file; when to look again is for the next look to find."""
    connection.execute(
        update(leads)
        .where(leads.c.id.in_(ids))
        .values(
            stage=Stage.INACTIVE,
            archived_at=now,
            check_at=now,
            version=leads.c.version + 1,
        )
    )


def store_profiles(connection: Connection, profiles: Mapping[int, Profile]) -> None:
    """Replace the current profiles of leads."""
    connection.execute(
        update(leads).where(leads.c.id == bindparam("key")).values(profile=bindparam("new")),
        [{"key": key, "new": dict(value)} for key, value in sorted(profiles.items())],
    )


def store_account_profiles(connection: Connection, profiles: Mapping[int, Profile]) -> None:
    """Replace the current profiles of accounts."""
    connection.execute(
        update(accounts)
        .where(accounts.c.id == bindparam("account"))
        .values(profile=bindparam("new")),
        [{"account": key, "new": dict(value)} for key, value in sorted(profiles.items())],
    )


def colleagues(connection: Connection, account_ids_: Sequence[int]) -> dict[int, list[int]]:
    """Return the leads of each account."""
    rows = connection.execute(
        select(leads.c.account_id, leads.c.id)
        .where(leads.c.account_id.in_(account_ids_))
        .order_by(leads.c.id)
    )
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row.account_id, []).append(row.id)
    return found
